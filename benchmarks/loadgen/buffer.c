#include "buffer.h"

#include <stdlib.h>
#include <string.h>

/* What thousands of connections may keep each while they hold nothing. */
enum { KEPT = 16 * 1024, SMALLEST = 512 };

char *buffer_room(Buffer *buffer, size_t more) {
    size_t needed = buffer->length + more;
    if (needed > buffer->capacity) {
        size_t capacity = buffer->capacity ? buffer->capacity : SMALLEST;
        while (capacity < needed) capacity *= 2;
        buffer->data = realloc(buffer->data, capacity);
        if (!buffer->data) die(1, "out of memory");
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->length;
}

void buffer_add(Buffer *buffer, const void *data, size_t length) {
    if (!length) return;
    memcpy(buffer_room(buffer, length), data, length);
    buffer->length += length;
}

void buffer_clear(Buffer *buffer) {
    buffer->length = 0;
    if (buffer->capacity > KEPT) buffer_free(buffer);
}

void buffer_free(Buffer *buffer) {
    free(buffer->data);
    *buffer = (Buffer){0};
}
