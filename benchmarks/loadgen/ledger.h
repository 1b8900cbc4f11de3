/* Every ask of a run, by its number. */
#ifndef LEDGER_H
#define LEDGER_H

#include "base.h"

typedef enum AskState { SENT, ACKED, REFUSED } AskState;

typedef struct Ask {
    uint64_t intended_ns;
    uint32_t sender;
    uint32_t deliveries : 30;
    uint32_t state : 2;
    uint32_t next; /* of those that wait for the same target's pushes */
} Ask;

/* Chunks of 65,536, so that growing never copies. */
typedef struct Ledger {
    Ask *chunks[1 << 13];
    uint32_t count;
} Ledger;

/* A new ask's number. */
uint32_t ledger_add(Ledger *ledger, uint64_t intended_ns, uint32_t sender);

/* The ask of a number; NULL where there is none. */
Ask *ledger_ask(Ledger *ledger, uint64_t number);

#endif
