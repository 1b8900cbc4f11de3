#include "json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The end of the string that begins behind its quote at `at`: its closing quote, or NULL. */
static const char *string_end(const char *at, const char *end) {
    while (at < end) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        if (!quote) return NULL;
        const char *slash = quote;
        while (slash > at && slash[-1] == '\\') slash--;
        if ((quote - slash) % 2 == 0) return quote;
        at = quote + 1;
    }
    return NULL;
}

typedef struct Member {
    const char *key, *value, *rest;
    size_t key_length;
} Member;

/* The next member of the object that stands at `depth` brackets; `from` is where to go on. */
static bool next_member(const char *from, const char *end, int *depth, int wanted, Member *member) {
    for (const char *at = from; at < end; at++) {
        if (*at == '{' || *at == '[') (*depth)++;
        else if (*at == '}' || *at == ']') {
            if (--*depth < wanted) return false;
        } else if (*at == '"') {
            const char *close = string_end(at + 1, end);
            if (!close) return false;
            const char *next = close + 1;
            while (next < end && *next == ' ') next++;
            if (*depth == wanted && next < end && *next == ':') {
                next++;
                while (next < end && *next == ' ') next++;
                *member = (Member){at + 1, next, next, (size_t)(close - at - 1)};
                return true;
            }
            at = close;
        }
    }
    return false;
}

static bool is(const char *at, const char *end, const char *literal) {
    size_t length = strlen(literal);
    return (size_t)(end - at) >= length && memcmp(at, literal, length) == 0;
}

static bool key_is(const Member *member, const char *key) {
    return member->key_length == strlen(key) && memcmp(member->key, key, member->key_length) == 0;
}

bool json_refused(const char *body, size_t length) {
    const char *end = body + length;
    if (is(body, end, "[{\"success\":true")) return false;
    Member member = {.rest = body};
    int depth = 0;
    while (next_member(member.rest, end, &depth, 2, &member)) {
        if (key_is(&member, "success") && is(member.value, end, "false")) return true;
        if (key_is(&member, "error") && !is(member.value, end, "null")) return true;
    }
    return false;
}

char *json_text_of(const char *object, size_t length, const char *key) {
    const char *end = object + length;
    Member member = {.rest = object};
    int depth = 0;
    while (next_member(member.rest, end, &depth, 1, &member)) {
        if (!key_is(&member, key) || *member.value != '"') continue;
        const char *close = string_end(member.value + 1, end);
        return close ? strndup(member.value + 1, (size_t)(close - member.value - 1)) : NULL;
    }
    return NULL;
}

bool json_last_text(const char *arguments, size_t length, const char **text, size_t *text_length) {
    if (length < 2 || arguments[length - 1] != '"') return false;
    const char *close = arguments + length - 1, *open = close - 1;
    /* An offset has no quotes in it, escaped or not. */
    while (open > arguments && *open != '"') open--;
    if (*open != '"' || (open > arguments && open[-1] == '\\')) return false;
    *text = open + 1;
    *text_length = (size_t)(close - open - 1);
    return true;
}

void json_begin(const char *mode) { printf("{\"mode\":\"%s\"", mode); }

void json_integer(const char *key, uint64_t value) {
    printf(",\"%s\":%llu", key, (unsigned long long)value);
}

void json_number(const char *key, double value) {
    if (isfinite(value)) printf(",\"%s\":%.12g", key, value);
    else printf(",\"%s\":null", key);
}

void json_durations(const char *key, const Histogram *histogram) {
    if (!histogram->count) {
        printf(",\"%s\":null", key);
        return;
    }
    double us = 1e-3;
    printf(",\"%s\":{\"count\":%llu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,"
           "\"max\":%.1f,\"mean\":%.1f}",
           key, (unsigned long long)histogram->count,
           us * (double)histogram_quantile(histogram, 0.5),
           us * (double)histogram_quantile(histogram, 0.9),
           us * (double)histogram_quantile(histogram, 0.99),
           us * (double)histogram_quantile(histogram, 0.999), us * (double)histogram->max,
           us * (double)histogram->sum / (double)histogram->count);
}

void json_end(void) {
    puts("}");
    fflush(stdout);
}
