/* The connections file: who connects, and what each acts on. */
#ifndef ROSTER_H
#define ROSTER_H

#include "base.h"

typedef struct Line {
    const char *token;
    const char *target; /* NULL: only listens */
    const char *auth; /* the inside of a JSON object that goes with the token into CONNECT, or "" */
} Line;

typedef struct Roster {
    Line *lines;
    uint32_t count;
} Roster;

/* Reads lines of TOKEN, TARGET (or -) and perhaps a JSON object, separated by tabs. `auth_file`
   (NULL: none) has one JSON object per line for those that have none of their own. Dies of a file
   that is not so. */
Roster roster_read(const char *path, const char *auth_file);

/* How many of them act. */
uint32_t roster_senders(const Roster *roster);

#endif
