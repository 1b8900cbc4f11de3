-- name: prune_events
-- At most $2 of the events that are older than $1 days.
SELECT prune_events(now() - make_interval(days => $1::int), $2::int) AS count;

-- name: prune_requests
-- At most $2 of the kept answers that are older than $1 days. Of two processes that prune at once, neither waits.
WITH gone AS (
    DELETE FROM requests r WHERE r.ctid = ANY (ARRAY(
        SELECT q.ctid FROM requests q WHERE q.created_at < now() - make_interval(days => $1::int)
        ORDER BY q.created_at LIMIT $2::int FOR UPDATE SKIP LOCKED))
    RETURNING 1)
SELECT count(*) FROM gone;
