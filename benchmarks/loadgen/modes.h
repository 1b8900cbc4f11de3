/* What loadgen can do. Each prints its one object, and returns the exit code. */
#ifndef MODES_H
#define MODES_H

#include "options.h"

int mode_ask(const Options *options);
int mode_connect(const Options *options);
int mode_storm(const Options *options);
int mode_park(const Options *options);
int mode_http(const Options *options);
int mode_sink(const Options *options);

#endif
