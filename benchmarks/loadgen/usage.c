#include "usage.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static pid_t processes[MOST_PROCESSES];
static int process_count;

static double seconds_of(clockid_t clock) {
    struct timespec used;
    if (clock_gettime(clock, &used) < 0) return NAN;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* The kernel's own clock of a process: utime + stime of /proc/PID/stat, in nanoseconds instead of
 * ticks of 10 ms. */
static double cpu_of(pid_t process) {
    clockid_t clock;
    return clock_getcpuclockid(process, &clock) == 0 ? seconds_of(clock) : NAN;
}

static uint64_t rss_of(pid_t process) {
    char path[64];
    unsigned long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)process);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "%*u %lu", &pages) != 1) pages = 0;
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

void usage_watch(const char *pids) {
    for (const char *at = pids; *at;) {
        char *end;
        long pid = strtol(at, &end, 10);
        if (end == at || pid <= 0 || (*end && *end != ',') || process_count == MOST_PROCESSES)
            die(2, "--pid %s: not process ids, separated by commas", pids);
        if (isnan(cpu_of((pid_t)pid))) die(2, "--pid %ld: no such process", pid);
        processes[process_count++] = (pid_t)pid;
        at = *end ? end + 1 : end;
    }
}

Usage usage_now(void) {
    Usage usage = {process_count ? 0 : NAN, 0};
    for (int i = 0; i < process_count; i++) {
        usage.cpu_seconds += cpu_of(processes[i]);
        usage.rss_kb += rss_of(processes[i]);
    }
    return usage;
}

double usage_own(void) { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }
