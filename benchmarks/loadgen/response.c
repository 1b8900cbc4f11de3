#include "response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The value of a header in the head that ends at `end`; NULL where there is none. */
static const char *header(const char *head, const char *end, const char *name) {
    size_t length = strlen(name);
    for (const char *line = head; line < end; line++) {
        line = memchr(line, '\n', (size_t)(end - line));
        if (!line || end - line <= (ptrdiff_t)length + 1) return NULL;
        if (strncasecmp(line + 1, name, length) == 0 && line[1 + length] == ':') {
            const char *value = line + 2 + length;
            while (*value == ' ') value++;
            return value;
        }
    }
    return NULL;
}

/* The end of a chunked body, behind its last chunk and trailers; NULL where it has not come. */
static const char *chunked_end(const char *at, const char *end, bool *wrong) {
    for (;;) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        if (!line) return NULL;
        char *behind;
        unsigned long size = strtoul(at, &behind, 16);
        if (behind == at || size > (1ul << 40)) {
            *wrong = true;
            return NULL;
        }
        at = line + 1;
        if (size == 0) break;
        if ((size_t)(end - at) < size + 2) return NULL;
        at += size + 2;
    }
    /* Trailers, up to an empty line. */
    for (;;) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        if (!line) return NULL;
        if (line - at <= 1) return line + 1;
        at = line + 1;
    }
}

ResponseResult response_read(const char *data, size_t length, Response *response) {
    response->total = 0;
    const char *end = memmem(data, length, "\r\n\r\n", 4);
    if (!end) return length > 64 * 1024 ? RESPONSE_WRONG : RESPONSE_PARTIAL;
    if (strncmp(data, "HTTP/1.", 7) != 0) return RESPONSE_WRONG;
    const char *body = end + 4;
    response->status = atoi(data + 9);
    if (response->status < 200) return RESPONSE_WRONG; /* nothing was asked that is answered so */
    const char *size = header(data, end, "Content-Length");
    const char *coding = header(data, end, "Transfer-Encoding");
    if (response->status == 204 || response->status == 304) {
        response->total = (size_t)(body - data);
    } else if (coding && strncasecmp(coding, "chunked", 7) == 0) {
        bool wrong = false;
        const char *last = chunked_end(body, data + length, &wrong);
        if (!last) return wrong ? RESPONSE_WRONG : RESPONSE_PARTIAL;
        response->total = (size_t)(last - data);
    } else if (size) {
        response->total = (size_t)(body - data) + strtoul(size, NULL, 10);
    } else {
        return RESPONSE_WRONG; /* it would end with the connection */
    }
    return length < response->total ? RESPONSE_PARTIAL : RESPONSE_WHOLE;
}
