/* What listeners speak who do not speak Socket.IO: JSON of the messaging system, or STOMP of the
 * marketplace. They only listen; what they are told of a message counts as the main door's push. */
#ifndef SPEECH_H
#define SPEECH_H

#include "client.h"

struct Speech {
    const char *name, *path;
    void (*opened)(Client *client);
    void (*text)(Client *client, const char *text, size_t length);
};

/* By its name; dies where there is none. */
const Speech *speech_named(const char *name);

#endif
