/* loadgen: a load generator for chat servers. See README.md. */
#include "client.h"
#include "modes.h"
#include "usage.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* As many descriptors as the system allows. */
static void raise_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static struct sockaddr_in resolve(const char *host, long port) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, NULL, &hints, &found);
    if (error) die(2, "--host %s: %s", host, gai_strerror(error));
    struct sockaddr_in address;
    memcpy(&address, found->ai_addr, sizeof address);
    address.sin_port = htons((uint16_t)port);
    freeaddrinfo(found);
    return address;
}

int main(int count, char **arguments) {
    Options options = options_read(count, arguments);
    char host[300];
    snprintf(host, sizeof host, "%s:%ld", options.host, options.port);
    client_settings = (ClientSettings){
        .to = resolve(options.host, options.port),
        .host = host,
        .path = options.path,
        .ready = options.ready,
    };
    signal(SIGPIPE, SIG_IGN);
    raise_limit();
    loop_init();
    if (options.pid) usage_watch(options.pid);
    static const struct {
        const char *name;
        int (*run)(const Options *options);
    } modes[] = {{"ask", mode_ask},   {"connect", mode_connect}};
    for (size_t i = 0;; i++)
        if (strcmp(modes[i].name, options.mode) == 0) return modes[i].run(&options);
}
