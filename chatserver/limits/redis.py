"""Limits over several processes, through Redis; nobody who is limited waits for it.

Each process writes all that a window holds here (not what was added to it), and reads what the others have
written. So nothing is counted twice where an answer is lost, and a Redis that comes back empty has everything of
who is still active after their next use.

- ``<rule>:<user>``: a hash of each process' uses: in which of its calls and when they were written, then how old
  (ms) how many of them are.
- ``heavy``: a sorted set of the windows of which a quarter is used, by when that was last written. Every process
  looks at what is new in it five times a second, so it knows of heavy users before it meets them.

Times are by Redis' clock, and ages travel: the processes' clocks need not agree. All keys share a hash tag,
hence a slot of a Redis Cluster, and all end by themselves.

Others may write in the same Redis. What is none of ours is taken away, none of it makes an answer grow or a
process remember more, and whatever is said of uses elsewhere, nobody is allowed more than by their process alone.
"""

import asyncio
import secrets
import time
from collections import deque

from redis.asyncio import Redis

from chatserver.core.logging import get_logger
from chatserver.limits.store import Clock, Meter, RateLimit, Window
from chatserver.redis import ScriptRunner

_log = get_logger(__name__)

_PREFIX = "chatserver:{limits}:"
_HEAVY = f"{_PREFIX}heavy"
_TIMEOUT = 0.5
# Windows in one script: a millisecond or so in which Redis does nothing else.
_BATCH = 200
# After sharing so many windows or more, the next wait so long for company; after one, hardly at all.
_CROWD = 10
_GAP = 0.005
_TICK = 0.2
# Users far from the limit are shared at once, and then so many seconds after the last time.
_COLD = 1.0
# Users to be told of by the list alone, in `_HEARSAY_SECONDS`: theirs could push out everybody else's windows.
_HEARSAY = 5_000
_HEARSAY_SECONDS = 60.0

