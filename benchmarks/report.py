"""The results as a document: docs/PERFORMANCE.md."""

from collections.abc import Iterable, Sequence
from statistics import median

from benchmarks.bench import Numbers
from benchmarks.data import DOCS, Data
from benchmarks.growth import CURVES, Curve
from benchmarks.play import Results, mistakes, ratios, shown, values
from benchmarks.scenario import MESSAGES, P50, P99, POSTGRES, Metric, Scenario
from benchmarks.scenarios import SCENARIOS
from benchmarks.states import STATED, TITLES, State, states_in
from benchmarks.targets import OURS, TARGETS

_SOAK = """For {minutes:g} minutes clients of our server talked, typed, read, came and went, and dropped and
recovered, all at once. From the second third to the last, its memory grew by {memory_growth:.1f} %. The last row
is some seconds after everybody had gone."""

_APP = """With {messages:,} messages of a conversation loaded, a Chromium without a display scrolls through them
for ten seconds. Then somebody else writes a hundred messages, and the page's main thread is watched: what it does
for a push, from the socket to the pixels. Server, database and browser share the machine."""

_STATES = """PostgreSQL plans by what it knows of its tables: nothing, or what was true once, until somebody
gathers statistics. **Fresh** is how everything else here is measured. In the other states nobody gathers any
(autovacuum is off): they were **never gathered**; or **gathered while the tables were empty**, and the servers
started when they were full; or **gathered while the tables were small**: the servers started when {few} pairs were
there, these wrote until every plan was made, and then all the others came, and the messages of old. There a window
lasts {state_seconds:g} s."""

_PYTHONS = """Our server in this Python and in others that the machine had, by turns, from databases of their own.
A ratio above 1 says that this one is better."""

# What is shown of each state.
_IN_STATES = (MESSAGES, P50, P99, POSTGRES)

_TITLES = {
    "ours": "chatserver",
    "ours-before": "chatserver, before",
    "node": "Node.js",
    "node-batched": "Node.js with group commit",
}

_HEAD = """# Performance

Our server beside Node.js peers, as `make bench` measured them. The run writes this page; nobody else does. What
it kept is in [results.json](performance/results.json).

**The peer** (`benchmarks/peer/`) is what a good Node.js developer writes from the same guide: socket.io, and pg
with a pool of 10 and named prepared statements; a transaction per message, AES-256-GCM, `io.to(room).emit`; no
per-message deflate, `bufferutil`, and the handshake's request dropped, as socket.io advises. **With group
commit** it is the same, but what arrives while a batch is being committed is the next batch, with one statement
for all of it: so that design and language are told apart. Both keep less than our server does: no log, no
receipts, no recovery, no blocks.

**The method.** One C program makes the load for all of them, and measures on its own side. PostgreSQL is
durable (fsync and synchronous commit are on), with a database for each server. Everything is on one machine:
the server has a processor for itself; PostgreSQL and the load generator have the rest. The servers take turns,
scenario by scenario, {repetitions} times; a window lasts {seconds:g} s, after {warmup:g} s of warming up. A
figure is the median. A ratio is that of each turn, shown as their median, with the lowest and the highest;
above 1 our server is better, whether more or less is better. Limits are evaluated, and set out of the way. In
an open loop, latency counts from when a message was due.
"""


def report(data: Data) -> str:
    """The whole document."""
    parts = [
        _HEAD.format(**data["form"]),
        _about(data),
        _targets(data),
        _scenarios(data),
        _states(data),
        _pythons(data),
        _growth(data),
        _ceiling(data),
        _profiles(data),
        _soak(data),
        _app(data),
    ]
    return "\n".join(part for part in parts if part)


def write(data: Data) -> None:
    """Write the document."""
    (DOCS / "PERFORMANCE.md").write_text(report(data))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are figures."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *rows))


def _about(data: Data) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    machine = "".join(f"- {name}: {value}\n" for name, value in data["machine"].items())
    return f"This run: {versions}.\n\n{machine}"


