"""Makes search, and what builds its segments."""

from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass

from chatserver.composition.ground import Resources, Store
from chatserver.core.boxes import Box
from chatserver.limits import Limiter
from chatserver.search import PURPOSE, BackgroundBuilder, Builder, Search, SegmentReader


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchParts:
    """What answers searches, and what works behind them."""

    search: Search
    segments: SegmentReader
    builder: Builder
    background: BackgroundBuilder


def open_search(
    store: Store, resources: Resources, limiter: Limiter, stack: AsyncExitStack
) -> SearchParts:
    """Make search, and start the building of segments that searches miss."""
    db, box = store.db, Box(store.vault, PURPOSE)
    builder = Builder(db, box, resources.messages, _thread("segments", stack))
    background = BackgroundBuilder(builder)
    segments = SegmentReader(db, box, background.want)
    search = Search(
        db,
        store.vault,
        resources.messages,
        segments,
        box,
        _thread("search", stack),
        limiter.looked_through,
    )
    background.start()
    stack.push_async_callback(background.stop)
    return SearchParts(search=search, segments=segments, builder=builder, background=background)


def _thread(name: str, stack: AsyncExitStack) -> Executor:
    threads = ThreadPoolExecutor(1, name)
    stack.callback(threads.shutdown, wait=False, cancel_futures=True)
    return threads
