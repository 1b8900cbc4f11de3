/* Clients that ask over Socket.IO, and hear what is pushed. */
#ifndef TALK_H
#define TALK_H

#include "asker.h"
#include "opener.h"

typedef struct Talk {
    Opener opener;
    Asker asker;
    const char *push;
    uint32_t *sender_of; /* by the client's number; NOBODY: it only listens */
    uint32_t dropped;    /* connections lost after they were ready */
    char why[200];       /* the first one was dropped */
} Talk;

/* Opens all; dies where one cannot be opened. */
void talk_open(Talk *talk, const Roster *roster, const Options *options);

#endif
