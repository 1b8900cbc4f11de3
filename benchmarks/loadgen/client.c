#include "client.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "speech.h"

ClientSettings client_settings;

bool event_is(const Event *event, const char *name) {
    return strlen(name) == event->name_length && memcmp(name, event->name, event->name_length) == 0;
}

void client_ready(Client *client) {
    client->state = READY;
    client->ready_ns = arrival_ns;
    client->handlers->ready(client);
}

static void send_connect(Client *client) {
    const Line *line = client->line;
    size_t most = strlen(line->token) + strlen(line->auth) + 32;
    Buffer packet = {0};
    int length = snprintf(buffer_room(&packet, most), most, "40{\"token\":\"%s\"%s%s}", line->token,
                          *line->auth ? "," : "", line->auth);
    websocket_send(&client->socket, packet.data, (size_t)length);
    buffer_free(&packet);
    client->state = JOINING;
}

static void on_connect(Client *client, const char *data, size_t length) {
    if (client->state != JOINING) {
        stream_fail(&client->socket.stream, "a CONNECT out of place");
        return;
    }
    if (client_settings.keep_pid) client->pid = json_text_of(data, length, "pid");
    client->state = AWAITING;
    if (!client_settings.ready) client_ready(client);
}

static void on_event(Client *client, const char *data, size_t length) {
    /* ["name",…] */
    if (length < 4 || data[0] != '[' || data[1] != '"' || data[length - 1] != ']') return;
    const char *name = data + 2, *end = memchr(name, '"', length - 2);
    if (!end) return;
    const char *arguments = end + 1;
    while (*arguments == ' ' || *arguments == ',') arguments++;
    Event event = {name, (size_t)(end - name), arguments, (size_t)(data + length - 1 - arguments)};
    if (client->handlers->event) client->handlers->event(client, &event);
    if (client->state == AWAITING && event_is(&event, client_settings.ready)) client_ready(client);
}

static void on_packet(Client *client, const char *data, size_t length) {
    char kind = data[0];
    char why[160];
    data++;
    length--;
    uint64_t id = 0;
    switch (kind) {
    case '0':
        on_connect(client, data, length);
        break;
    case '1':
        stream_fail(&client->socket.stream, "the server disconnected the client");
        break;
    case '2':
    case '3':
        for (; length && *data >= '0' && *data <= '9'; data++, length--)
            id = 10 * id + (uint64_t)(*data - '0');
        if (kind == '2') on_event(client, data, length);
        else if (client->handlers->ack) client->handlers->ack(client, id, data, length);
        break;
    case '4':
        snprintf(why, sizeof why, "refused: %.*s", length > 140 ? 140 : (int)length, data);
        stream_fail(&client->socket.stream, why);
        break;
    default:
        stream_fail(&client->socket.stream, "a packet that loadgen does not know");
    }
}

static const Speech *speech_of(const Client *client) {
    return client->line->target ? NULL : client_settings.speech;
}

static void on_text(WebSocket *socket, const char *text, size_t length) {
    Client *client = (Client *)socket;
    const Speech *speech = speech_of(client);
    if (speech) {
        speech->text(client, text, length);
        return;
    }
    switch (length ? text[0] : 0) {
    case '0':
        send_connect(client);
        break;
    case '1':
        stream_fail(&socket->stream, "the server closed the session");
        break;
    case '2':
        websocket_send(socket, "3", 1);
        break;
    case '4':
        if (length > 1) {
            on_packet(client, text + 1, length - 1);
            break;
        }
        /* fall through */
    default:
        if (length && text[0] == '6') break; /* a noop */
        stream_fail(&socket->stream, "not an Engine.IO packet");
    }
}

static void on_opened(WebSocket *socket) {
    Client *client = (Client *)socket;
    const Speech *speech = speech_of(client);
    if (speech) speech->opened(client);
}

static void on_closed(WebSocket *socket, const char *why) {
    Client *client = (Client *)socket;
    client->handlers->closed(client, why);
    client->state = GONE;
}

static const WebSocketHandlers socket_handlers = {on_opened, on_text, on_closed, NULL};

void client_open(Client *client) {
    client->state = OPENING;
    client->started_ns = clock_ns();
    const Speech *speech = speech_of(client);
    websocket_connect(&client->socket, &socket_handlers,
                      &client_settings.servers[client->index % client_settings.server_count],
                      speech ? speech->path : client_settings.path);
}

void client_close(Client *client) {
    websocket_close(&client->socket);
    client->state = GONE;
}

void client_send(Client *client, const char *packet, size_t length) {
    websocket_send(&client->socket, packet, length);
}
