/* A window of asks, measured and printed; ask and http have this in common. */
#ifndef REPORT_H
#define REPORT_H

#include "asker.h"
#include "usage.h"

/* Prints what became of all asks of the run, and of what they were to push. */
void report_totals(const Asker *asker);

/* Warms up, measures and settles, and prints all of that; `dropped` is read at the end. */
void report_asks(Asker *asker, const Options *options, const uint32_t *dropped);

#endif
