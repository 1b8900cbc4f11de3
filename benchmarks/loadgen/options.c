#include "options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ASK = 1, CONNECT = 2, STORM = 4, PARK = 8, HTTP = 16, SINK = 32 };
/* ~0: common to all modes, whether or not a mode has a use for it. */
enum { CLIENTS = ASK | CONNECT | STORM | PARK };

static const struct {
    const char *name;
    int bit;
} modes[] = {{"ask", ASK},   {"connect", CONNECT}, {"storm", STORM},
             {"park", PARK}, {"http", HTTP},       {"sink", SINK}};

typedef struct Option {
    const char *name;
    enum { TEXT, INTEGER, NUMBER, FLAG } kind;
    size_t offset;
    int modes;
    double least;
} Option;

#define AT(member) offsetof(Options, member)

static const Option known[] = {
    {"host", TEXT, AT(host), ~0, 0},
    {"port", TEXT, AT(port), ~0, 0},
    {"path", TEXT, AT(path), CLIENTS, 0},
    {"connections", TEXT, AT(connections), ~0, 0},
    {"auth-file", TEXT, AT(auth_file), CLIENTS, 0},
    {"connect-window", INTEGER, AT(connect_window), CLIENTS | HTTP, 1},
    {"timeout", NUMBER, AT(timeout), CLIENTS | HTTP, 0},
    {"ready", TEXT, AT(ready), CLIENTS, 0},
    {"speak", TEXT, AT(speak), ASK | CONNECT, 0},
    {"topic", TEXT, AT(topic), ASK | CONNECT, 0},
    {"pid", TEXT, AT(pid), ~0, 0},
    {"database", TEXT, AT(database), ~0, 0},
    {"seconds", NUMBER, AT(seconds), ~0, 0.001},
    {"warmup", NUMBER, AT(warmup), ~0, 0},
    {"settle", NUMBER, AT(settle), ASK | STORM | HTTP, 0},
    {"event", TEXT, AT(event), ASK | STORM, 0},
    {"payload", TEXT, AT(payload), ASK | STORM | HTTP, 0},
    {"inflight", INTEGER, AT(inflight), ASK | HTTP, 1},
    {"rate", NUMBER, AT(rate), ASK | STORM, 0.001},
    {"push", TEXT, AT(push), ASK | STORM, 0},
    {"push-match", TEXT, AT(push_match), ASK | STORM, 0},
    {"pushes-per-ask", INTEGER, AT(pushes_per_ask), ASK | STORM, 0},
    {"target-key", TEXT, AT(target_key), ASK, 0},
    {"no-ack", FLAG, AT(no_ack), ASK, 0},
    {"hold", NUMBER, AT(hold), CONNECT | PARK, 0},
    {"after", NUMBER, AT(after), CONNECT, 0},
    {"live", TEXT, AT(live), STORM, 0},
    {"calm", NUMBER, AT(calm), STORM, 0.001},
    {"missed", INTEGER, AT(missed), STORM | SINK, 0},
    {"save", TEXT, AT(save), PARK, 0},
    {"method", TEXT, AT(method), HTTP, 0},
    {"url", TEXT, AT(url), HTTP, 0},
    {"echo", TEXT, AT(echo), SINK, 0},
    {"fanout", FLAG, AT(fanout), SINK, 0},
};

static int mode_bit(const char *name) {
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(modes[i].name, name) == 0) return modes[i].bit;
    die(2, "%s: no such mode; there are ask, connect, storm, park, http and sink", name);
}

static const Option *find(const char *argument, int mode) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(argument, "--", 2) == 0 && strcmp(argument + 2, known[i].name) == 0 &&
            (known[i].modes & mode))
            return &known[i];
    die(2, "%s: this mode has no such option", argument);
}

static void set(Options *options, const Option *option, const char *text) {
    char *at = (char *)options + option->offset, *end;
    if (option->kind == TEXT) {
        *(const char **)at = text;
        return;
    }
    double number = strtod(text, &end);
    if (end == text || *end || !isfinite(number) || number < option->least)
        die(2, "--%s %s: not a number from %g on", option->name, text, option->least);
    if (option->kind == NUMBER) {
        *(double *)at = number;
    } else {
        if (number != floor(number) || number > 1e9)
            die(2, "--%s %s: not a whole number", option->name, text);
        *(long *)at = (long)number;
    }
}

static void require(const void *value, const char *name) {
    if (!value) die(2, "--%s is needed", name);
}

static void check(const Options *options, int mode) {
    require(options->port, "port");
    if (mode & (CLIENTS | HTTP)) require(options->connections, "connections");
    if (mode & (ASK | STORM)) {
        require(options->event, "event");
        require(options->payload, "payload");
    }
    if (mode & STORM) {
        require(options->live, "live");
        if (!options->rate) die(2, "--rate is needed");
        if (options->missed) require(options->push, "push");
    }
    if (mode & PARK) require(options->save, "save");
    if (mode & HTTP) require(options->url, "url");
    if (options->pushes_per_ask) require(options->push, "push");
    if (options->no_ack && !options->pushes_per_ask)
        die(2, "--no-ack needs --pushes-per-ask: only pushes say that an ask is finished");
}

Options options_read(int count, char **arguments) {
    if (count < 2) die(2, "usage: loadgen ask|connect|storm|park|http|sink --option value …");
    int mode = mode_bit(arguments[1]);
    Options options = {
        .mode = arguments[1],
        .host = "127.0.0.1",
        .path = "/socket.io/?EIO=4&transport=websocket",
        .method = "POST",
        .target_key = "conversationId",
        .connect_window = mode & ASK ? 200 : 64,
        .inflight = 1,
        .seconds = 10,
        .warmup = 2,
        .settle = 5,
        .after = 3,
        .calm = 5,
        .timeout = 60,
    };
    for (int i = 2; i < count; i++) {
        const Option *option = find(arguments[i], mode);
        if (option->kind == FLAG) {
            *(bool *)((char *)&options + option->offset) = true;
        } else {
            if (i + 1 == count) die(2, "%s: its value is missing", arguments[i]);
            set(&options, option, arguments[++i]);
        }
    }
    check(&options, mode);
    return options;
}
