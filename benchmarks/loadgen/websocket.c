#include "websocket.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "frame.h"

/* The nonce is the RFC's own example. It keeps caches from answering; there is none between here
   and the server, and so the generator's sink needs no SHA-1. */
#define NONCE "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum { HEAD = 16 * 1024 };

static void send_frame(WebSocket *socket, unsigned opcode, const char *payload, size_t length) {
    char *to = stream_room(&socket->stream, FRAME_HEADER + length);
    stream_wrote(&socket->stream, frame_write(to, opcode, payload, length, !socket->server));
}

void websocket_send(WebSocket *socket, const char *text, size_t length) {
    send_frame(socket, OP_TEXT, text, length);
}

static void on_message(WebSocket *socket, const Frame *frame) {
    if (frame->opcode == OP_CONTINUATION ? !socket->fragmented : socket->fragmented) {
        stream_fail(&socket->stream, "a frame out of place");
    } else if (frame->final && !socket->fragmented) {
        socket->handlers->text(socket, frame->payload, frame->length);
    } else {
        buffer_add(&socket->fragments, frame->payload, frame->length);
        socket->fragmented = !frame->final;
        if (!frame->final) return;
        Buffer whole = socket->fragments;
        socket->fragments = (Buffer){0};
        socket->handlers->text(socket, whole.data, whole.length);
        buffer_free(&whole);
    }
}

static void on_frame(WebSocket *socket, const Frame *frame) {
    char why[160];
    switch (frame->opcode) {
    case OP_TEXT:
    case OP_CONTINUATION:
        on_message(socket, frame);
        break;
    case OP_PING:
        send_frame(socket, OP_PONG, frame->payload, frame->length);
        break;
    case OP_PONG:
        break;
    case OP_CLOSE:
        if (frame->length < 2) snprintf(why, sizeof why, "closed without a code");
        else
            snprintf(why, sizeof why, "closed with %d %.*s",
                     (uint8_t)frame->payload[0] << 8 | (uint8_t)frame->payload[1],
                     frame->length > 125 ? 0 : (int)frame->length - 2, frame->payload + 2);
        stream_fail(&socket->stream, why);
        break;
    default:
        stream_fail(&socket->stream, "a frame that is neither text nor control");
    }
}

static size_t read_frames(WebSocket *socket, char *data, size_t length) {
    size_t used = 0;
    while (socket->stream.fd >= 0) {
        Frame frame;
        FrameResult result = frame_read(data + used, length - used, socket->server, &frame);
        if (result == FRAME_WRONG) stream_fail(&socket->stream, "not a WebSocket frame");
        if (result != FRAME_WHOLE) {
            socket->stream.need = frame.total;
            break;
        }
        on_frame(socket, &frame);
        used += frame.total;
    }
    return used;
}

/* The length of a request's or response's head, with its empty line; 0: its end has not come. */
static size_t head_length(WebSocket *socket, const char *data, size_t length) {
    const char *end = memmem(data, length, "\r\n\r\n", 4);
    if (end) return (size_t)(end - data) + 4;
    if (length > HEAD) stream_fail(&socket->stream, "an HTTP head without an end");
    return 0;
}

static size_t read_response(WebSocket *socket, const char *data, size_t length) {
    size_t head = head_length(socket, data, length);
    if (!head) return 0;
    if (head < 12 || memcmp(data, "HTTP/1.1 101", 12) != 0) {
        const char *end = memchr(data, '\r', head);
        char why[160];
        snprintf(why, sizeof why, "no WebSocket: %.*s", end - data > 120 ? 120 : (int)(end - data),
                 data);
        stream_fail(&socket->stream, why);
        return 0;
    }
    if (!memmem(data, head, ACCEPT, sizeof ACCEPT - 1)) {
        stream_fail(&socket->stream, "a wrong Sec-WebSocket-Accept");
        return 0;
    }
    socket->open = true;
    socket->handlers->opened(socket);
    return head;
}

static size_t answer_request(WebSocket *socket, const char *data, size_t length) {
    size_t head = head_length(socket, data, length);
    if (!head) return 0;
    if (!memmem(data, head, NONCE, sizeof NONCE - 1)) {
        if (socket->handlers->request) return socket->handlers->request(socket, data, length);
        stream_fail(&socket->stream, "not a request of loadgen's");
        return 0;
    }
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                 "Connection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n";
    stream_write(&socket->stream, answer, sizeof answer - 1);
    socket->open = true;
    socket->handlers->opened(socket);
    return head;
}

static size_t on_bytes(Stream *stream, char *data, size_t length) {
    WebSocket *socket = (WebSocket *)stream;
    size_t used = 0;
    while (!socket->open && stream->fd >= 0 && used < length) {
        size_t taken = socket->server ? answer_request(socket, data + used, length - used)
                                      : read_response(socket, data + used, length - used);
        if (!taken) return used;
        used += taken;
    }
    return socket->open ? used + read_frames(socket, data + used, length - used) : used;
}

static void on_connected(Stream *stream) {
    WebSocket *socket = (WebSocket *)stream;
    size_t most = strlen(socket->path) + sizeof socket->to->name + 256;
    char *to = stream_room(stream, most);
    int length = snprintf(to, most,
                          "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Key: " NONCE
                          "\r\nSec-WebSocket-Version: 13\r\n\r\n",
                          socket->path, socket->to->name);
    stream_wrote(stream, (size_t)length);
}

static void on_closed(Stream *stream, const char *why) {
    WebSocket *socket = (WebSocket *)stream;
    buffer_free(&socket->fragments);
    socket->handlers->closed(socket, why);
}

static const StreamHandlers stream_handlers = {on_connected, on_bytes, on_closed};

static void start(WebSocket *socket, const WebSocketHandlers *handlers, bool server) {
    socket->handlers = handlers;
    socket->server = server;
    socket->open = socket->fragmented = false;
    socket->fragments = (Buffer){0};
}

void websocket_connect(WebSocket *socket, const WebSocketHandlers *handlers, const Address *to,
                       const char *path) {
    start(socket, handlers, false);
    socket->to = to;
    socket->path = path;
    stream_connect(&socket->stream, &stream_handlers, to);
}

void websocket_accept(WebSocket *socket, const WebSocketHandlers *handlers, int fd) {
    start(socket, handlers, true);
    stream_accept(&socket->stream, &stream_handlers, fd);
}

void websocket_close(WebSocket *socket) {
    stream_close(&socket->stream);
    buffer_free(&socket->fragments);
}
