/* The command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "base.h"

typedef struct Options {
    const char *mode;
    const char *host, *path, *connections, *auth_file, *pid, *database, *ready, *port;
    const char *event, *payload, *push, *push_match, *target_key;
    const char *live, *save, *method, *url, *echo, *speak, *topic;
    long connect_window, inflight, missed, pushes_per_ask;
    double seconds, warmup, settle, rate, hold, after, calm, timeout;
    bool no_ack, fanout;
} Options;

/* Reads `MODE --option value …`; dies of what is wrong, naming it. */
Options options_read(int count, char **arguments);

#endif
