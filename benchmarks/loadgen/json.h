/* The little of JSON that has to be read, and what is printed. */
#ifndef JSON_H
#define JSON_H

#include "histogram.h"

/* Whether an ack's arguments ([{…}]) say that the command failed: "success": false, or "error" that
   is not null, in the first object itself, not deeper. */
bool json_refused(const char *body, size_t length);

/* A string value of the first object's own key, as it stands between its quotes; NULL where there
   is none. The caller's to free. */
char *json_text_of(const char *object, size_t length, const char *key);

/* Where the last of an event's arguments is a string: it, as it stands between its quotes. */
bool json_last_text(const char *arguments, size_t length, const char **text, size_t *text_length);

/* Printing of the one object. */
void json_begin(const char *mode);
void json_integer(const char *key, uint64_t value);
void json_number(const char *key, double value);                  /* not a number: null */
void json_durations(const char *key, const Histogram *histogram); /* in µs; of none: null */
void json_end(void);

#endif
