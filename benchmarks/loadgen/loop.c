#include "loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { BATCH = 256 };

void (*loop_before_wait)(void) = NULL;

static int epoll_fd = -1, timer_fd = -1;
static uint64_t armed = NEVER;

/* epoll_wait() counts in milliseconds; a timer of the same loop is exact. */
static void on_timer(Pollable *self, uint32_t events) {
    (void)self;
    (void)events;
    uint64_t expirations;
    if (read(timer_fd, &expirations, sizeof expirations) > 0) armed = NEVER;
}

static Pollable timer = {on_timer};

static void control(int operation, int fd, Pollable *pollable, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = pollable};
    if (epoll_ctl(epoll_fd, operation, fd, &event) < 0) die(1, "epoll_ctl: %s", strerror(errno));
}

void loop_init(void) {
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (epoll_fd < 0 || timer_fd < 0) die(1, "epoll: %s", strerror(errno));
    loop_add(timer_fd, &timer, EPOLLIN);
}

void loop_add(int fd, Pollable *pollable, uint32_t events) {
    control(EPOLL_CTL_ADD, fd, pollable, events);
}

void loop_change(int fd, Pollable *pollable, uint32_t events) {
    control(EPOLL_CTL_MOD, fd, pollable, events);
}

static void arm(uint64_t until) {
    if (until == armed) return;
    armed = until;
    struct itimerspec when = {0};
    if (until != NEVER) {
        when.it_value.tv_sec = (time_t)(until / SECOND);
        when.it_value.tv_nsec = (long)(until % SECOND);
    }
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void loop_once(uint64_t until) {
    if (loop_before_wait) loop_before_wait();
    bool due = until <= clock_ns();
    if (!due) arm(until);
    struct epoll_event events[BATCH];
    int count = epoll_wait(epoll_fd, events, BATCH, due ? 0 : -1);
    if (count < 0 && errno != EINTR) die(1, "epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        Pollable *pollable = events[i].data.ptr;
        pollable->on_events(pollable, events[i].events);
    }
}
