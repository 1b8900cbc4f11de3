/* Bytes that grow. */
#ifndef BUFFER_H
#define BUFFER_H

#include "base.h"

typedef struct Buffer {
    char *data;
    size_t length, capacity;
} Buffer;

/* Makes room for `more` bytes behind what is there, and says where. */
char *buffer_room(Buffer *buffer, size_t more);

void buffer_add(Buffer *buffer, const void *data, size_t length);

/* Makes it empty; a large one gives its memory back. */
void buffer_clear(Buffer *buffer);

void buffer_free(Buffer *buffer);

#endif
