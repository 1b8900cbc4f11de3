/* http: how fast requests are answered, over connections that are kept open. */
#include "client.h"
#include "json.h"
#include "modes.h"
#include "report.h"
#include "response.h"
#include "roster.h"
#include "stream.h"

#include <stdio.h>
#include <string.h>

typedef struct Http {
    Asker asker;
    Template *url;
    const char *method;
    uint32_t connected, failed, dropped;
    bool opening;
    char why[200]; /* the first one failed or was dropped */
} Http;

/* One connection, with one request at a time. */
typedef struct Caller {
    Stream stream; /* first, so that a stream's handler finds its caller */
    Http *http;
    const Line *line;
    const Address *server;
    uint32_t sender, ask;
    bool asking;
} Caller;

static void on_connected(Stream *stream) { ((Caller *)stream)->http->connected++; }

static void on_closed(Stream *stream, const char *why) {
    Caller *caller = (Caller *)stream;
    Http *http = caller->http;
    if (!http->failed && !http->dropped) snprintf(http->why, sizeof http->why, "%s", why);
    if (http->opening) {
        http->failed++;
    } else {
        http->dropped++;
        asker_lost(&http->asker, caller->sender);
    }
}

static size_t on_bytes(Stream *stream, char *data, size_t length) {
    Caller *caller = (Caller *)stream;
    Response response;
    ResponseResult result = response_read(data, length, &response);
    if (result == RESPONSE_WRONG || !caller->asking) {
        stream_fail(stream, "not a response, or to no request");
        return 0;
    }
    if (result == RESPONSE_PARTIAL) {
        stream->need = response.total;
        return 0;
    }
    caller->asking = false;
    asker_answered(&caller->http->asker, caller->sender, caller->ask, response.status >= 400);
    return response.total;
}

static const StreamHandlers handlers = {on_connected, on_bytes, on_closed};

static void send_request(void *connection, uint32_t ask, const char *body, size_t length) {
    Caller *caller = connection;
    Http *http = caller->http;
    Filling filling = {caller->line->target, ask, 0};
    size_t url_length;
    const char *url = template_fill(http->url, &filling, &url_length);
    size_t most = strlen(http->method) + url_length + sizeof caller->server->name +
                  strlen(caller->line->token) + 256;
    char *to = stream_room(&caller->stream, most + length);
    int head = snprintf(to, most,
                        "%s %.*s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                        http->method, (int)url_length, url, caller->server->name,
                        caller->line->token, length);
    memcpy(to + head, body, length);
    stream_wrote(&caller->stream, (size_t)head + length);
    caller->ask = ask;
    caller->asking = true;
}

/* A caller for each of a line's requests at a time. */
static void open_all(Http *http, const Roster *roster, const Options *options, uint32_t count) {
    Caller *callers = allocate(count, sizeof *callers);
    uint32_t window = (uint32_t)options->connect_window;
    uint64_t end = clock_ns() + seconds_ns(options->timeout);
    http->opening = true;
    for (uint32_t i = 0, line = 0; http->connected < count;) {
        if (http->failed)
            die(1, "%u of %u connections failed, the first one: %s", http->failed, count,
                http->why);
        if (clock_ns() >= end) die(1, "not connected in time");
        for (; i < count && i - http->connected < window; i++, line++) {
            Caller *caller = &callers[i];
            while (!roster->lines[line % roster->count].target) line++; /* it would only listen */
            *caller = (Caller){
                .http = http,
                .line = &roster->lines[line % roster->count],
                .server = &client_settings.servers[i % client_settings.server_count],
            };
            caller->sender = asker_add_sender(&http->asker, caller, caller->line->target);
            stream_connect(&caller->stream, &handlers, caller->server);
        }
        loop_once(end);
    }
    http->opening = false;
}

int mode_http(const Options *options) {
    Http *http = allocate(1, sizeof *http);
    Roster roster = roster_read(options->connections, NULL);
    uint32_t count = roster_senders(&roster) * (uint32_t)options->inflight;
    if (!count) die(2, "nobody has a target, so nobody asks");
    Options each = *options;
    each.inflight = 1;
    http->method = options->method;
    http->url = template_parse("", options->url, "");
    asker_init(&http->asker, &each,
               template_parse("", options->payload ? options->payload : "", ""), count);
    http->asker.send = send_request;
    open_all(http, &roster, options, count);

    json_begin("http");
    json_integer("connections", count);
    report_asks(&http->asker, options, &http->dropped);
    json_end();
    if (http->dropped)
        warn("%u of %u connections were dropped, the first one: %s", http->dropped, count,
             http->why);
    return asker_has_senders(&http->asker) ? 0 : 1;
}
