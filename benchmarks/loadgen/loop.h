/* The one epoll loop. */
#ifndef LOOP_H
#define LOOP_H

#include "base.h"

/* Something with a descriptor. */
typedef struct Pollable Pollable;
struct Pollable {
    void (*on_events)(Pollable *self, uint32_t events);
};

void loop_init(void);
void loop_add(int fd, Pollable *pollable, uint32_t events);
void loop_change(int fd, Pollable *pollable, uint32_t events);

/* Writes out what was queued, waits until something happens or `until` (ns, NEVER) is reached, and
   handles what happened. */
void loop_once(uint64_t until);

/* How loop_once() writes out what was queued; set by stream.c. */
extern void (*loop_before_wait)(void);

#endif
