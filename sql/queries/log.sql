-- name: events_after
-- At most $3 events of stream $1 after seq $2, in order.
SELECT seq, kind, actor_id, message_id, payload, created_at FROM events
WHERE stream_id = $1 AND seq > $2 ORDER BY seq LIMIT $3;

-- name: events_between
-- The events of stream $1 after seq $2 up to seq $3.
SELECT seq, kind, actor_id, message_id, payload, created_at FROM events
WHERE stream_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq;

-- name: visible_events_between
-- The same, without the events of messages that $4 has hidden or deleted for themselves.
SELECT e.seq, e.kind, e.actor_id, e.message_id, e.payload, e.created_at FROM events e
WHERE e.stream_id = $1 AND e.seq > $2 AND e.seq <= $3
    AND (e.message_id IS NULL OR NOT EXISTS (
        SELECT FROM messages m WHERE m.id = e.message_id AND m.conversation_id = $1 AND (
            m.seq <= (SELECT max(p.hidden_seq) FROM participants p
                      WHERE p.conversation_id = $1 AND p.user_id = $4)
            OR EXISTS (SELECT FROM message_deletions d
                       WHERE d.conversation_id = $1 AND d.user_id = $4 AND d.seq = m.seq))))
ORDER BY e.seq;

-- name: messages_of
-- The messages $2 of conversation $1, as they are now.
SELECT * FROM shown_rows_of($1) WHERE id = ANY ($2::uuid[]);

-- name: messages_at
-- The messages of conversation $1 at the seqs $2, as they are now.
SELECT * FROM shown_rows_of($1) WHERE seq = ANY ($2::int8[]);

-- name: message_at
-- The message of conversation $1 at seq $2, as it is now.
SELECT * FROM message_rows WHERE conversation_id = $1 AND seq = $2;

-- name: epoch
-- Names the one history that offsets and positions are valid in.
SELECT current_epoch() AS epoch;

-- name: prune_events
-- At most $2 of the events that are older than $1 days.
SELECT prune_events(now() - make_interval(days => $1::int), $2::int) AS count;

-- name: prune_requests
-- At most $2 of the kept answers that are older than $1 days. Of two processes that prune at once, neither waits.
WITH doomed AS (
    SELECT user_id, command, request_id FROM requests
    WHERE created_at < now() - make_interval(days => $1::int)
    ORDER BY created_at LIMIT $2::int FOR UPDATE SKIP LOCKED),
gone AS (DELETE FROM requests r USING doomed d WHERE (r.user_id, r.command, r.request_id) = (d.user_id, d.command, d.request_id)
    RETURNING 1)
SELECT count(*) FROM gone;

-- name: personal_events_between
-- The personal events of user $1 after seq $2 up to seq $3.
SELECT e.seq, e.kind, e.actor_id, e.message_id, e.payload, e.created_at FROM personal_streams s
JOIN events e ON e.stream_id = s.stream_id
WHERE s.user_id = $1 AND e.seq > $2 AND e.seq <= $3 ORDER BY e.seq;

-- name: alive
SELECT 1;
