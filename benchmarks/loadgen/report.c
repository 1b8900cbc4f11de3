#include "report.h"

#include <math.h>

#include "json.h"
#include "stream.h"

typedef struct Reading {
    Usage server;
    double database, own;
    uint64_t bytes_in;
} Reading;

static Reading read_now(void) { return (Reading){usage_now(), usage_database(), usage_own(), bytes_in}; }

static void print_window(const Window *window, double seconds, const Reading *start,
                         const Reading *end) {
    double cpu = end->server.cpu_seconds - start->server.cpu_seconds;
    json_integer("asks", window->asks);
    json_integer("acked", window->acked);
    json_integer("refused", window->refused);
    json_integer("unanswered", window->asks - window->acked - window->refused);
    json_integer("deliveries", window->deliveries_come);
    json_number("asks_per_second", (double)window->acks_come / seconds);
    json_number("deliveries_per_second", (double)window->deliveries_come / seconds);
    json_durations("ack_us", &window->ack);
    json_durations("delivery_us", &window->delivery);
    json_durations("send_lag_us", &window->lag);
    json_number("cpu_seconds", cpu);
    json_number("cpu_us_per_ask", 1e6 * cpu / (double)window->acks_come);
    json_number("cpu_us_per_delivery", 1e6 * cpu / (double)window->deliveries_come);
    json_number("database_cpu_us_per_ask",
                1e6 * (end->database - start->database) / (double)window->acks_come);
    json_integer("rss_start_kb", start->server.rss_kb);
    json_integer("rss_end_kb", end->server.rss_kb);
    json_number("own_cpu_seconds", end->own - start->own);
    json_integer("bytes_in", end->bytes_in - start->bytes_in);
}

void report_totals(const Asker *asker) {
    const Totals *total = &asker->total;
    uint64_t deliveries = asker_deliveries(asker);
    uint64_t asks = asker->by_pushes ? total->asks : total->acked;
    json_integer("asks_total", total->asks);
    json_integer("acked_total", total->acked);
    json_integer("refused_total", total->refused);
    json_integer("unanswered_total", total->asks - total->acked - total->refused);
    json_integer("deliveries_total", deliveries);
    /* Where nobody said how many pushes there should be, what is missing is unknown. */
    bool unknown = asker->push && !asker->pushes_per_ask;
    double expected = unknown ? NAN : (double)(asks * asker->pushes_per_ask);
    json_number("expected_total", expected);
    json_number("missing", expected - (double)deliveries);
    json_integer("duplicates", total->duplicates);
    json_integer("deliveries_unacked", total->pushes - deliveries);
    json_integer("foreign", total->foreign);
    json_integer("stray_acks", total->stray_acks);
}

void report_asks(Asker *asker, const Options *options, const uint32_t *dropped) {
    Window *window = &asker->windows[0];
    asker_begin(asker);
    asker_run(asker, clock_ns() + seconds_ns(options->warmup), NULL, NULL);
    Reading start = read_now();
    window_open(window);
    asker_run(asker, clock_ns() + seconds_ns(options->seconds), NULL, NULL);
    window_close(window);
    Reading end = read_now();
    asker_stop(asker);
    asker_settle(asker, options->settle);

    double seconds = (double)(window->to_ns - window->from_ns) / 1e9;
    json_number("seconds", seconds);
    json_number("window_ended", (double)window->to_ns / 1e9);
    print_window(window, seconds, &start, &end);
    report_totals(asker);
    json_integer("dropped", *dropped);
}