def _targets(data: Data) -> str:
    rows = []
    for target in TARGETS:
        measured, met = target.verdict(data)
        verdict = {True: "met", False: "**missed**", None: ""}[met]
        rows.append((target.title, target.wanted, measured, verdict))
    return "## Targets\n\n" + table(("", "target", "measured", ""), rows)


def _scenarios(data: Data) -> str:
    sections = [
        _scenario(scenario, data["scenarios"][scenario.name])
        for scenario in SCENARIOS
        if scenario.name in data.get("scenarios", {})
    ]
    if not sections:
        return ""
    return (
        "## Scenarios\n\n![How many times better than the peers](performance/ratios.svg)\n\n"
        + "\n".join(sections)
    )


def _scenario(scenario: Scenario, found: dict[str, list[Numbers]]) -> str:
    others = [name for name in found if name != OURS]
    head = [scenario.name, *(_TITLES[name] for name in found)]
    head += [f"× {_TITLES[name]}" for name in others]
    rows = [_figures(metric, found, others) for metric in scenario.metrics]
    wrong = [
        f"- {_TITLES[name]}, run {number}: {', '.join(mistakes(run))}\n"
        for name, runs in found.items()
        for number, run in enumerate(runs, 1)
        if mistakes(run)
    ]
    notes = "\nNot served:\n\n" + "".join(wrong) if wrong else ""
    return f"### {scenario.name}: {scenario.title}\n\n{scenario.doc}\n\n{table(head, rows)}{notes}"


def _figures(metric: Metric, found: dict[str, list[Numbers]], others: Sequence[str]) -> list[str]:
    row = [f"{metric.title}, {metric.unit}"]
    for runs in found.values():
        each = values(metric, runs)
        row.append(shown(metric, median(each)) if each else "")
    for name in others:
        each = ratios(metric, found.get(OURS, []), found[name])
        row.append(f"{median(each):.2f} ({min(each):.2f} to {max(each):.2f})" if each else "")
    return row


def _pythons(data: Data) -> str:
    if not (found := data.get("pythons")):
        return ""
    played = [scenario for scenario in SCENARIOS if scenario.name in found]
    names = list(found[played[0].name])
    head = ["", *(f"Python {_python(data, name)}" for name in names)]
    head += [f"× {_python(data, name)}" for name in names[1:]]
    rows = []
    for scenario in played:
        for metric in scenario.metrics:
            figure, *cells = _figures(metric, found[scenario.name], names[1:])
            rows.append([f"{scenario.name}: {figure}", *cells])
    return f"## Other Pythons\n\n{_PYTHONS}\n\n{table(head, rows)}"


def _python(data: Data, name: str) -> str:
    version: str = data["versions"]["Python"]
    return version if name == OURS else name.removeprefix(f"{OURS}-")


def _states(data: Data) -> str:
    found = dict(states_in(data))
    if found.keys() <= {State.FRESH}:
        return ""
    believed = [
        (TITLES[state], f"{data['believed'][state]:,}")
        for state in found
        if state in data["believed"]
    ]
    sections = [
        f"## States of statistics\n\n{_STATES.format(**data['form'])}\n",
        table(("", "conversations that PostgreSQL believes to be there"), believed),
        *(_in_states(scenario, found) for scenario in STATED),
    ]
    return "\n".join(sections)


def _in_states(scenario: Scenario, found: dict[State, Results]) -> str:
    """A scenario's figures in each state, a row for each."""
    played = {state: results.get(scenario.name, {}) for state, results in found.items()}
    servers = list(dict.fromkeys(name for runs in played.values() for name in runs))
    others = [name for name in servers if name != OURS]
    head = [scenario.name, *map(_TITLES.__getitem__, servers)]
    head += [f"× {_TITLES[name]}" for name in others]
    rows = []
    for state, by_server in played.items():
        runs = {name: by_server.get(name, []) for name in servers}
        for metric in scenario.metrics:
            if metric in _IN_STATES:
                figure, *cells = _figures(metric, runs, others)
                rows.append([f"{TITLES[state]}: {figure}", *cells])
    return f"### {scenario.name} in each state\n\n{table(head, rows)}"


