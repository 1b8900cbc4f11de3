"""Search over messages that are sealed at rest: their texts, folded and sealed in segments, are looked through.

`Search` answers searches, `SegmentReader` reads for it, and `Builder` makes segments: behind searches
(`BackgroundBuilder`) or all at once (``chatserver search build``).
"""

from chatserver.search.building import BackgroundBuilder, Builder
from chatserver.search.reading import SegmentReader
from chatserver.search.search import Search
from chatserver.search.segments import FORM, PURPOSE, SIZE

__all__ = ["FORM", "PURPOSE", "SIZE", "BackgroundBuilder", "Builder", "Search", "SegmentReader"]
