/* Payloads with holes: $target, $id (a UUID that is no other ask's), $time (a marker that comes
 * back in pushes). */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include "buffer.h"

typedef struct Template Template;

/* What fills the holes. */
typedef struct Filling {
    const char *target;
    uint32_t ask;
    uint64_t intended_ns;
} Filling;

/* `text` between `before` and `after`; $ask, the ask's number, is for these two. */
Template *template_parse(const char *before, const char *text, const char *after);

bool template_has_time(const Template *template);

/* The filled text; it stands until the next call. */
const char *template_fill(Template *template, const Filling *filling, size_t *length);

typedef struct Marker {
    uint64_t intended_ns; /* in whole µs */
    uint32_t ask;
    bool ours; /* of this process, and not of one that runs beside it or ran before */
} Marker;

/* Finds what became of $time. */
bool marker_find(const char *text, size_t length, Marker *marker);

#endif
