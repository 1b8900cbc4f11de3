#include "frame.h"

#include <string.h>

/* xorshift64: a key per frame, as a client must have, without asking the kernel for each. */
static uint32_t next_mask(void) {
    static uint64_t state;
    if (!state) state = random_seed() | 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

/* The masked copy of `from` at `to` (which may be the same), eight bytes at a time. */
static void apply_mask(char *to, const char *from, size_t length, uint32_t mask) {
    uint64_t twice = (uint64_t)mask << 32 | mask;
    for (; length >= 8; to += 8, from += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, from, 8);
        word ^= twice;
        memcpy(to, &word, 8);
    }
    for (size_t i = 0; i < length; i++) to[i] = from[i] ^ ((const char *)&twice)[i];
}

FrameResult frame_read(char *data, size_t length, bool masked, Frame *frame) {
    const uint8_t *bytes = (const uint8_t *)data;
    frame->total = 0;
    if (length < 2) return FRAME_PARTIAL;
    /* Reserved bits belong to extensions, and none was negotiated. */
    if ((bytes[0] & 0x70) || (bytes[1] >> 7) != masked) return FRAME_WRONG;
    size_t header = 2;
    uint64_t size = bytes[1] & 0x7f;
    if (size >= 126) {
        size_t extra = size == 126 ? 2 : 8;
        if (length < 2 + extra) return FRAME_PARTIAL;
        size = 0;
        for (size_t i = 0; i < extra; i++) size = size << 8 | bytes[2 + i];
        header += extra;
    }
    if (size >> 40) return FRAME_WRONG;
    if (masked) header += 4;
    frame->total = header + size;
    if (length < frame->total) return FRAME_PARTIAL;
    frame->final = bytes[0] >> 7;
    frame->opcode = bytes[0] & 0x0f;
    frame->payload = data + header;
    frame->length = size;
    if (masked) {
        uint32_t mask;
        memcpy(&mask, data + header - 4, 4);
        apply_mask(frame->payload, frame->payload, size, mask);
    }
    return FRAME_WHOLE;
}

size_t frame_write(char *to, unsigned opcode, const char *payload, size_t length, bool masked) {
    uint8_t *header = (uint8_t *)to;
    size_t extra = length < 126 ? 0 : length < 65536 ? 2 : 8;
    header[0] = (uint8_t)(0x80 | opcode);
    header[1] = (uint8_t)((masked ? 0x80 : 0) | (extra == 0 ? length : extra == 2 ? 126 : 127));
    for (size_t i = 0; i < extra; i++) header[2 + i] = (uint8_t)(length >> (8 * (extra - 1 - i)));
    char *body = to + 2 + extra;
    if (masked) {
        uint32_t mask = next_mask();
        memcpy(body, &mask, 4);
        body += 4;
        apply_mask(body, payload, length, mask);
    } else {
        memcpy(body, payload, length);
    }
    return (size_t)(body - to) + length;
}
