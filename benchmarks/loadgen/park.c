/* park: connects everybody, and writes down where each of them was when it was lost: what storm
 * comes back with. */
#include "json.h"
#include "modes.h"
#include "opener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct Park {
    Opener opener;
    Buffer *offsets; /* by the client's number: the last one, as it stood in JSON */
    uint32_t dropped;
} Park;

static void on_ready(Client *client) { opener_ready(&((Park *)client->owner)->opener); }

/* As a stock client does: whatever event has a string for its last argument has an offset. */
static void on_event(Client *client, const Event *event) {
    Buffer *offset = &((Park *)client->owner)->offsets[client->index];
    const char *text;
    size_t length;
    if (!json_last_text(event->arguments, event->length, &text, &length)) return;
    offset->length = 0;
    buffer_add(offset, text, length);
}

static void on_closed(Client *client, const char *why) {
    Park *park = client->owner;
    if (client->state != READY) opener_failed(&park->opener, why);
    else park->dropped++;
}

static const ClientHandlers handlers = {.ready = on_ready, .event = on_event, .closed = on_closed};

static uint32_t save(const Park *park, const char *path) {
    uint32_t resumable = 0;
    FILE *file = fopen(path, "w");
    if (!file) die(1, "%s: %s", path, strerror(errno));
    for (uint32_t i = 0; i < park->opener.count; i++) {
        const Client *client = &park->opener.clients[i];
        const Buffer *offset = &park->offsets[i];
        const char *target = client->line->target;
        fprintf(file, "%s\t%s\t", client->line->token, target ? target : "-");
        if (client->pid && offset->length) {
            resumable++;
            fprintf(file, "{\"pid\":\"%s\",\"offset\":\"%.*s\"}\n", client->pid,
                    (int)offset->length, offset->data);
        } else {
            fputs("{}\n", file);
        }
    }
    if (fclose(file)) die(1, "%s: %s", path, strerror(errno));
    return resumable;
}

int mode_park(const Options *options) {
    Park park = {0};
    Roster roster = roster_read(options->connections, options->auth_file);
    park.offsets = allocate(roster.count, sizeof *park.offsets);
    client_settings.keep_pid = true;
    opener_init(&park.opener, &roster, &handlers, &park, (int)options->connect_window,
                options->timeout);
    opener_run(&park.opener);
    opener_require_all(&park.opener);
    uint64_t end = clock_ns() + seconds_ns(options->hold);
    while (clock_ns() < end) loop_once(end);
    uint32_t resumable = save(&park, options->save);
    opener_close_all(&park.opener);

    json_begin("park");
    json_integer("connections", roster.count);
    json_integer("resumable", resumable);
    json_integer("dropped", park.dropped);
    json_end();
    return 0;
}