def _growth(data: Data) -> str:
    sections = [
        _curve(curve, data["curves"][curve.name])
        for curve in CURVES
        if curve.name in data.get("curves", {})
    ]
    return "## Growth\n\n" + "\n".join(sections) if sections else ""


def _curve(curve: Curve, found: dict[str, list[Numbers]]) -> str:
    sizes = sorted({run["size"] for runs in found.values() for run in runs})
    head = [
        curve.size,
        *(
            f"{metric.title}, {metric.unit}: {_TITLES[n]}"
            for metric in curve.metrics
            for n in found
        ),
    ]
    rows = [
        [
            f"{size:,}",
            *(_point(metric, runs, size) for metric in curve.metrics for runs in found.values()),
        ]
        for size in sizes
    ]
    plot = f"![{curve.title}](performance/{curve.name}.svg)\n\n"
    return f"### {curve.title}\n\n{curve.doc}\n\n{plot}{table(head, rows)}"


def _point(metric: Metric, runs: Sequence[Numbers], size: int) -> str:
    each = values(metric, [run for run in runs if run["size"] == size])
    return shown(metric, median(each)) if each else ""


def _ceiling(data: Data) -> str:
    if not (found := data.get("ceiling")):
        return ""
    busiest = [
        (run["own_cpu_seconds"] / run["seconds"], scenario, server)
        for scenario, by_server in data.get("scenarios", {}).items()
        for server, runs in by_server.items()
        for run in runs
        if run.get("mode") == "ask"
    ]
    share, scenario, server = max(busiest, default=(0.0, "", ""))
    return (
        "## The load generator's ceiling\n\n"
        "Against a server in C that only answers, and does not store or encrypt anything, the generator makes "
        f"{found['messages']:,.0f} messages per second as in S1 (one push each) and takes "
        f"{found['deliveries']:,.0f} deliveries per second as in S2b. In the scenarios above it was busiest in "
        f"{scenario} with {_TITLES.get(server, server)}: {share:.0%} of a processor.\n"
    )


def _profiles(data: Data) -> str:
    sections = []
    for scenario, rows in data.get("profiles", {}).items():
        cells = [(f"`{name}`", f"{share:.1%}") for name, share in rows]
        sections.append(f"### {scenario}\n\n" + table(("where", "share of the time"), cells))
    if not sections:
        return ""
    return (
        "## Where the time goes\n\nWhere a target was missed: the functions that our server was in when its "
        "process was looked at, 100 times a second.\n\n" + "\n".join(sections)
    )


def _soak(data: Data) -> str:
    if not (soak := data.get("soak")):
        return ""
    head = ("minute", "memory, MB", "descriptors", "tasks")
    rows = [
        (
            f"{sample['seconds'] / 60:.1f}",
            f"{sample['rss_kb'] / 1024:.1f}",
            str(sample["descriptors"]),
            str(sample.get("tasks", "")),
        )
        for sample in soak["shown"]
    ]
    return (
        f"## Soak\n\n{_SOAK.format(**soak)}\n\n![Memory over time](performance/soak.svg)\n\n"
        + table(head, rows)
    )


def _app(data: Data) -> str:
    if not (app := data.get("app")):
        return ""
    rows = [
        ("frames per second", f"{app['frames_per_second']:.0f}"),
        ("a frame, half of them at most, ms", f"{app['frame_ms_p50']:.1f}"),
        ("a frame, 99 % of them at most, ms", f"{app['frame_ms_p99']:.1f}"),
        ("a push, ms", f"{app['push_ms']:.1f}"),
    ]
    return f"## The React app\n\n{_APP.format(**app)}\n\n" + table(("", "measured"), rows)
