/* A TCP connection: reads and writes of any size, in pieces of any size. */
#ifndef STREAM_H
#define STREAM_H

#include "address.h"
#include "buffer.h"
#include "loop.h"

typedef struct Stream Stream;

typedef struct StreamHandlers {
    void (*connected)(Stream *stream);
    /* Takes whole units from the front, and returns how many bytes it took. If it knows how many
       bytes the next unit has, it says so in stream->need, and is called when they are there. */
    size_t (*bytes)(Stream *stream, char *data, size_t length);
    /* The connection ended, other than by stream_close(). */
    void (*closed)(Stream *stream, const char *why);
} StreamHandlers;

struct Stream {
    Pollable pollable;
    const StreamHandlers *handlers;
    int fd; /* -1: closed */
    bool connecting, blocked, dirty;
    Buffer in; /* the beginning of a unit whose end has not come */
    size_t need;
    Buffer out;
    size_t sent; /* of out */
    Stream *next_dirty;
};

/* When the bytes that are being handled were read, ns. */
extern uint64_t arrival_ns;

/* Bytes read by all streams together. */
extern uint64_t bytes_in;

/* Begins to connect; connected() or closed() follows, never from within. */
void stream_connect(Stream *stream, const StreamHandlers *handlers, const Address *to);

/* Takes over a connection that was accepted. */
void stream_accept(Stream *stream, const StreamHandlers *handlers, int fd);

/* Where to put `most` bytes that are to be sent; stream_wrote() says how many they became. */
char *stream_room(Stream *stream, size_t most);
void stream_wrote(Stream *stream, size_t length);
void stream_write(Stream *stream, const void *data, size_t length);

/* Ends the connection without a word; closed() is not called. */
void stream_close(Stream *stream);

/* Ends the connection because of what came or did not; closed() is called. */
void stream_fail(Stream *stream, const char *why);

#endif
