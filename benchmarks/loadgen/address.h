/* Where servers listen. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "base.h"

#include <netinet/in.h>

typedef struct Address {
    struct sockaddr_in socket;
    char name[272]; /* HOST:PORT */
} Address;

/* One for each of the `ports` ("3001" or "3001,3002"); dies of what is none. To listen, 0 takes a
   free one. */
const Address *addresses_read(const char *host, const char *ports, bool listen, uint32_t *count);

#endif
