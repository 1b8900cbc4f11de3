"""``chatserver import``: moves the data of the messaging system or the marketplace in.

`run` does it by `ImportOptions`, and returns a `Report`; `SYSTEMS` are those that can be moved. It reads the
source in one sorted pass (`source.py`, `streams.py`, the systems' tables in `messaging.py` and
`marketplace.py`), turns conversations into our rows (`talks.py`, `conversion.py`, `reading.py`), and writes
them in batches (`target.py`).
"""

from chatserver.ops.importing.report import Report
from chatserver.ops.importing.run import SYSTEMS, ImportFailedError, ImportOptions, run

__all__ = ["SYSTEMS", "ImportFailedError", "ImportOptions", "Report", "run"]
