/* What processes used: CPU time, and memory. */
#ifndef USAGE_H
#define USAGE_H

#include "base.h"

enum { MOST_PROCESSES = 64 };

typedef struct Usage {
    double cpu_seconds; /* all threads, user and system, without children; NAN where there is no
                           process */
    uint64_t rss_kb;
} Usage;

/* Reads "12,34"; dies of anything else, and of processes that do not run. */
void usage_watch(const char *pids);

/* What the watched processes used so far, together. */
Usage usage_now(void);

/* Watches a database that is a process with children, as PostgreSQL is; dies where it does not run. */
void usage_watch_database(const char *pid);

/* What it and its children used so far, s, those included that have ended; NAN where there is none. */
double usage_database(void);

/* What loadgen itself used so far, s. */
double usage_own(void);

#endif
