-- name: events_after
-- At most $3 events of stream $1 after seq $2, in order, each with the bytes that its message takes; they end with the
-- first that comes after one that ends a page by its bytes (chatserver/resources/pages.py). An edit shows its message as it is
-- now, so a long one may be there as often as it was edited.
SELECT * FROM (
    SELECT e.*, sum(e.bytes) OVER (ORDER BY e.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING) AS bytes_before
    FROM (
        SELECT e.seq, e.kind, e.actor_id, e.message_id, e.payload, e.created_at, octet_length(e.payload::text) + CASE
            WHEN e.kind IN ('chat:message_received', 'chat:message_edited') THEN coalesce((
                SELECT octet_length(m.ciphertext) FROM messages m WHERE m.id = e.message_id LIMIT 1), 0)
            ELSE 0 END AS bytes
        FROM events e WHERE e.stream_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3) e) sized
WHERE coalesce(bytes_before, 0) < 1048576
ORDER BY seq;

-- name: events_between
-- The events of stream $1 after seq $2 up to seq $3.
SELECT seq, kind, actor_id, message_id, payload, created_at FROM events
WHERE stream_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq;

-- name: personal_events_between
-- The personal events of user $1 after seq $2 up to seq $3.
SELECT seq, kind, actor_id, message_id, payload, created_at FROM events
WHERE stream_id = (SELECT s.stream_id FROM personal_streams s WHERE s.user_id = $1) AND seq > $2 AND seq <= $3
ORDER BY seq;

-- name: visible_events_among
-- The events of each of the conversations $2 after the seq in $3 up to the one in $4, as $1 may see them: without those
-- of messages that they have hidden or deleted for themselves, and where they are no member now, the end of a
-- membership alone. With up to where they have hidden the conversation, and about how many bytes the message has.
SELECT asked.conversation_id, reader.hidden_seq, e.*
FROM unnest($2::uuid[], $3::int8[], $4::int8[]) WITH ORDINALITY AS asked (conversation_id, after, up_to, position)
CROSS JOIN LATERAL (
    SELECT coalesce(max(p.hidden_seq), 0) AS hidden_seq, coalesce(bool_or(p.left_seq IS NULL), false) AS is_member,
        array_agg(p.left_seq) AS ends
    FROM participants p WHERE p.conversation_id = asked.conversation_id AND p.user_id = $1) reader
CROSS JOIN LATERAL (
    SELECT x.seq, x.kind, x.actor_id, x.message_id, x.payload, x.created_at, m.size
    FROM events x LEFT JOIN LATERAL (
        SELECT s.seq, coalesce(octet_length(s.ciphertext), 0) AS size FROM messages s
        WHERE s.id = x.message_id OFFSET 0) m ON true
    WHERE x.stream_id = asked.conversation_id AND x.seq > asked.after AND x.seq <= asked.up_to
        AND (reader.is_member OR x.seq = ANY (reader.ends))
        AND (m.seq IS NULL OR m.seq > reader.hidden_seq AND (
            SELECT d.seq FROM message_deletions d
            WHERE d.conversation_id = asked.conversation_id AND d.user_id = $1 AND d.seq = m.seq LIMIT 1) IS NULL)
    ORDER BY x.seq OFFSET 0) e
ORDER BY asked.position, e.seq;

-- name: ended_among
-- Those of the people $2 whose last membership of conversation $1 ended after seq $3, and where, if a message may have
-- been changed since: as it is now it is none of theirs.
SELECT asked.user_id, last.left_seq FROM unnest($2::text[]) AS asked (user_id)
CROSS JOIN LATERAL (
    SELECT p.left_seq FROM participants p WHERE p.conversation_id = $1 AND p.user_id = asked.user_id
    ORDER BY p.joined_seq DESC LIMIT 1) last
WHERE last.left_seq > $3 AND (
    SELECT count(*) > 1000 OR coalesce(bool_or(later.is_change), false) FROM (
        SELECT e.message_id IS NOT NULL AND e.kind <> 'chat:message_received' AS is_change FROM events e
        WHERE e.stream_id = $1 AND e.seq > last.left_seq ORDER BY e.seq LIMIT 1001) later);

-- name: snapshot
SELECT pg_current_snapshot()::text AS snapshot;

-- name: became_visible
-- The streams with events that became visible since the snapshot $1, by the rooms' names, and how far they reach: 500 to a
-- row, so that many of them are quickly read. The first row has, by room, the events that joined people, and whom.
-- What a snapshot does not show is exactly the transactions that it lists as running and those from its xmax on, so a
-- transaction that stays open for long makes this no slower: each is looked up by itself (OFFSET 0: as a join, all events
-- would be read for one of them). A person's own stream has no event about a message: only streams that have none are
-- looked up.
WITH since AS MATERIALIZED (SELECT $1::text::pg_snapshot AS snapshot), fresh AS MATERIALIZED (
    SELECT found.* FROM since CROSS JOIN LATERAL (
        SELECT e.stream_id, e.seq, e.message_id IS NOT NULL AS is_message, e.payload -> 'joined' AS joined FROM events e
        WHERE e.xact >= pg_snapshot_xmax(since.snapshot) OFFSET 0) found
    UNION ALL
    SELECT found.* FROM since CROSS JOIN LATERAL pg_snapshot_xip(since.snapshot) AS running (xid) CROSS JOIN LATERAL (
        SELECT e.stream_id, e.seq, e.message_id IS NOT NULL AS is_message, e.payload -> 'joined' AS joined FROM events e
        WHERE e.xact = running.xid OFFSET 0) found
), streams AS MATERIALIZED (
    SELECT coalesce(CASE WHEN NOT f.is_message THEN 'user:' || (
            SELECT s.user_id FROM personal_streams s WHERE s.stream_id = f.stream_id) END,
            'conversation:' || f.stream_id) AS room, f.seq, (row_number() OVER () - 1) / 500 AS part
    FROM (SELECT stream_id, max(seq) AS seq, bool_or(is_message) AS is_message FROM fresh GROUP BY stream_id) f
), joinings AS MATERIALIZED (
    SELECT 'conversation:' || stream_id AS room, jsonb_agg(jsonb_build_array(seq, joined) ORDER BY seq) AS events
    FROM fresh WHERE joined IS NOT NULL GROUP BY stream_id
)
SELECT pg_current_snapshot()::text AS snapshot, (SELECT current_epoch()) AS epoch, parts.rooms, parts.seqs,
    CASE WHEN parts.part = 0 THEN (SELECT jsonb_object_agg(j.room, j.events) FROM joinings j) END AS joined
FROM (SELECT 1) AS always LEFT JOIN (
    SELECT s.part, array_agg(s.room) AS rooms, array_agg(s.seq) AS seqs FROM streams s GROUP BY s.part
) parts ON true
ORDER BY parts.part;
