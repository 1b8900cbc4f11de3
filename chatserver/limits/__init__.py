"""Limits: how much one person, connection or address may ask for within a time.

`Limiter` decides at once from memory; `RedisLimits` shares what was used with other processes, beside it.
"""

from chatserver.limits.limiter import Flood, Limiter
from chatserver.limits.redis import RedisLimits
from chatserver.limits.store import LocalLimits

__all__ = [
    "Flood",
    "Limiter",
    "LocalLimits",
    "RedisLimits",
]
