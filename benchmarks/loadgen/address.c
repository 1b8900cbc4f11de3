#include "address.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const Address *addresses_read(const char *host, const char *ports, bool listen, uint32_t *count) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, NULL, &hints, &found);
    if (error) die(2, "--host %s: %s", host, gai_strerror(error));
    Address *addresses = allocate(strlen(ports), sizeof *addresses);
    *count = 0;
    for (const char *at = ports; *at || !*count;) {
        char *end;
        long port = strtol(at, &end, 10);
        if (end == at || port < !listen || port > 65535 || (*end && *end != ','))
            die(2, "--port %s: not ports from 1 to 65535, separated by commas", ports);
        Address *address = &addresses[(*count)++];
        memcpy(&address->socket, found->ai_addr, sizeof address->socket);
        address->socket.sin_port = htons((uint16_t)port);
        snprintf(address->name, sizeof address->name, "%.255s:%ld", host, port);
        at = *end ? end + 1 : end;
    }
    freeaddrinfo(found);
    return addresses;
}
