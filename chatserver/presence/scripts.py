"""Presence in Redis: the keys, and the scripts that are the only ones to touch them.

- ``due``: a sorted set of everybody online, by the time when they are offline unless something happens: the end of
  their last lease and the grace, or of the grace alone after a disconnect. Nobody else is online.
- ``saying``: a sorted set of the users whose change is being announced, by the time when another process may take
  that over. While one process has the say, the others' changes are left to it: no push overtakes another.
- ``state``: ``epoch``, made anew where Redis lost everything, and ``swept``, ``hold`` (see `SWEEP`).
- ``user:<id>``: a sorted set of the processes with the user connected, by the end of their leases.

A lease's end is never after its user's due, so a sweep need look at ``due`` alone. Times are milliseconds by
Redis' clock: the processes' clocks need not agree. A script is atomic: exactly one process gets each change to
announce. All keys share a hash tag, hence a slot of a Redis Cluster, and all end by themselves.

``KEYS``: due, saying, state, then a key per user. ``ARGV``: process, lease, grace, claim (how long one process may
take to announce), the epoch that the process knows (empty: none yet), a name for a new one; then what each script
says.

Others may write in the same Redis: a value that is none of ours is replaced, and no answer grows by it.
"""

PREFIX = "chatserver:{presence}:"
SHARED = (f"{PREFIX}due", f"{PREFIX}saying", f"{PREFIX}state")


def kind_of(key: str) -> str:
    """Return the kind of a key, by Redis' name for it."""
    return "hash" if key == SHARED[2] else "zset"


_BEGIN = """
local due, saying, state = KEYS[1], KEYS[2], KEYS[3]
local process, lease, grace, claim = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch = redis.call('HGET', state, 'epoch')
local lost = ARGV[5] ~= '' and epoch ~= ARGV[5]
if not epoch or #epoch > 64 then
  epoch = ARGV[6]
  redis.call('HSET', state, 'epoch', epoch)
end
local function keep()
  for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], 2 * (lease + grace) + 60000) end
end
local function mine_to_say(user)
  return redis.call('ZADD', saying, 'NX', now + claim, user) == 1
end
local answer = {epoch}
"""

# ARGV: a user and a mode for each key. Takes or renews leases; answers the users to announce as online.
# add: they were offline. lapsed: this process' lease ran out; were they announced offline meanwhile? (Where Redis
# lost everything they were not.) renew: they were online all the time, whatever Redis says.
HOLD = (
    _BEGIN
    + """
for i = 4, #KEYS do
  local user, mode = ARGV[2 * i - 1], ARGV[2 * i]
  local was = math.min(tonumber(redis.call('ZSCORE', due, user) or 0), now + lease + grace)
  redis.call('ZADD', KEYS[i], now + lease, process)
  redis.call('PEXPIRE', KEYS[i], 2 * lease)
  redis.call('ZADD', due, math.max(was, now + lease + grace), user)
  if was == 0 and (mode == 'add' or mode == 'lapsed' and not lost) and mine_to_say(user) then
    answer[#answer + 1] = user
  end
end
keep()
return answer
"""
)

# ARGV: a user, a mode and a wait for each key. Gives leases back; answers the users to announce as offline.
# drop: due after the wait. leave: offline now. forget: offline now, and that was said already. restore: in their
# grace as this process knows, where Redis lost it.
RELEASE = (
    _BEGIN
    + """
for i = 4, #KEYS do
  local at = 7 + 3 * (i - 4)
  local user, mode, wait = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  redis.call('ZREM', KEYS[i], process)
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  if redis.call('ZCARD', KEYS[i]) == 0 then
    local known = redis.call('ZSCORE', due, user) or lost
    if mode == 'restore' then
      redis.call('ZADD', due, 'NX', now + wait, user)
    elseif mode == 'forget' then
      redis.call('ZREM', due, user)
    elseif known and mode == 'drop' then
      redis.call('ZADD', due, now + wait, user)
    elseif known then
      redis.call('ZREM', due, user)
      if mine_to_say(user) then answer[#answer + 1] = user end
    end
  end
end
keep()
return answer
"""
)

# ARGV: how many at most. Takes those whose time has come, and those whose announcer did not settle; answers each
# and their status. Where nobody swept for half a lease, Redis was away: leases and grace ran out unheard, so
# everybody gets the time of one lease to renew before anybody is found offline.
SWEEP = (
    _BEGIN
    + """
local swept = tonumber(redis.call('HGET', state, 'swept') or now) or now
redis.call('HSET', state, 'swept', now)
if now - swept > lease / 2 then redis.call('HSET', state, 'hold', now + lease) end
local hold = tonumber(redis.call('HGET', state, 'hold') or 0) or 0
-- Nobody is due so late, nor has the say for so long. (Twice: those that are being replaced may be set otherwise.)
local latest = string.format('%.0f', now + 2 * (lease + grace) + claim + 60000)
for _, key in ipairs({due, saying}) do
  for _, user in ipairs(redis.call('ZRANGEBYSCORE', key, latest, '+inf', 'LIMIT', 0, ARGV[7])) do
    redis.call('ZADD', key, now + lease + grace, user)
  end
end
if hold <= now or hold > now + 2 * lease then
  for _, user in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, ARGV[7])) do
    redis.call('ZREM', due, user)
    if #user <= 256 and mine_to_say(user) then
      answer[#answer + 1] = user
      answer[#answer + 1] = 'offline'
    end
  end
end
for _, user in ipairs(redis.call('ZRANGEBYSCORE', saying, '-inf', now, 'LIMIT', 0, ARGV[7])) do
  if #user > 256 then
    redis.call('ZREM', saying, user)
  else
    redis.call('ZADD', saying, now + claim, user)
    answer[#answer + 1] = user
    answer[#answer + 1] = redis.call('ZSCORE', due, user) and 'online' or 'offline'
  end
end
keep()
return answer
"""
)

# ARGV: a user, what was said of them. Ends the say, or answers what is to be said next.
SETTLE = (
    _BEGIN
    + """
local user, said = ARGV[7], ARGV[8]
if redis.call('ZSCORE', saying, user) then
  local status = redis.call('ZSCORE', due, user) and 'online' or 'offline'
  if status == said then
    redis.call('ZREM', saying, user)
  else
    redis.call('ZADD', saying, now + claim, user)
    answer[2] = status
  end
end
return answer
"""
)

# ARGV: users. Answers those who are online.
ONLINE = (
    _BEGIN
    + """
for i = 7, #ARGV do
  if redis.call('ZSCORE', due, ARGV[i]) then answer[#answer + 1] = ARGV[i] end
end
return answer
"""
)
