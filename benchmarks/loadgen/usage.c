#include "usage.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static pid_t processes[MOST_PROCESSES];
static int process_count;
static pid_t database; /* 0: none */

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

static pid_t running(const char *option, long pid) {
    if (isnan(cpu_of((pid_t)pid))) die(2, "--%s %ld: no such process", option, pid);
    return (pid_t)pid;
}

void usage_watch(const char *pids) {
    for (const char *at = pids; *at;) {
        char *end;
        long pid = strtol(at, &end, 10);
        if (end == at || pid <= 0 || (*end && *end != ',') || process_count == MOST_PROCESSES)
            die(2, "--pid %s: not process ids, separated by commas", pids);
        processes[process_count++] = running("pid", pid);
        at = *end ? end + 1 : end;
    }
}

void usage_watch_database(const char *pid) {
    char *end;
    long number = strtol(pid, &end, 10);
    if (end == pid || number <= 0 || *end) die(2, "--database %s: not a process id", pid);
    database = running("database", number);
}

/* What a process of the watched family used; 0 of all others. A child that has ended counts with
 * its parent, in ticks of 10 ms. */
static double cpu_in_family(pid_t process) {
    char path[64], stat[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    stat[fread(stat, 1, sizeof stat - 1, file)] = 0;
    fclose(file);
    int parent;
    long user, system;
    /* Its name may have anything in it, but is followed by the last parenthesis. */
    const char *rest = strrchr(stat, ')');
    if (!rest || sscanf(rest + 1,
                        " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %ld %ld", &parent,
                        &user, &system) != 3)
        return 0;
    if (process != database && parent != database) return 0;
    double used = cpu_of(process);
    if (isnan(used)) return 0;
    return process == database ? used + (double)(user + system) / (double)sysconf(_SC_CLK_TCK)
                               : used;
}

double usage_database(void) {
    DIR *all = database ? opendir("/proc") : NULL;
    if (!all) return NAN;
    double used = 0;
    for (const struct dirent *entry; (entry = readdir(all));)
        if (isdigit((unsigned char)*entry->d_name)) used += cpu_in_family(atoi(entry->d_name));
    closedir(all);
    return used;
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
