/* ask: how fast commands are answered, and what they push is delivered. */
#include "json.h"
#include "modes.h"
#include "report.h"
#include "talk.h"

int mode_ask(const Options *options) {
    Talk *talk = allocate(1, sizeof *talk);
    Roster roster = roster_read(options->connections, options->auth_file);
    talk_open(talk, &roster, options);
    json_begin("ask");
    json_integer("connections", roster.count);
    report_asks(&talk->asker, options, &talk->dropped);
    json_end();
    if (talk->dropped)
        warn("%u of %u connections were dropped, the first one: %s", talk->dropped, roster.count,
             talk->why);
    return asker_has_senders(&talk->asker) ? 0 : 1;
}
