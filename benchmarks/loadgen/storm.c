/* storm: many come back at once with what they missed, while others go on talking. */
#include "json.h"
#include "modes.h"
#include "report.h"
#include "talk.h"
#include "usage.h"

#include <stdio.h>

typedef enum Fate { UNDECIDED, RECOVERED, LOST } Fate;

typedef struct Comer {
    uint32_t pushes;
    Fate fate;
} Comer;

typedef struct Storm {
    Opener opener;
    Comer *comers; /* by the client's number */
    const char *push;
    uint32_t missed, recovered, lost;
    uint64_t pushes, live_pushes, last_ns;
    Histogram durations;
    Usage before, after;
    uint64_t began_ns;
    double own_cpu_seconds;
    char why[200];
} Storm;

static void recovered(Storm *storm, const Client *client) {
    Comer *comer = &storm->comers[client->index];
    if (comer->fate != UNDECIDED) return;
    comer->fate = RECOVERED;
    storm->recovered++;
    storm->last_ns = arrival_ns;
    histogram_add(&storm->durations, arrival_ns - client->started_ns);
}

static void on_ready(Client *client) {
    Storm *storm = client->owner;
    if (!storm->missed) recovered(storm, client);
    opener_ready(&storm->opener);
}

static void on_event(Client *client, const Event *event) {
    Storm *storm = client->owner;
    Marker marker;
    if (!storm->push || !event_is(event, storm->push)) return;
    /* What is said meanwhile was not missed. */
    if (marker_find(event->arguments, event->length, &marker) && marker.ours) {
        storm->live_pushes++;
        return;
    }
    storm->pushes++;
    if (++storm->comers[client->index].pushes == storm->missed) recovered(storm, client);
}

static void on_closed(Client *client, const char *why) {
    Storm *storm = client->owner;
    Comer *comer = &storm->comers[client->index];
    if (comer->fate == UNDECIDED) {
        comer->fate = LOST;
        if (!storm->lost++) snprintf(storm->why, sizeof storm->why, "%s", why);
    }
    if (client->state != READY) opener_failed(&storm->opener, why);
}

static const ClientHandlers handlers = {.ready = on_ready, .event = on_event, .closed = on_closed};

static bool is_over(void *context) {
    Storm *storm = context;
    opener_start(&storm->opener);
    opener_expire(&storm->opener);
    return storm->recovered + storm->lost == storm->opener.count;
}

/* The calm, and then the storm, while the live ones talk on a fixed schedule. */
static void play(Storm *storm, Asker *asker, const Options *options) {
    Window *calm = &asker->windows[0], *stormy = &asker->windows[1];
    asker_begin(asker);
    asker_run(asker, clock_ns() + seconds_ns(options->warmup), NULL, NULL);
    window_open(calm);
    asker_run(asker, clock_ns() + seconds_ns(options->calm), NULL, NULL);
    window_close(calm);

    storm->before = usage_now();
    double own = usage_own();
    window_open(stormy);
    storm->began_ns = stormy->from_ns;
    asker_run(asker, storm->began_ns + seconds_ns(options->timeout), is_over, storm);
    window_close(stormy);
    storm->after = usage_now();
    storm->own_cpu_seconds = usage_own() - own;
    asker_stop(asker);
    asker_settle(asker, options->settle);
}

static void print(const Storm *storm, const Talk *talk) {
    uint32_t count = storm->opener.count;
    double seconds = storm->recovered ? (double)(storm->last_ns - storm->began_ns) / 1e9 : 0;
    const Window *calm = &talk->asker.windows[0], *stormy = &talk->asker.windows[1];
    json_begin("storm");
    json_integer("connections", count);
    json_integer("recovered", storm->recovered);
    json_integer("failed", count - storm->recovered);
    json_number("seconds", seconds);
    json_number("recovered_per_second", (double)storm->recovered / seconds);
    json_durations("recovered_us", &storm->durations);
    json_integer("pushes", storm->pushes);
    json_integer("pushes_expected", (uint64_t)count * storm->missed);
    json_integer("live_pushes", storm->live_pushes);
    json_durations("live_calm_us", &calm->ack);
    json_durations("live_storm_us", &stormy->ack);
    json_durations("live_delivery_calm_us", &calm->delivery);
    json_durations("live_delivery_storm_us", &stormy->delivery);
    json_durations("send_lag_storm_us", &stormy->lag);
    json_integer("live_dropped", talk->dropped);
    report_totals(&talk->asker);
    json_number("cpu_seconds", storm->after.cpu_seconds - storm->before.cpu_seconds);
    json_integer("rss_start_kb", storm->before.rss_kb);
    json_integer("rss_end_kb", storm->after.rss_kb);
    json_number("own_cpu_seconds", storm->own_cpu_seconds);
    json_end();
}

int mode_storm(const Options *options) {
    Storm *storm = allocate(1, sizeof *storm);
    Talk *talk = allocate(1, sizeof *talk);
    Roster comers = roster_read(options->connections, options->auth_file);
    Roster live = roster_read(options->live, NULL);
    storm->comers = allocate(comers.count, sizeof *storm->comers);
    storm->push = options->push;
    storm->missed = (uint32_t)options->missed;
    opener_init(&storm->opener, &comers, &handlers, storm, (int)options->connect_window,
                options->timeout);
    talk_open(talk, &live, options);
    play(storm, &talk->asker, options);
    print(storm, talk);
    if (storm->recovered < comers.count)
        warn("%u of %u did not recover%s%s", comers.count - storm->recovered, comers.count,
             storm->lost ? ", the first one: " : "", storm->why);
    return storm->recovered ? 0 : 1;
}
