#include "talk.h"

#include <stdio.h>
#include <string.h>

#include "json.h"

static void on_ready(Client *client) { opener_ready(&((Talk *)client->owner)->opener); }

static void on_event(Client *client, const Event *event) {
    Talk *talk = client->owner;
    if (talk->push && event_is(event, talk->push))
        asker_pushed(&talk->asker, event->arguments, event->length);
}

static void on_ack(Client *client, uint64_t id, const char *body, size_t length) {
    Talk *talk = client->owner;
    asker_answered(&talk->asker, talk->sender_of[client->index], id, json_refused(body, length));
}

static void on_closed(Client *client, const char *why) {
    Talk *talk = client->owner;
    if (client->state != READY) {
        opener_failed(&talk->opener, why);
        return;
    }
    if (!talk->dropped++) snprintf(talk->why, sizeof talk->why, "%s", why);
    uint32_t sender = talk->sender_of[client->index];
    if (sender != NOBODY) asker_lost(&talk->asker, sender);
}

static const ClientHandlers handlers = {on_ready, on_event, on_ack, on_closed};

static void send_packet(void *connection, uint32_t ask, const char *text, size_t length) {
    (void)ask;
    client_send(connection, text, length);
}

static Template *packet_of(const Options *options) {
    char before[256];
    int length = snprintf(before, sizeof before, "42%s[\"%s\",", options->no_ack ? "" : "$ask",
                          options->event);
    if (length >= (int)sizeof before) die(2, "--event %s: too long", options->event);
    return template_parse(before, options->payload, "]");
}

void talk_open(Talk *talk, const Roster *roster, const Options *options) {
    talk->push = options->push;
    talk->sender_of = allocate(roster->count, sizeof *talk->sender_of);
    opener_init(&talk->opener, roster, &handlers, talk, (int)options->connect_window,
                options->timeout);
    asker_init(&talk->asker, options, packet_of(options), roster->count);
    talk->asker.send = send_packet;
    for (uint32_t i = 0; i < roster->count; i++) {
        const char *target = roster->lines[i].target;
        talk->sender_of[i] =
            target ? asker_add_sender(&talk->asker, &talk->opener.clients[i], target) : NOBODY;
    }
    if (!talk->asker.sender_count) die(2, "nobody has a target, so nobody asks");
    opener_run(&talk->opener);
    opener_require_all(&talk->opener);
}
