#include "targets.h"

#include <stdio.h>
#include <string.h>

void targets_init(Targets *targets, uint32_t most, const char *key) {
    if (snprintf(targets->key, sizeof targets->key, "\"%s\":\"", key) >= (int)sizeof targets->key)
        die(2, "--target-key %s: too long", key);
    targets->size = 16;
    while (targets->size < 2 * most) targets->size *= 2;
    targets->slots = allocate(targets->size, sizeof *targets->slots);
}

/* Where it is, or where it would be. */
static Target *slot_of(Targets *targets, const char *name, size_t length) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < length; i++) hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    for (uint32_t at = hash;; at++) {
        Target *slot = &targets->slots[at & (targets->size - 1)];
        if (!slot->name || (slot->length == length && memcmp(slot->name, name, length) == 0))
            return slot;
    }
}

Target *targets_add(Targets *targets, const char *name) {
    size_t length = strlen(name);
    Target *slot = slot_of(targets, name, length);
    if (!slot->name) *slot = (Target){name, length, NOBODY, NOBODY};
    return slot;
}

Target *targets_named(Targets *targets, const char *text, size_t length) {
    size_t size = strlen(targets->key);
    const char *at = memmem(text, length, targets->key, size);
    if (!at) return NULL;
    at += size;
    const char *end = memchr(at, '"', (size_t)(text + length - at));
    if (!end) return NULL;
    Target *slot = slot_of(targets, at, (size_t)(end - at));
    return slot->name ? slot : NULL;
}
