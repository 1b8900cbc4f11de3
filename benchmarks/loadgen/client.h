/* A Socket.IO client: Engine.IO v4 over a WebSocket, Socket.IO v5 in text packets, the default
 * namespace. */
#ifndef CLIENT_H
#define CLIENT_H

#include "address.h"
#include "roster.h"
#include "websocket.h"

typedef struct Client Client;
typedef struct Speech Speech;

typedef struct Event {
    const char *name;
    size_t name_length;
    const char *arguments; /* JSON, behind the name's comma and without the closing bracket */
    size_t length;
} Event;

typedef struct ClientHandlers {
    void (*ready)(Client *client);
    void (*event)(Client *client, const Event *event);                         /* or NULL */
    void (*ack)(Client *client, uint64_t id, const char *body, size_t length); /* or NULL */
    /* The connection failed, or was lost once it was ready (client->state says which, still). */
    void (*closed)(Client *client, const char *why);
} ClientHandlers;

typedef enum ClientState { IDLE, OPENING, JOINING, AWAITING, READY, GONE } ClientState;

struct Client {
    WebSocket socket; /* first, so that a socket's handler finds its client */
    const ClientHandlers *handlers;
    void *owner; /* whoever has the handlers */
    const Line *line;
    uint32_t index;
    ClientState state;
    uint64_t started_ns, ready_ns;
    char *pid; /* of the CONNECT reply, where keep_pid */
};

/* What all clients have in common. */
typedef struct ClientSettings {
    const Address *servers; /* in turn */
    uint32_t server_count;
    const char *path;
    const char *ready; /* the event that makes a client ready; NULL: the CONNECT reply does */
    bool keep_pid;
    const Speech *speech; /* of those that only listen; NULL: Socket.IO */
    const char *topic;    /* the conversation that they listen to, where they have to say so */
} ClientSettings;

extern ClientSettings client_settings;

void client_open(Client *client);
void client_close(Client *client);

/* For speech.c: the client is let in. */
void client_ready(Client *client);

bool event_is(const Event *event, const char *name);

/* Sends one packet of Socket.IO. */
void client_send(Client *client, const char *packet, size_t length);

#endif
