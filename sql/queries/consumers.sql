-- What reads the log later and elsewhere (docs/CONSUMERS.md, migrations/0015_push.sql).

-- name: read_log
SELECT read_log($1, $2, $3, $4) AS has_more;

-- name: claim_streams
SELECT stream_id, done_seq, last_seq, claim, failures FROM claim_streams($1, $2, $3);

-- name: consumed_events
-- At most $5 events of stream $1 after seq $2, up to $3, of the kinds $4 and of the last 24 hours.
SELECT e.seq, e.kind, e.actor_id, e.message_id, e.payload, e.created_at FROM events e
WHERE e.stream_id = $1 AND e.seq > $2 AND e.seq <= $3 AND e.kind = ANY ($4)
    AND e.created_at > clock_timestamp() - interval '24 hours'
ORDER BY e.seq LIMIT $5;

-- name: finish_stream
SELECT finish_stream($1, $2, $3, $4, $5);
