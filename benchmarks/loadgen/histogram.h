/* Durations, in buckets that grow with what they hold: 128 per power of two, so a bucket's middle
   is within 0.4 % of anything in it. Below 256 ns they are exact; there is no upper end. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include "base.h"

enum { HISTOGRAM_BITS = 7, HISTOGRAM_BUCKETS = (64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS };

typedef struct Histogram {
    uint64_t count, sum, max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
} Histogram;

void histogram_add(Histogram *histogram, uint64_t nanoseconds);

/* The smallest duration that `share` (0 to 1) of all do not exceed, ns; 0 where there are none. */
uint64_t histogram_quantile(const Histogram *histogram, double share);

#endif
