/* loadgen: a load generator for chat servers. See README.md. */
#include "client.h"
#include "modes.h"
#include "speech.h"
#include "usage.h"

#include <string.h>
#include <sys/resource.h>

static const struct {
    const char *name;
    int (*run)(const Options *options);
} modes[] = {{"ask", mode_ask},   {"connect", mode_connect}, {"storm", mode_storm},
             {"park", mode_park}, {"http", mode_http},       {"sink", mode_sink}};

/* As many descriptors as the system allows. */
static void raise_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int count, char **arguments) {
    Options options = options_read(count, arguments);
    client_settings.path = options.path;
    client_settings.ready = options.ready;
    if (options.speak) client_settings.speech = speech_named(options.speak);
    client_settings.topic = options.topic;
    if (strcmp(options.mode, "sink") != 0)
        client_settings.servers =
            addresses_read(options.host, options.port, false, &client_settings.server_count);
    raise_limit();
    loop_init();
    if (options.pid) usage_watch(options.pid);
    if (options.database) usage_watch_database(options.database);
    for (size_t i = 0;; i++)
        if (strcmp(modes[i].name, options.mode) == 0) return modes[i].run(&options);
}
