#include "opener.h"

#include <stdio.h>

void opener_init(Opener *opener, const Roster *roster, const ClientHandlers *handlers, void *owner,
                 int window, double timeout) {
    *opener = (Opener){
        .clients = allocate(roster->count, sizeof(Client)),
        .count = roster->count,
        .window = (uint32_t)window,
        .patience_ns = seconds_ns(timeout),
    };
    for (uint32_t i = 0; i < roster->count; i++) {
        Client *client = &opener->clients[i];
        client->socket.stream.fd = -1;
        client->handlers = handlers;
        client->owner = owner;
        client->line = &roster->lines[i];
        client->index = i;
    }
}

/* A connect takes some 30 µs of this process; others who talk meanwhile are not to wait for 2,000 of them. */
enum { OPENED_AT_ONCE = 8 };

void opener_start(Opener *opener) {
    for (int opened = 0; opened < OPENED_AT_ONCE && opener->started < opener->count &&
                         opener->started - opener->ready - opener->failed < opener->window;
         opened++)
        client_open(&opener->clients[opener->started++]);
}

void opener_ready(Opener *opener) {
    opener->ready++;
    opener_start(opener);
}

void opener_failed(Opener *opener, const char *why) {
    if (!opener->failed++) snprintf(opener->why, sizeof opener->why, "%s", why);
    opener_start(opener);
}

bool opener_done(const Opener *opener) { return opener->ready + opener->failed == opener->count; }

uint64_t opener_expire(Opener *opener) {
    for (; opener->oldest < opener->started; opener->oldest++) {
        Client *client = &opener->clients[opener->oldest];
        if (client->state == READY || client->state == GONE) continue;
        uint64_t end = client->started_ns + opener->patience_ns;
        if (end > clock_ns()) return end;
        stream_fail(&client->socket.stream, "not ready in time");
    }
    return NEVER;
}

void opener_run(Opener *opener) {
    for (;;) {
        opener_start(opener);
        uint64_t next = opener_expire(opener);
        if (opener_done(opener)) return;
        loop_once(next);
    }
}

void opener_require_all(const Opener *opener) {
    if (opener->failed)
        die(1, "%u of %u connections failed, the first one: %s", opener->failed, opener->count,
            opener->why);
}

void opener_close_all(Opener *opener) {
    for (uint32_t i = 0; i < opener->count; i++)
        if (opener->clients[i].socket.stream.fd >= 0) client_close(&opener->clients[i]);
}
