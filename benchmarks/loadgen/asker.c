#include "asker.h"

#include <string.h>

#include "stream.h"

void window_open(Window *window) { window->from_ns = clock_ns(); }
void window_close(Window *window) { window->to_ns = clock_ns(); }

static Window *window_at(Asker *asker, uint64_t time) {
    for (size_t i = 0; i < 2; i++)
        if (asker->windows[i].from_ns <= time && time < asker->windows[i].to_ns)
            return &asker->windows[i];
    return NULL;
}

void asker_init(Asker *asker, const Options *options, Template *template, uint32_t most) {
    *asker = (Asker){
        .template = template,
        .senders = allocate(most, sizeof *asker->senders),
        .inflight = (uint32_t)options->inflight,
        .pushes_per_ask = (uint32_t)options->pushes_per_ask,
        .push = options->push,
        .push_match = options->push_match,
        .marked = template_has_time(template),
        .by_pushes = options->no_ack,
        .rate = options->rate,
    };
    for (size_t i = 0; i < 2; i++) asker->windows[i].from_ns = asker->windows[i].to_ns = NEVER;
    targets_init(&asker->targets, most, options->target_key);
}

uint32_t asker_add_sender(Asker *asker, void *connection, const char *target) {
    Sender *sender = &asker->senders[asker->sender_count];
    *sender = (Sender){.connection = connection, .target = target};
    if (asker->by_pushes && !asker->marked) sender->room = targets_add(&asker->targets, target);
    return asker->sender_count++;
}

/* Its place in the line of those that wait for the same target's pushes. */
static void line_up(Asker *asker, Target *room, uint32_t number) {
    ledger_ask(&asker->ledger, number)->next = NOBODY;
    if (room->first == NOBODY) room->first = number;
    else ledger_ask(&asker->ledger, room->last)->next = number;
    room->last = number;
}

static void send_ask(Asker *asker, uint32_t index, uint64_t intended, uint64_t now) {
    Sender *sender = &asker->senders[index];
    uint32_t number = ledger_add(&asker->ledger, intended, index);
    Window *window = window_at(asker, intended);
    asker->total.asks++;
    if (window) {
        window->asks++;
        if (asker->rate > 0) histogram_add(&window->lag, now - intended);
    }
    if (sender->gone) return; /* it was due, and will not be answered */
    sender->outstanding++;
    asker->total.outstanding++;
    if (sender->room) line_up(asker, sender->room, number);
    size_t length;
    Filling filling = {sender->target, number, intended};
    const char *text = template_fill(asker->template, &filling, &length);
    asker->send(sender->connection, number, text, length);
}

void asker_begin(Asker *asker) {
    asker->began_ns = clock_ns();
    asker->sending = true;
    if (asker->rate > 0) return;
    for (uint32_t i = 0; i < asker->inflight; i++)
        for (uint32_t sender = 0; sender < asker->sender_count; sender++) {
            uint64_t now = clock_ns();
            if (!asker->senders[sender].gone) send_ask(asker, sender, now, now);
        }
}

/* How many are sent before the loop looks at what came in again. */
enum { BURST = 256 };

uint64_t asker_send_due(Asker *asker) {
    if (!asker->sending || asker->rate <= 0) return NEVER;
    uint64_t now = clock_ns();
    for (int i = 0;; i++) {
        uint64_t due = asker->began_ns + (uint64_t)((double)asker->scheduled * 1e9 / asker->rate);
        if (due > now || i == BURST) return due;
        asker->scheduled++;
        send_ask(asker, asker->next_sender, due, now);
        asker->next_sender = (asker->next_sender + 1) % asker->sender_count;
    }
}

void asker_stop(Asker *asker) {
    uint64_t end = clock_ns();
    while (asker_send_due(asker) <= end) {
    }
    asker->sending = false;
}

void asker_run(Asker *asker, uint64_t end, bool (*done)(void *), void *context) {
    while (clock_ns() < end && !(done && done(context))) {
        uint64_t due = asker_send_due(asker);
        loop_once(due < end ? due : end);
    }
}

