/* connect: how fast clients connect, what they cost while idle, and what it costs to lose all at
 * once. */
#include "json.h"
#include "modes.h"
#include "opener.h"
#include "usage.h"

#include <stdio.h>

typedef struct Crowd {
    Opener opener;
    Histogram durations;
    uint64_t last_ready_ns;
    uint32_t dropped;
    char why[200];
} Crowd;

static void on_ready(Client *client) {
    Crowd *crowd = client->owner;
    histogram_add(&crowd->durations, client->ready_ns - client->started_ns);
    crowd->last_ready_ns = client->ready_ns;
    opener_ready(&crowd->opener);
}

static void on_closed(Client *client, const char *why) {
    Crowd *crowd = client->owner;
    if (client->state != READY) opener_failed(&crowd->opener, why);
    else if (!crowd->dropped++) snprintf(crowd->why, sizeof crowd->why, "%s", why);
}

static const ClientHandlers handlers = {.ready = on_ready, .closed = on_closed};

static void wait_for(double seconds) {
    uint64_t end = clock_ns() + seconds_ns(seconds);
    while (clock_ns() < end) loop_once(end);
}

int mode_connect(const Options *options) {
    Crowd *crowd = allocate(1, sizeof *crowd);
    Opener *opener = &crowd->opener;
    Roster roster = roster_read(options->connections, options->auth_file);
    opener_init(opener, &roster, &handlers, crowd, (int)options->connect_window, options->timeout);

    Usage before = usage_now();
    uint64_t began = clock_ns();
    opener_run(opener);
    Usage connected = usage_now();
    wait_for(options->hold);
    Usage held = usage_now();
    opener_close_all(opener);
    wait_for(options->after);
    Usage after = usage_now();

    double seconds = opener->ready ? (double)(crowd->last_ready_ns - began) / 1e9 : 0;
    json_begin("connect");
    json_integer("connections", roster.count);
    json_integer("ready", opener->ready);
    json_integer("failed", opener->failed);
    json_integer("dropped", crowd->dropped);
    json_number("seconds", seconds);
    json_number("connects_per_second", (double)opener->ready / seconds);
    json_durations("connect_us", &crowd->durations);
    json_number("cpu_seconds", connected.cpu_seconds - before.cpu_seconds);
    json_number("idle_cpu_seconds", held.cpu_seconds - connected.cpu_seconds);
    json_integer("rss_start_kb", before.rss_kb);
    json_integer("rss_end_kb", held.rss_kb);
    json_number("kb_per_connection",
                ((double)held.rss_kb - (double)before.rss_kb) / (double)opener->ready);
    json_number("disconnect_cpu_seconds", after.cpu_seconds - held.cpu_seconds);
    json_number("own_cpu_seconds", usage_own());
    json_end();
    if (opener->failed)
        warn("%u of %u connections failed, the first one: %s", opener->failed, opener->count,
             opener->why);
    if (crowd->dropped) warn("%u were dropped, the first one: %s", crowd->dropped, crowd->why);
    return opener->ready ? 0 : 1;
}
