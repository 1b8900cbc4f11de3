/* Opens many clients, so many at a time. */
#ifndef OPENER_H
#define OPENER_H

#include "client.h"

typedef struct Opener {
    Client *clients;
    uint32_t count, window;
    uint32_t started, ready, failed;
    uint32_t oldest; /* nobody before it is on the way */
    uint64_t patience_ns;
    char why[200]; /* the first one failed */
} Opener;

/* Prepares a client for each line. Each is given `timeout` seconds. */
void opener_init(Opener *opener, const Roster *roster, const ClientHandlers *handlers, void *owner,
                 int window, double timeout);

/* Opens as many as the window allows, a few of them at once; to be called in each turn of the loop. */
void opener_start(Opener *opener);

/* To be told by the clients' handlers: one is ready, or was closed before it was. */
void opener_ready(Opener *opener);
void opener_failed(Opener *opener, const char *why);

bool opener_done(const Opener *opener);

/* Gives up those whose time is over; says when to come back. */
uint64_t opener_expire(Opener *opener);

/* Starts, and waits until each is ready or failed. */
void opener_run(Opener *opener);

/* Dies where one failed: a measurement with fewer clients is another one. */
void opener_require_all(const Opener *opener);

void opener_close_all(Opener *opener);

#endif
