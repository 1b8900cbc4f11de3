#include "template.h"

#include <stdlib.h>
#include <string.h>

typedef enum Hole { NOTHING, TARGET, ID, TIME, ASK } Hole;

typedef struct Segment {
    const char *text;
    size_t length;
    Hole hole; /* behind the text */
} Segment;

enum { MOST_SEGMENTS = 32 };

struct Template {
    Segment segments[MOST_SEGMENTS];
    int count;
    Buffer filled;
};

static const struct {
    const char *name;
    Hole hole;
} holes[] = {{"$target", TARGET}, {"$id", ID}, {"$time", TIME}, {"$ask", ASK}};

/* A marker is t<µs, 16 digits>t<run, 8 hex><ask, 8 hex>t. */
enum { TIME_DIGITS = 16, RUN_AT = TIME_DIGITS + 2, ASK_AT = RUN_AT + 8, MARKER = ASK_AT + 9 };

static const char digits[] = "0123456789abcdef";

static uint64_t run_id(void) {
    static uint64_t run;
    if (!run) run = random_seed() | 1;
    return run;
}

static void put_number(char *to, int width, uint64_t value, unsigned base) {
    while (width-- > 0) {
        to[width] = digits[value % base];
        value /= base;
    }
}

static void parse_part(Template *template, const char *text) {
    const char *from = text;
    while (*from) {
        const char *at = from;
        Hole hole = NOTHING;
        size_t skip = 0;
        for (; *at && !hole; at += !hole)
            for (size_t i = 0; i < sizeof holes / sizeof *holes && !hole; i++)
                if (strncmp(at, holes[i].name, strlen(holes[i].name)) == 0) {
                    hole = holes[i].hole;
                    skip = strlen(holes[i].name);
                }
        if (template->count == MOST_SEGMENTS) die(2, "too many $… in %s", text);
        template->segments[template->count++] = (Segment){from, (size_t)(at - from), hole};
        from = at + skip;
    }
}

Template *template_parse(const char *before, const char *text, const char *after) {
    Template *template = allocate(1, sizeof *template);
    parse_part(template, strdup(before));
    parse_part(template, text);
    parse_part(template, strdup(after));
    return template;
}

bool template_has_time(const Template *template) {
    for (int i = 0; i < template->count; i++)
        if (template->segments[i].hole == TIME) return true;
    return false;
}

static void add_id(Buffer *to, uint32_t ask) {
    /* rrrrrrrr-rrrr-4rrr-8rrr-aaaaaaaaaaaa: r is the run, a the ask. */
    char *at = buffer_room(to, 36);
    uint64_t run = run_id();
    memset(at, '-', 36);
    put_number(at, 8, run >> 32, 16);
    put_number(at + 9, 4, run >> 16, 16);
    put_number(at + 14, 4, 0x4000 | (run >> 4 & 0xfff), 16);
    put_number(at + 19, 4, 0x8000 | (run & 0xf), 16);
    put_number(at + 24, 12, ask, 16);
    to->length += 36;
}

static void add_marker(Buffer *to, const Filling *filling) {
    char *at = buffer_room(to, MARKER);
    memset(at, 't', MARKER);
    put_number(at + 1, TIME_DIGITS, filling->intended_ns / 1000, 10);
    put_number(at + RUN_AT, 8, run_id() & 0xffffffff, 16);
    put_number(at + ASK_AT, 8, filling->ask, 16);
    to->length += MARKER;
}

static void add_number(Buffer *to, uint32_t number) {
    int width = 1;
    for (uint32_t rest = number; rest >= 10; rest /= 10) width++;
    put_number(buffer_room(to, (size_t)width), width, number, 10);
    to->length += (size_t)width;
}

const char *template_fill(Template *template, const Filling *filling, size_t *length) {
    Buffer *to = &template->filled;
    to->length = 0; /* its memory stays: nothing is allocated for the next */
    for (int i = 0; i < template->count; i++) {
        const Segment *segment = &template->segments[i];
        buffer_add(to, segment->text, segment->length);
        switch (segment->hole) {
        case TARGET:
            buffer_add(to, filling->target, strlen(filling->target));
            break;
        case ID:
            add_id(to, filling->ask);
            break;
        case TIME:
            add_marker(to, filling);
            break;
        case ASK:
            add_number(to, filling->ask);
            break;
        case NOTHING:
            break;
        }
    }
    *length = to->length;
    return to->data;
}

static bool read_number(const char *from, int width, int base, uint64_t *value) {
    *value = 0;
    for (int i = 0; i < width; i++) {
        const char *digit = memchr(digits, from[i], (size_t)base);
        if (!digit) return false;
        *value = *value * (uint64_t)base + (uint64_t)(digit - digits);
    }
    return true;
}

static bool read_marker(const char *at, Marker *marker) {
    uint64_t us, run, ask;
    if (at[0] != 't' || at[RUN_AT - 1] != 't' || at[MARKER - 1] != 't' ||
        !read_number(at + 1, TIME_DIGITS, 10, &us) || !read_number(at + RUN_AT, 8, 16, &run) ||
        !read_number(at + ASK_AT, 8, 16, &ask))
        return false;
    *marker = (Marker){us * 1000, (uint32_t)ask, run == (run_id() & 0xffffffff)};
    return true;
}

bool marker_find(const char *text, size_t length, Marker *marker) {
    /* Pushes of one kind have it in the same place, or nearly so. */
    static size_t last;
    if (length < MARKER) return false;
    const char *end = text + length - MARKER + 1;
    size_t near = last > 16 ? last - 16 : 0;
    for (size_t offset = near; offset < near + 32 && text + offset < end; offset++)
        if (read_marker(text + offset, marker)) {
            last = offset;
            return true;
        }
    for (const char *at = text; at < end && (at = memchr(at, 't', (size_t)(end - at))); at++)
        if (read_marker(at, marker)) {
            last = (size_t)(at - text);
            return true;
        }
    return false;
}