# KEYS: heavy, then a window each. ARGV: process, the number of this call, then for each window: its length (ms),
# its uses here, 1 if heavy. A Redis that stood still may come to a call that was given up after a later one.
_SHARE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local process, number, answer = ARGV[1], tonumber(ARGV[2]), {}
for i = 2, #KEYS do
  local key = KEYS[i]
  local length, uses, heavy = tonumber(ARGV[3 * i - 3]), ARGV[3 * i - 2], ARGV[3 * i - 1]
  -- More fields than there are processes, or longer ones than a window takes, are not ours.
  if redis.call('HLEN', key) > 256 then redis.call('UNLINK', key) end
  local mine = ''
  if redis.call('HSTRLEN', key, process) <= 4096 then mine = redis.call('HGET', key, process) or '' end
  local before = tonumber(string.match(mine, '^%d+') or 0)
  if before > number + 100000 then before = 0 end
  if uses ~= '' and number > before then
    redis.call('HSET', key, process, number .. ' ' .. now .. ' ' .. uses)
    redis.call('PEXPIRE', key, length)
  end
  if heavy == '1' then
    redis.call('ZADD', KEYS[1], now, key)
    redis.call('PEXPIRE', KEYS[1], 60000)
  end
  local others, size = {}, 0
  for _, other in ipairs(redis.call('HKEYS', key)) do
    if other ~= process then
      local at, theirs
      if redis.call('HSTRLEN', key, other) <= 4096 then
        at, theirs = string.match(redis.call('HGET', key, other), '^%d+ (%d+) ([%d ]*)$')
      end
      local since = now - (tonumber(at) or 0)
      if since >= 0 and since < length then
        size = size + #theirs
        if size > 65536 then break end
        others[#others + 1] = string.format('%.0f', since) .. ' ' .. theirs
      else
        redis.call('HDEL', key, other)
      end
    end
  end
  answer[i - 1] = table.concat(others, ';')
end
return answer
"""

# KEYS: heavy. ARGV: what this script said last, or ''. Answers what to say next time, then the new windows.
_NEWLY_HEAVY = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 60000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + 1000, '+inf')
local since = tonumber(ARGV[1]) or now - 60000
local answer = {string.format('%.0f', now)}
for _, key in ipairs(redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', since, 'LIMIT', 0, 1000)) do
  if #key <= 512 then answer[#answer + 1] = key end
end
return answer
"""


class RedisLimits:
    """A `LimitStore` for several processes. Without Redis each process decides alone."""

    def __init__(self, redis: Redis, clock: Clock = time.monotonic) -> None:
        self._line = ScriptRunner(redis, _TIMEOUT, "limits", _kind_of)
        self._clock = clock
        self._process = secrets.token_hex(8)
        self._meters: dict[str, Meter] = {}
        self._soon: deque[Window] = deque()
        self._later: list[Window] = []
        self._wake = asyncio.Event()
        self._heard = ""
        self._calls = 0
        self._hearsay = 0
        self._hearsay_until = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_shared(self) -> bool:
        """See `LimitStore`."""
        return self._line.healthy

    def meter(self, rule: RateLimit) -> Meter:
        """See `LimitStore`."""
        if rule.sharing == "never":
            return Meter(rule, self._clock)
        meter = self._meters[rule.name] = Meter(rule, self._clock, self._used, self._hasten)
        return meter

    def start(self) -> None:
        """See `LimitStore`."""
        self._task = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """See `LimitStore`."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._line.close()

    def _used(self, window: Window, now: float) -> None:
        """Have a window shared: the closer to its limit, the sooner."""
        window.changed = True
        if window.queued != "soon" and not _is_heavy(window):
            if window.rule.sharing == "heavy" or window.queued == "later":
                return
            if now - window.asked < _COLD:
                window.queued = "later"
                self._later.append(window)
                return
        self._hasten(window)
        self._wake.set()

    # -- beside it --------------------------------------------------------------------------------

    async def _keep(self) -> None:
        tick = self._clock() + _TICK
        while True:
            try:
                await self._pause(tick - self._clock())
                if self._clock() >= tick:
                    tick = self._clock() + _TICK
                    self._hasten_later()
                    await self._look()
                shared = await self._share()
                await asyncio.sleep(_GAP * min(shared, _CROWD) / _CROWD)
            except Exception:
                _log.exception("limits could not be shared")
                await asyncio.sleep(_TICK)

    async def _pause(self, seconds: float) -> None:
        """Wait until there is something to share, or until the time is over."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _look(self) -> None:
        """Find out whether Redis is there, and which users are heavy elsewhere."""
        was_healthy = self._line.healthy
        answer = await self._line.call(_NEWLY_HEAVY, (_HEAVY,), (self._heard,), probe=True)
        if answer is None:
            return
        self._heard, *heavy = answer
        if not was_healthy:
            # What was used meanwhile; Redis may have lost what was before it, too.
            for window in (w for meter in self._meters.values() for w in meter.windows()):
                if window.here and _is_shared(window):
                    window.changed = True
                    self._hasten(window)
        for key in heavy:
            name, _, who = key.removeprefix(_PREFIX).partition(":")
            if name in self._meters and self._believes(self._meters[name], who):
                self._hasten(self._meters[name].window(who))

    def _believes(self, meter: Meter, who: str) -> bool:
        """Return whether to learn of a heavy user before they come."""
        if meter.knows(who):
            return True
        now = self._clock()
        if now >= self._hearsay_until:
            self._hearsay, self._hearsay_until = 0, now + _HEARSAY_SECONDS
        self._hearsay += 1
        # A key that is not a text of ours could not be asked for, either.
        return self._hearsay <= _HEARSAY and who.isprintable()

    def _hasten_later(self) -> None:
        """Share the windows that have waited long enough."""
        before = self._clock() - _COLD
        waiting = [window for window in self._later if window.queued == "later"]
        self._later = [window for window in waiting if window.asked > before]
        for window in waiting:
            if window.asked <= before:
                self._hasten(window)

    def _hasten(self, window: Window) -> None:
        """Share a window with the next call that goes out, at the next tick at the latest."""
        if window.queued != "soon":
            window.queued = "soon"
            self._soon.append(window)

    async def _share(self) -> int:
        """Tell of what is used here, and learn what is elsewhere; returns for how many windows."""
        shared = 0
        while self._soon:
            batch = [self._soon.popleft() for _ in range(min(_BATCH, len(self._soon)))]
            now = self._clock()
            self._calls += 1
            args: list[str | int] = [self._process, self._calls]
            for window in batch:
                window.forget(now)
                # A process that only looks has no news for the others.
                news = window.changed and _is_heavy(window)
                args += (int(window.rule.seconds * 1000), _written(window, now), int(news))
                window.queued, window.changed, window.asked = "no", False, now
            keys = [_HEAVY, *(f"{_PREFIX}{window.rule.name}:{window.who}" for window in batch)]
            answer = await self._line.call(_SHARE, keys, args)
            if answer is None:
                # Once Redis is back, all are shared.
                continue
            now = self._clock()
            for window, others in zip(batch, answer, strict=True):
                window.learn(now, _read(others, window.rule))
            shared += len(batch)
        return shared


def _is_heavy(window: Window) -> bool:
    return 4 * (window.here + window.elsewhere) >= window.rule.most


def _is_shared(window: Window) -> bool:
    return window.rule.sharing == "always" or _is_heavy(window)


def _written(window: Window, now: float) -> str:
    return " ".join(f"{int(age * 1000)} {count}" for age, count in window.ages(now))


def _read(others: str, rule: RateLimit) -> list[tuple[float, int]]:
    """Read ages in seconds, and counts; no more than there could be."""
    found = []
    for other in filter(None, others.split(";")):
        since, *numbers = map(int, other.split())
        for age, count in zip(numbers[::2], numbers[1::2], strict=False):
            found.append((min(since + age, rule.seconds * 1000) / 1000, min(count, 2 * rule.most)))
    return found


def _kind_of(key: str) -> str:
    return "zset" if key == _HEAVY else "hash"
