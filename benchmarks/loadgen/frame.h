/* Frames of RFC 6455, section 5.2. */
#ifndef FRAME_H
#define FRAME_H

#include "base.h"

enum { OP_CONTINUATION = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };
enum { FRAME_HEADER = 14 };

typedef struct Frame {
    bool final;
    unsigned opcode;
    char *payload; /* unmasked */
    size_t length;
    size_t total; /* of the frame, with its header */
} Frame;

typedef enum FrameResult { FRAME_WHOLE, FRAME_PARTIAL, FRAME_WRONG } FrameResult;

/* Reads a frame at `data`, unmasking it in place. Of a partial one whose header is there,
   frame->total is known; otherwise it is 0. */
FrameResult frame_read(char *data, size_t length, bool masked, Frame *frame);

/* Writes a final frame to `to`, with room for FRAME_HEADER + length bytes; returns its length. */
size_t frame_write(char *to, unsigned opcode, const char *payload, size_t length, bool masked);

#endif
