/* What everything needs: time, memory that does not fail, and a way to give up. */
#ifndef BASE_H
#define BASE_H

/* memmem(), strsep() and others of Linux's own. So this header comes before those of the system. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEVER UINT64_MAX
#define SECOND UINT64_C(1000000000)

/* CLOCK_MONOTONIC in nanoseconds: the same clock in all processes of a machine. */
uint64_t clock_ns(void);

/* Seconds as nanoseconds. */
static inline uint64_t seconds_ns(double seconds) { return (uint64_t)(seconds * 1e9); }

/* One line on stderr, and exit: 1 is "could not do its work", 2 is "was asked for nonsense". */
_Noreturn void die(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One line on stderr. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Zeroed memory; dies where there is none. */
void *allocate(size_t count, size_t size);

/* A random number of the kernel's. */
uint64_t random_seed(void);

#endif
