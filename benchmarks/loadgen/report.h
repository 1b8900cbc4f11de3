/* A window of asks, measured and printed; ask and http have this in common. */
#ifndef REPORT_H
#define REPORT_H

#include "asker.h"
#include "usage.h"

/* Warms up, measures and settles. Prints all members but the first; `dropped` is read at the end. */
void report_asks(Asker *asker, const Options *options, const uint32_t *dropped);

#endif
