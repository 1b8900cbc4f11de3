#include "speech.h"

#include <stdio.h>
#include <string.h>

/* What both are told of: a push of the main door. */
#define RECEIVED "chat:message_received"

static bool begins(const char *text, size_t length, const char *with) {
    size_t most = strlen(with);
    return length >= most && memcmp(text, with, most) == 0;
}

/* `extra` are the bytes behind the text: STOMP's NUL. */
static void say(Client *client, const char *format, const char *one, const char *other,
                size_t extra) {
    Buffer text = {0};
    size_t most = strlen(format) + strlen(one) + strlen(other) + extra + 1;
    int length = snprintf(buffer_room(&text, most), most, format, one, other);
    websocket_send(&client->socket, text.data, (size_t)length + extra);
    buffer_free(&text);
}

static void told(Client *client, const char *body, size_t length) {
    Event event = {RECEIVED, sizeof RECEIVED - 1, body, length};
    if (client->handlers->event) client->handlers->event(client, &event);
}

/* -- messaging: it says hello, and is told who it is ---------------------------------------- */

static void messaging_opened(Client *client) { client->state = JOINING; }

static void messaging_text(Client *client, const char *text, size_t length) {
    if (begins(text, length, "{\"type\":\"new_private_message\"")) {
        told(client, text, length);
    } else if (begins(text, length, "{\"type\":\"connected\"")) {
        if (client->state == JOINING) {
            say(client, "{\"type\":\"authenticate\",\"token\":\"%s\"%s}", client->line->token, "",
                0);
            client->state = AWAITING;
        } else if (client->state == AWAITING) {
            client_ready(client);
        }
    } else if (begins(text, length, "{\"type\":\"auth_error\"")) {
        stream_fail(&client->socket.stream, "not let in");
    }
}

/* -- marketplace: STOMP 1.2, a frame in each message ---------------------------------------- */

static void stomp_opened(Client *client) {
    client->state = JOINING;
    say(client, "CONNECT\naccept-version:1.2\nheart-beat:0,0\ntoken:%s\n%s\n", client->line->token,
        "", 1);
}

static void stomp_text(Client *client, const char *text, size_t length) {
    if (begins(text, length, "MESSAGE\n")) {
        const char *body = memmem(text, length, "\n\n", 2);
        if (body && memmem(body, (size_t)(text + length - body), "\"NEW_MESSAGE\"", 13))
            told(client, body + 2, (size_t)(text + length - body) - 2);
    } else if (begins(text, length, "CONNECTED\n")) {
        const char *topic = client_settings.topic;
        say(client, "SUBSCRIBE\nid:0\nreceipt:0\ndestination:%s%s\n\n",
            topic ? "/topic/conversation." : "/user/queue/notifications", topic ? topic : "", 1);
        client->state = AWAITING;
    } else if (begins(text, length, "RECEIPT\n")) {
        client_ready(client);
    } else if (begins(text, length, "ERROR\n")) {
        stream_fail(&client->socket.stream, "an ERROR came");
    }
}

static const Speech known[] = {
    {"messaging", "/messaging/ws", messaging_opened, messaging_text},
    {"marketplace", "/marketplace/ws", stomp_opened, stomp_text},
};

const Speech *speech_named(const char *name) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0) return &known[i];
    die(2, "--speak %s: there are messaging and marketplace", name);
}
