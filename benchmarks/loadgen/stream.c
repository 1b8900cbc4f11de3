#include "stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* One read takes many coalesced frames at once. What is left of them (below LEFTOVER) is put in
   front of the next read; a larger unit is read straight into a buffer of its own size. */
enum { CHUNK = 256 * 1024, LEFTOVER = 64 * 1024 };

uint64_t arrival_ns, bytes_in;

static char chunk[LEFTOVER + CHUNK];
static Stream *dirty;

static void flush(Stream *stream) {
    while (stream->fd >= 0 && !stream->connecting && stream->sent < stream->out.length) {
        ssize_t sent = send(stream->fd, stream->out.data + stream->sent,
                            stream->out.length - stream->sent, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) {
                stream_fail(stream, strerror(errno));
                return;
            }
            if (!stream->blocked) {
                stream->blocked = true;
                loop_change(stream->fd, &stream->pollable, EPOLLIN | EPOLLOUT);
            }
            return;
        }
        stream->sent += (size_t)sent;
    }
    if (stream->fd < 0 || stream->connecting) return;
    buffer_clear(&stream->out);
    stream->sent = 0;
    if (stream->blocked) {
        stream->blocked = false;
        loop_change(stream->fd, &stream->pollable, EPOLLIN);
    }
}

static void flush_dirty(void) {
    while (dirty) {
        Stream *stream = dirty;
        dirty = stream->next_dirty;
        stream->dirty = false;
        if (!stream->blocked) flush(stream);
    }
}

/* Reads once, behind what is left from before. Returns where it all is, or NULL when there is
 * nothing to handle. */
static char *read_more(Stream *stream, size_t *length) {
    size_t left = stream->in.length;
    bool small = left <= LEFTOVER && stream->need <= CHUNK;
    char *room = small ? chunk + left : NULL;
    size_t space = CHUNK;
    if (small) {
        if (left) memcpy(chunk, stream->in.data, left);
    } else {
        space = stream->need > left ? stream->need - left : CHUNK;
        room = buffer_room(&stream->in, space);
    }
    ssize_t got = recv(stream->fd, room, space, 0);
    arrival_ns = clock_ns();
    if (got <= 0) {
        if (got == 0) stream_fail(stream, "the server closed the connection");
        else if (errno != EAGAIN && errno != EINTR) stream_fail(stream, strerror(errno));
        return NULL;
    }
    bytes_in += (uint64_t)got;
    *length = left + (size_t)got;
    if (!small) stream->in.length = *length;
    else if (*length < stream->need) buffer_add(&stream->in, room, (size_t)got);
    if (*length < stream->need) return NULL;
    return small ? chunk : stream->in.data;
}

static void readable(Stream *stream) {
    size_t length;
    char *data = read_more(stream, &length);
    if (!data) return;
    stream->need = 0;
    size_t used = stream->handlers->bytes(stream, data, length);
    if (stream->fd < 0) return;
    size_t left = length - used;
    if (data == chunk) {
        buffer_clear(&stream->in);
        buffer_add(&stream->in, data + used, left);
    } else if (left) {
        memmove(stream->in.data, data + used, left);
        stream->in.length = left;
    } else {
        buffer_clear(&stream->in);
    }
    /* What this read was answered with goes out at once, before the other connections of the batch
     * are read. */
    if (!stream->blocked) flush(stream);
}

static void finish_connecting(Stream *stream) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        stream_fail(stream, strerror(error));
        return;
    }
    stream->connecting = false;
    loop_change(stream->fd, &stream->pollable, EPOLLIN);
    stream->handlers->connected(stream);
}

static void on_events(Pollable *self, uint32_t events) {
    Stream *stream = (Stream *)self;
    if (stream->fd >= 0 && stream->connecting) {
        if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) finish_connecting(stream);
        return;
    }
    if (stream->fd >= 0 && (events & EPOLLOUT)) flush(stream);
    if (stream->fd >= 0 && (events & (EPOLLIN | EPOLLERR | EPOLLHUP))) readable(stream);
}

static void start(Stream *stream, const StreamHandlers *handlers, int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    loop_before_wait = flush_dirty;
    stream->pollable.on_events = on_events;
    stream->handlers = handlers;
    stream->fd = fd;
    stream->need = stream->sent = 0;
    stream->blocked = false;
}

void stream_connect(Stream *stream, const StreamHandlers *handlers, const Address *to) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die(1, "socket: %s (see ulimit -n)", strerror(errno));
    start(stream, handlers, fd);
    stream->connecting = true;
    /* Whatever connect() says, the loop will say again: a refused socket reports EPOLLERR. */
    if (connect(fd, (const struct sockaddr *)&to->socket, sizeof to->socket) < 0 &&
        errno == EADDRNOTAVAIL)
        die(1, "connect: %s", strerror(errno));
    loop_add(fd, &stream->pollable, EPOLLOUT);
}

void stream_accept(Stream *stream, const StreamHandlers *handlers, int fd) {
    start(stream, handlers, fd);
    stream->connecting = false;
    loop_add(fd, &stream->pollable, EPOLLIN);
}

char *stream_room(Stream *stream, size_t most) { return buffer_room(&stream->out, most); }

void stream_wrote(Stream *stream, size_t length) {
    stream->out.length += length;
    if (stream->dirty) return;
    stream->dirty = true;
    stream->next_dirty = dirty;
    dirty = stream;
}

void stream_write(Stream *stream, const void *data, size_t length) {
    memcpy(stream_room(stream, length), data, length);
    stream_wrote(stream, length);
}

void stream_close(Stream *stream) {
    if (stream->fd < 0) return;
    close(stream->fd);
    stream->fd = -1;
    buffer_free(&stream->in);
    buffer_free(&stream->out);
}

void stream_fail(Stream *stream, const char *why) {
    if (stream->fd < 0) return;
    stream_close(stream);
    stream->handlers->closed(stream, why);
}
