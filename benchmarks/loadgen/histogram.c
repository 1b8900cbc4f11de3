#include "histogram.h"

#include <math.h>

static unsigned bucket_of(uint64_t value) {
    if (value < (UINT64_C(1) << (HISTOGRAM_BITS + 1))) return (unsigned)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_BITS;
    return (shift << HISTOGRAM_BITS) + (unsigned)(value >> shift);
}

static uint64_t middle_of(unsigned bucket) {
    if (bucket < (2u << HISTOGRAM_BITS)) return bucket;
    unsigned shift = (bucket >> HISTOGRAM_BITS) - 1;
    uint64_t lowest = (uint64_t)(bucket - (shift << HISTOGRAM_BITS)) << shift;
    return lowest + (UINT64_C(1) << (shift - 1));
}

void histogram_add(Histogram *histogram, uint64_t nanoseconds) {
    histogram->buckets[bucket_of(nanoseconds)]++;
    histogram->count++;
    histogram->sum += nanoseconds;
    if (nanoseconds > histogram->max) histogram->max = nanoseconds;
}

uint64_t histogram_quantile(const Histogram *histogram, double share) {
    uint64_t rank = (uint64_t)ceil(share * (double)histogram->count);
    if (rank == 0) rank = 1;
    uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->buckets[bucket];
        if (seen >= rank) {
            uint64_t middle = middle_of(bucket);
            return middle < histogram->max ? middle : histogram->max;
        }
    }
    return 0;
}
