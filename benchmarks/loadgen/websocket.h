/* WebSocket (RFC 6455) over a stream, as client or server, without extensions. */
#ifndef WEBSOCKET_H
#define WEBSOCKET_H

#include "stream.h"

typedef struct WebSocket WebSocket;

typedef struct WebSocketHandlers {
    void (*opened)(WebSocket *socket);
    /* A whole text; it stands until this returns. */
    void (*text)(WebSocket *socket, const char *text, size_t length);
    void (*closed)(WebSocket *socket, const char *why);
    /* Server only: a request that is not for a WebSocket. Returns the bytes that it took, 0 for
     * more to come. */
    size_t (*request)(WebSocket *socket, const char *data, size_t length);
} WebSocketHandlers;

struct WebSocket {
    Stream stream; /* first, so that a stream's handler finds its socket */
    const WebSocketHandlers *handlers;
    const Address *to;
    const char *path;
    bool server, open;
    bool fragmented;
    Buffer fragments; /* the frames of a message whose end has not come */
};

/* Begins to connect; opened() or closed() follows. `to` and `path` must stay. */
void websocket_connect(WebSocket *socket, const WebSocketHandlers *handlers, const Address *to,
                       const char *path);

/* Takes over a connection that was accepted, and answers its request for a WebSocket. */
void websocket_accept(WebSocket *socket, const WebSocketHandlers *handlers, int fd);

void websocket_send(WebSocket *socket, const char *text, size_t length);

void websocket_close(WebSocket *socket);

#endif
