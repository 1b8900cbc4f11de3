-- name: snapshot
SELECT pg_current_snapshot()::text AS snapshot;

-- name: became_visible
-- The streams with events that became visible since the snapshot $1, how far they reach, and whom these
-- events joined to them. What a snapshot does not show is exactly the transactions that it lists as running
-- and those from its xmax on, so a transaction that stays open for long makes this no slower.
WITH since AS (SELECT $1::text::pg_snapshot AS snapshot), fresh AS (
    SELECT e.stream_id, e.seq, e.payload FROM since, events e
    WHERE e.xact >= pg_snapshot_xmax(since.snapshot)
    UNION ALL
    SELECT e.stream_id, e.seq, e.payload FROM since, pg_snapshot_xip(since.snapshot) AS running (xid), events e
    WHERE e.xact = running.xid
)
SELECT pg_current_snapshot()::text AS snapshot, current_epoch() AS epoch, streams.room, streams.seq, streams.joined
FROM (SELECT 1) AS always LEFT JOIN (
    SELECT coalesce('user:' || s.user_id, 'conversation:' || f.stream_id) AS room, max(f.seq) AS seq,
        jsonb_agg(jsonb_build_array(f.seq, f.payload -> 'joined') ORDER BY f.seq)
            FILTER (WHERE f.payload ? 'joined') AS joined
    FROM fresh f LEFT JOIN personal_streams s ON s.stream_id = f.stream_id
    GROUP BY f.stream_id, s.user_id
) streams ON true;

-- name: streams_of
-- Every stream that each of the people $1 has a part in: each membership of a conversation, past ones too, and the
-- personal stream, with the seq after which they have missed it, and their place in $1. $2 has a snapshot of each (or
-- null), $3 an object of exact positions by conversation id and 'me' (or null); without either, the position that
-- their devices received counts. Everybody has a row, be it one without a stream.
--
-- Within a stream, commit order is seq order, so what a snapshot shows of it is a beginning: looking back
-- from the end, the first event that is visible ends what was missed. None is: seen_seq is null.
SELECT asked.position, pg_current_snapshot()::text AS snapshot, m.*
FROM unnest($1::text[], $2::text[], $3::jsonb[]) WITH ORDINALITY AS asked (person, snapshot, positions, position)
CROSS JOIN LATERAL (SELECT asked.snapshot::pg_snapshot AS snapshot, asked.positions) given
LEFT JOIN LATERAL (
    SELECT mine.room, mine.last_seq, mine.joined_seq, mine.left_seq, mine.pruned_seq, seen.seq AS seen_seq,
        -- Nothing of the stream that is left in the log was visible: was what is no longer left?
        seen.seq IS NULL AND mine.pruned_seq > 0
            AND NOT pg_visible_in_snapshot((SELECT pruned_xact FROM log_epoch), given.snapshot) AS too_old
    FROM (
        SELECT 'conversation:' || c.id AS room, c.id AS stream_id, c.id::text AS key, c.last_seq, c.last_xact,
            c.pruned_seq, p.joined_seq, p.left_seq, p.left_xact, p.delivered_seq
        FROM participants p JOIN conversations c ON c.id = p.conversation_id
        WHERE p.user_id = asked.person AND (c.is_active OR p.left_seq IS NOT NULL)
        UNION ALL
        SELECT 'user:' || s.user_id, s.stream_id, 'me', s.last_seq, s.last_xact, s.pruned_seq, 1, NULL, NULL,
            s.delivered_seq
        FROM personal_streams s WHERE s.user_id = asked.person
    ) mine CROSS JOIN LATERAL (
        SELECT CASE
            WHEN given.positions IS NOT NULL
                -- What is not listed is replayed from the join point, unless it is over and done with.
                THEN coalesce((given.positions ->> mine.key)::int8, mine.left_seq, mine.joined_seq - 1)
            WHEN given.snapshot IS NULL THEN mine.delivered_seq
            WHEN pg_visible_in_snapshot(mine.last_xact, given.snapshot) THEN mine.last_seq
            ELSE (SELECT e.seq FROM events e
                  WHERE e.stream_id = mine.stream_id AND pg_visible_in_snapshot(e.xact, given.snapshot)
                  ORDER BY e.seq DESC LIMIT 1)
            END AS seq
        OFFSET 0) seen  -- looked for once, not once per mention
    WHERE mine.left_seq IS NULL OR given.snapshot IS NULL OR NOT pg_visible_in_snapshot(mine.left_xact, given.snapshot)
    OFFSET 0  -- each person by the indexes, however many are asked for
) m ON true;

-- name: hidden_messages
-- Of the messages $3 of conversation $2, those that $1 has hidden or deleted for themselves.
SELECT m.id FROM messages m
WHERE m.conversation_id = $2 AND m.id = ANY ($3::uuid[]) AND (
    m.seq <= (SELECT max(p.hidden_seq) FROM participants p WHERE p.conversation_id = $2 AND p.user_id = $1)
    OR EXISTS (SELECT FROM message_deletions d
               WHERE d.conversation_id = $2 AND d.user_id = $1 AND d.seq = m.seq));

-- name: read_states
-- What was received and read in $1's conversations, of both people in a direct one and of $1 in a group:
-- those among $3, and those where it changed since the snapshot $2 (or null: no others).
SELECT c.id, p.user_id, p.delivered_seq, p.read_seqs::text AS read_seqs, coalesce(upper(p.read_seqs) - 1, 0) AS read_seq,
    unread.count AS unread_count
FROM participants me
JOIN conversations c ON c.id = me.conversation_id AND c.is_active
-- The other members of a group are none of it, and may be thousands.
CROSS JOIN LATERAL (
    SELECT me.user_id, me.delivered_seq, me.read_seqs
    UNION ALL
    SELECT x.user_id, x.delivered_seq, x.read_seqs FROM participants x
    WHERE c.type = 'direct' AND x.conversation_id = c.id AND x.user_id <> $1 AND x.left_seq IS NULL) p
CROSS JOIN LATERAL (SELECT unread_count(me) AS count OFFSET 0) unread
WHERE me.user_id = $1 AND me.left_seq IS NULL AND (
    c.id = ANY ($3::uuid[])
    OR $2::text IS NOT NULL AND (
        me.receipt_xact IS NOT NULL AND NOT pg_visible_in_snapshot(me.receipt_xact, $2::text::pg_snapshot)
        OR c.type = 'direct' AND EXISTS (
            SELECT FROM participants x
            WHERE x.conversation_id = c.id AND x.user_id <> $1 AND x.left_seq IS NULL
                AND x.receipt_xact IS NOT NULL AND NOT pg_visible_in_snapshot(x.receipt_xact, $2::text::pg_snapshot))))
ORDER BY c.id, p.user_id;
