#include "ledger.h"

enum { CHUNK_BITS = 16, CHUNK = 1 << CHUNK_BITS };

uint32_t ledger_add(Ledger *ledger, uint64_t intended_ns, uint32_t sender) {
    uint32_t number = ledger->count++, chunk = number >> CHUNK_BITS;
    if (chunk == sizeof ledger->chunks / sizeof *ledger->chunks)
        die(1, "too many asks for one run");
    if (!ledger->chunks[chunk]) ledger->chunks[chunk] = allocate(CHUNK, sizeof(Ask));
    ledger->chunks[chunk][number % CHUNK] = (Ask){.intended_ns = intended_ns, .sender = sender};
    return number;
}

Ask *ledger_ask(Ledger *ledger, uint64_t number) {
    return number < ledger->count ? &ledger->chunks[number >> CHUNK_BITS][number % CHUNK] : NULL;
}
