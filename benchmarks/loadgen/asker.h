/* Asks, and what becomes of them: in closed loop so many at a time on each connection, in open loop
 * on a fixed schedule. */
#ifndef ASKER_H
#define ASKER_H

#include "histogram.h"
#include "ledger.h"
#include "options.h"
#include "targets.h"
#include "template.h"

typedef struct Sender {
    void *connection;
    const char *target;
    Target *room; /* only where pushes finish an ask, and don't say which one */
    uint32_t outstanding;
    bool gone;
} Sender;

/* A span of time that is measured. Asks belong to the window in which they were due, however late
 * they are answered. */
typedef struct Window {
    uint64_t from_ns, to_ns;
    uint64_t asks, acked, refused;
    uint64_t acks_come, deliveries_come; /* those that came in it, whenever asked */
    Histogram ack, delivery, lag;        /* lag: how late what was due was sent (open loop) */
} Window;

typedef struct Totals {
    uint64_t asks, acked, refused, outstanding;
    uint64_t pushes;       /* of our asks, without duplicates */
    uint64_t acked_pushes; /* those of asks that were acked */
    uint64_t duplicates, foreign, stray_acks;
} Totals;

typedef struct Asker {
    Template *template;
    void (*send)(void *connection, uint32_t ask, const char *text, size_t length);
    Sender *senders;
    uint32_t sender_count, next_sender;
    uint32_t inflight;
    uint32_t pushes_per_ask;
    const char *push, *push_match;
    bool marked, by_pushes, sending;
    double rate; /* a second; 0: closed loop */
    uint64_t began_ns, scheduled;
    Ledger ledger;
    Targets targets;
    Window windows[2];
    Totals total;
} Asker;

/* For `most` senders; takes what the options say of asks and pushes. */
void asker_init(Asker *asker, const Options *options, Template *template, uint32_t most);

/* Returns the sender's number. */
uint32_t asker_add_sender(Asker *asker, void *connection, const char *target);

void asker_begin(Asker *asker);

/* No more asks; those that were due are sent. */
void asker_stop(Asker *asker);

/* In open loop sends what is due; says when the next is (NEVER: in closed loop). */
uint64_t asker_send_due(Asker *asker);

/* Runs the loop until `end` or until done(); sends what is due meanwhile. */
void asker_run(Asker *asker, uint64_t end, bool (*done)(void *context), void *context);

/* Waits until everything came that must, or `seconds` are over. */
void asker_settle(Asker *asker, double seconds);

/* To be told by connections. */
void asker_answered(Asker *asker, uint32_t sender, uint64_t ask, bool refused);
void asker_pushed(Asker *asker, const char *arguments, size_t length);
void asker_lost(Asker *asker, uint32_t sender);

/* The pushes that were expected: those of refused or unanswered asks are none, since else they
 * would make up for missing ones. */
uint64_t asker_deliveries(const Asker *asker);

/* Whether anybody is left who asks: otherwise the numbers say nothing. */
bool asker_has_senders(const Asker *asker);

void window_open(Window *window);
void window_close(Window *window);

#endif
