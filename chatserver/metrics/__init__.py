"""Shows the state of this process as the documented JSON, and as metrics for Prometheus.

`Metrics` reads the `Parts`, which count for themselves. `watching` writes alerts and
a dashboard of them.
"""

from chatserver.metrics.exposition import Metrics
from chatserver.metrics.loop_lag import LoopLag
from chatserver.metrics.table import Parts, SharedPart
from chatserver.metrics.watching import watching

__all__ = [
    "LoopLag",
    "Metrics",
    "Parts",
    "SharedPart",
    "watching",
]
