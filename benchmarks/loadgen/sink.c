/* sink: a server that does next to nothing, to find out how much loadgen itself can do. */
#include "json.h"
#include "modes.h"
#include "websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* A connection that ended is used again for another one, never freed: the loop may still speak of
 * it. */
typedef struct Guest {
    WebSocket socket; /* first, so that a socket's handler finds its guest */
    uint32_t index;   /* in guests, while it is here */
    struct Guest *next_free;
} Guest;

static Guest **guests, *free_guests;
static uint32_t guest_count, guest_room;
static const char *echo;
static bool fanout;
static long missed;

static Buffer packet; /* what is being said */

static void say(WebSocket *socket, const char *text) { websocket_send(socket, text, strlen(text)); }

static void on_opened(WebSocket *socket) {
    say(socket, "0{\"sid\":\"sink\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,"
                "\"maxPayload\":1000000}");
}

static void welcome(WebSocket *socket, const char *auth, size_t length) {
    say(socket, "40{\"sid\":\"sink\",\"pid\":\"sink\"}");
    char *offset = json_text_of(auth, length, "offset");
    if (offset && echo) {
        char event[300];
        snprintf(event, sizeof event, "42[\"%.250s\",{\"missed\":true}]", echo);
        for (long i = 0; i < missed; i++) say(socket, event);
    }
    free(offset);
    say(socket, "42[\"session:ready\",{},\"0\"]");
}

/* `arguments` is ["name",…] of the one who asked. */
static void push(WebSocket *to, const char *arguments, size_t length) {
    const char *rest = memchr(arguments, ',', length);
    if (!rest) return;
    packet.length = 0;
    buffer_add(&packet, "42[\"", 4);
    buffer_add(&packet, echo, strlen(echo));
    buffer_add(&packet, "\"", 1);
    buffer_add(&packet, rest, (size_t)(arguments + length - rest));
    if (!fanout) {
        websocket_send(to, packet.data, packet.length);
        return;
    }
    for (uint32_t i = 0; i < guest_count; i++)
        if (guests[i]->socket.open) websocket_send(&guests[i]->socket, packet.data, packet.length);
}

static void on_text(WebSocket *socket, const char *text, size_t length) {
    if (length >= 2 && memcmp(text, "40", 2) == 0) {
        welcome(socket, text + 2, length - 2);
        return;
    }
    if (length < 3 || memcmp(text, "42", 2) != 0) return;
    const char *arguments = memchr(text, '[', length);
    if (!arguments) return;
    if (arguments > text + 2) {
        packet.length = 0;
        buffer_add(&packet, "43", 2);
        buffer_add(&packet, text + 2, (size_t)(arguments - text - 2));
        buffer_add(&packet, "[{\"success\":true}]", 18);
        websocket_send(socket, packet.data, packet.length);
    }
    if (echo) push(socket, arguments, (size_t)(text + length - arguments));
}

/* A POST, for the mode http. */
static size_t on_request(WebSocket *socket, const char *data, size_t length) {
    const char *end = memmem(data, length, "\r\n\r\n", 4);
    const char *body = end + 4;
    const char *size = memmem(data, (size_t)(body - data), "Content-Length: ", 16);
    size_t total = (size_t)(body - data) + (size ? strtoul(size + 16, NULL, 10) : 0);
    if (length < total) return 0;
    static const char answer[] = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
                                 "Content-Length: 16\r\n\r\n{\"success\":true}";
    stream_write(&socket->stream, answer, sizeof answer - 1);
    return total;
}

static void on_closed(WebSocket *socket, const char *why) {
    (void)why;
    Guest *guest = (Guest *)socket;
    guests[guest->index] = guests[--guest_count];
    guests[guest->index]->index = guest->index;
    guest->next_free = free_guests;
    free_guests = guest;
}

static const WebSocketHandlers handlers = {on_opened, on_text, on_closed, on_request};

static int listener;

static void on_connection(Pollable *self, uint32_t events) {
    (void)self;
    (void)events;
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        Guest *guest = free_guests;
        if (guest) free_guests = guest->next_free;
        else guest = allocate(1, sizeof *guest);
        if (guest_count == guest_room) {
            guest_room = guest_room ? 2 * guest_room : 64;
            guests = realloc(guests, guest_room * sizeof *guests);
            if (!guests) die(1, "out of memory");
        }
        guest->index = guest_count;
        guests[guest_count++] = guest;
        websocket_accept(&guest->socket, &handlers, fd);
    }
}

int mode_sink(const Options *options) {
    static Pollable pollable = {on_connection};
    uint32_t count;
    Address address = *addresses_read(options->host, options->port, true, &count);
    struct sockaddr *socket_address = (struct sockaddr *)&address.socket;
    socklen_t size = sizeof address.socket;
    echo = options->echo;
    fanout = options->fanout;
    missed = options->missed;
    int one = 1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (listener < 0 || bind(listener, socket_address, size) < 0 || listen(listener, 4096) < 0 ||
        getsockname(listener, socket_address, &size) < 0)
        die(1, "%s: %s", address.name, strerror(errno));
    loop_add(listener, &pollable, EPOLLIN);
    printf("listening on %d\n", ntohs(address.socket.sin_port));
    fflush(stdout);
    for (;;) loop_once(NEVER);
}