static bool settled(void *context) {
    Asker *asker = context;
    uint64_t expected = asker->total.acked * asker->pushes_per_ask;
    return !asker->total.outstanding && asker_deliveries(asker) >= expected;
}

void asker_settle(Asker *asker, double seconds) {
    asker_run(asker, clock_ns() + seconds_ns(seconds), settled, asker);
}

static void finish(Asker *asker, Ask *ask, bool refused) {
    Sender *sender = &asker->senders[ask->sender];
    Window *asked_in = window_at(asker, ask->intended_ns);
    Window *came_in = window_at(asker, arrival_ns);
    ask->state = refused ? REFUSED : ACKED;
    if (!sender->gone) {
        sender->outstanding--;
        asker->total.outstanding--;
    }
    if (refused) {
        asker->total.refused++;
        if (asked_in) asked_in->refused++;
    } else {
        asker->total.acked++;
        asker->total.acked_pushes += ask->deliveries;
        if (came_in) came_in->acks_come++;
        if (asked_in) {
            asked_in->acked++;
            histogram_add(&asked_in->ack, arrival_ns - ask->intended_ns);
        }
    }
    if (asker->sending && asker->rate <= 0 && !sender->gone) {
        uint64_t now = clock_ns();
        send_ask(asker, ask->sender, now, now);
    }
}

void asker_answered(Asker *asker, uint32_t sender, uint64_t number, bool refused) {
    Ask *ask = ledger_ask(&asker->ledger, number);
    if (!ask || ask->sender != sender || ask->state != SENT || asker->by_pushes)
        asker->total.stray_acks++;
    else finish(asker, ask, refused);
}

/* The ask that a push comes from; NULL where it is none of ours, or unknown. */
static Ask *ask_of(Asker *asker, const char *arguments, size_t length) {
    Marker marker;
    if (asker->marked) {
        if (!marker_find(arguments, length, &marker) || !marker.ours) return NULL;
        return ledger_ask(&asker->ledger, marker.ask);
    }
    Target *room = targets_named(&asker->targets, arguments, length);
    return room && room->first != NOBODY ? ledger_ask(&asker->ledger, room->first) : NULL;
}

static void delivered(Asker *asker, Ask *ask) {
    if (asker->pushes_per_ask && ask->deliveries == asker->pushes_per_ask) {
        asker->total.duplicates++;
        return;
    }
    ask->deliveries++;
    asker->total.pushes++;
    if (ask->state == ACKED) asker->total.acked_pushes++;
    Window *came_in = window_at(asker, arrival_ns), *asked_in = window_at(asker, ask->intended_ns);
    if (came_in) came_in->deliveries_come++;
    if (asked_in) histogram_add(&asked_in->delivery, arrival_ns - ask->intended_ns);
}

void asker_pushed(Asker *asker, const char *arguments, size_t length) {
    if (asker->push_match &&
        !memmem(arguments, length, asker->push_match, strlen(asker->push_match)))
        return;
    if (!asker->marked && !asker->by_pushes) {
        Window *came_in = window_at(asker, arrival_ns);
        asker->total.pushes++;
        if (came_in) came_in->deliveries_come++;
        return;
    }
    Ask *ask = ask_of(asker, arguments, length);
    if (!ask) {
        asker->total.foreign++;
        return;
    }
    delivered(asker, ask);
    if (!asker->by_pushes || ask->deliveries < asker->pushes_per_ask || ask->state != SENT) return;
    Target *room = asker->senders[ask->sender].room;
    if (room) room->first = ask->next;
    finish(asker, ask, false);
}

void asker_lost(Asker *asker, uint32_t index) {
    Sender *sender = &asker->senders[index];
    sender->gone = true;
    asker->total.outstanding -= sender->outstanding;
    sender->outstanding = 0;
}

uint64_t asker_deliveries(const Asker *asker) {
    /* Without markers nobody knows whose they are; without acks they are what asks wait for. */
    bool unknown = !asker->marked || asker->by_pushes;
    return unknown ? asker->total.pushes : asker->total.acked_pushes;
}

bool asker_has_senders(const Asker *asker) {
    for (uint32_t i = 0; i < asker->sender_count; i++)
        if (!asker->senders[i].gone) return true;
    return false;
}
