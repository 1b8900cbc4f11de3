"""How large a run is."""

from dataclasses import dataclass, field

from benchmarks.world import Size


@dataclass(frozen=True, slots=True)
class Form:
    """How large a run is: how long a measured window lasts (seconds), and how many take part in it."""

    seconds: float = 3.0
    warmup: float = 1.0
    pairs: int = 100
    room: int = 1_000
    connections: int = 5_000
    returning: int = 2_000
    missed: int = 50
    rates: tuple[int, ...] = (100, 1_000, 5_000)
    live_rate: int = 200
    pages: int = 5_000  # messages in the conversation that is read deep
    window: int = 64  # so many connect at a time
    hold: float = 2.0
    after: float = 3.0
    # In each state of statistics: so many pairs are there while the tables are small, and a window is so long.
    few: int = 20
    state_seconds: float = 2.0
    # Growth: messages in the table, and in the longest conversation; connections; offsets of pages.
    totals: tuple[int, ...] = (10_000, 100_000, 1_000_000, 5_000_000)
    ends: int = 2  # so often is the smallest and the largest table measured
    deepest: int = 100_000
    offsets: tuple[int, ...] = (0, 500, 10_000, 50_000, 95_000)
    crowds: tuple[int, ...] = (100, 1_000, 5_000)
    talking: int = 50
    times_each: int = 8
    # S9: processes, and messages a second of all of them.
    processes: tuple[int, ...] = (2, 4, 8, 16)
    cluster_rate: int = 400
    # S11: so many uploads and as many downloads at once, of so many bytes each, and pings a second meanwhile.
    files: int = 50
    file_bytes: int = 25 * 1024 * 1024
    pings: int = 200
    # S12: messages; first pages of each kind; pairs of runs of so many sends.
    searched: int = 200_000
    searches: int = 20
    send_pairs: int = 5
    sends: int = 300
    size: Size = field(default_factory=Size)
    durable: bool = True  # commits are on disk
    apart: bool = True  # the server under test has a processor of its own


# A fraction of a second each, with a handful of people.
SMALL = Form(
    seconds=0.2,
    warmup=0.05,
    pairs=5,
    room=20,
    connections=50,
    returning=20,
    missed=5,
    rates=(50, 100, 200),
    live_rate=200,
    pages=200,
    hold=0.1,
    after=0.1,
    few=3,
    state_seconds=0.2,
    totals=(400, 800),
    ends=1,
    deepest=300,
    offsets=(0, 100),
    crowds=(10, 40),
    talking=5,
    times_each=2,
    processes=(2,),
    cluster_rate=50,
    files=4,
    file_bytes=200_000,
    searched=1_000,
    searches=2,
    send_pairs=1,
    sends=10,
    size=Size(
        pairs=40,
        rooms=(20,),
        typing_rooms=2,
        typing_members=10,
        conversations_per_user=(1, 10),
        people_each=2,
    ),
    durable=False,
    apart=False,
)
