/* Targets by name, for asks that only their pushes finish: each with its line of asks, the oldest
 * first. */
#ifndef TARGETS_H
#define TARGETS_H

#include "base.h"

enum { NOBODY = UINT32_MAX };

typedef struct Target {
    const char *name;
    size_t length;
    uint32_t first, last; /* asks; NOBODY: none waits */
} Target;

typedef struct Targets {
    Target *slots;
    uint32_t size; /* a power of two */
    char key[64];  /* as it stands before a name: "key":" */
} Targets;

/* For `most` targets, that texts name under `key`. */
void targets_init(Targets *targets, uint32_t most, const char *key);

/* Made where it is missing. */
Target *targets_add(Targets *targets, const char *name);

/* The target that `text` names; NULL where there is none. */
Target *targets_named(Targets *targets, const char *text, size_t length);

#endif
