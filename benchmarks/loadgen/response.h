/* HTTP/1.1 responses (RFC 9112). */
#ifndef RESPONSE_H
#define RESPONSE_H

#include "base.h"

typedef enum ResponseResult { RESPONSE_WHOLE, RESPONSE_PARTIAL, RESPONSE_WRONG } ResponseResult;

typedef struct Response {
    int status;
    size_t total; /* with its head; of a partial one 0 where it is not known */
} Response;

/* Reads a response at `data`: one with a Content-Length, or chunked. */
ResponseResult response_read(const char *data, size_t length, Response *response);

#endif
