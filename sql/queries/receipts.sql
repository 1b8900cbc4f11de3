-- name: mark_receipts
-- Locks, judges and writes a batch in one round trip (migrations/0007_receipts.sql).
SELECT * FROM mark_receipts($1, $2, $3, $4, $5, $6);

-- name: messages_read
-- Of the newest $4 messages of conversation $1 up to seq $3 those that are not $2's own, the newest first.
SELECT newest.id FROM (
    SELECT m.id, m.seq, m.sender_id FROM messages m WHERE m.conversation_id = $1 AND m.seq <= $3
    ORDER BY m.seq DESC LIMIT $4) newest
WHERE newest.sender_id <> $2 ORDER BY newest.seq DESC;

-- name: advance_delivered
-- The users $1 have received the conversations $2 through the seqs $3 (theirs by position), past memberships
-- included: their last event is the leaving. Rows are locked in one order by everybody.
WITH confirmed AS MATERIALIZED (
    SELECT p.*, least(t.seq, coalesce(p.left_seq, c.last_seq)) AS up_to_seq, c.member_count, c.is_direct
    FROM (
        SELECT * FROM unnest($1::text[], $2::uuid[], $3::int8[]) AS a (user_id, conversation_id, seq)
        ORDER BY a.conversation_id, a.user_id) t
    CROSS JOIN LATERAL (
        SELECT x.last_seq, x.member_count, x.type = 'direct' AS is_direct FROM conversations x WHERE x.id = t.conversation_id LIMIT 1) c
    CROSS JOIN LATERAL (
        SELECT x.ctid AS place, x.conversation_id, x.user_id, x.joined_seq, x.left_seq, x.delivered_seq AS was
        FROM participants x
        WHERE x.conversation_id = t.conversation_id AND x.user_id = t.user_id AND x.joined_seq <= t.seq
        ORDER BY x.joined_seq FOR UPDATE) p
), advanced AS (
    UPDATE participants p SET delivered_seq = c.up_to_seq, receipt_xact = pg_current_xact_id()
    FROM confirmed c
    WHERE p.ctid = c.place AND p.delivered_seq < c.up_to_seq
    RETURNING p.conversation_id, p.user_id, c.was, c.joined_seq, c.up_to_seq, c.member_count, c.is_direct
)
SELECT a.conversation_id, a.user_id, a.up_to_seq, a.member_count, a.is_direct, newly.count, newly.ids
FROM advanced a CROSS JOIN LATERAL (
    SELECT count(*), (array_agg(m.id ORDER BY m.seq))[1:201] AS ids FROM messages m
    WHERE m.conversation_id = a.conversation_id AND m.sender_id <> a.user_id AND m.deleted_at IS NULL
        AND m.seq > greatest(a.was, a.joined_seq) AND m.seq <= a.up_to_seq) newly;

-- name: advance_personal
-- The users $1 have received their own streams through the seqs $2. Rows are locked in one order by everybody.
WITH confirmed AS MATERIALIZED (
    SELECT s.place, t.seq FROM (
        SELECT * FROM unnest($1::text[], $2::int8[]) AS a (user_id, seq) ORDER BY a.user_id) t
    CROSS JOIN LATERAL (
        SELECT x.ctid AS place FROM personal_streams x WHERE x.user_id = t.user_id FOR UPDATE) s
)
UPDATE personal_streams s SET delivered_seq = greatest(s.delivered_seq, least(c.seq, s.last_seq))
FROM confirmed c WHERE s.ctid = c.place AND s.delivered_seq < c.seq
RETURNING s.user_id;

-- name: changed_read_states
-- $4 of $1's conversations after $3, by their ids: those where what was received or read changed since the snapshot $2
-- (null: all).
SELECT me.conversation_id AS id
FROM (SELECT $2::text::pg_snapshot AS snapshot OFFSET 0) since CROSS JOIN LATERAL (
    SELECT p.conversation_id FROM participants p JOIN conversations c ON c.id = p.conversation_id AND c.is_active
    WHERE p.user_id = $1 AND p.left_seq IS NULL AND p.conversation_id > $3 AND (
        since.snapshot IS NULL
        OR p.receipt_xact IS NOT NULL AND NOT pg_visible_in_snapshot(p.receipt_xact, since.snapshot)
        OR c.type = 'direct' AND (
            SELECT x.receipt_xact IS NOT NULL AND NOT pg_visible_in_snapshot(x.receipt_xact, since.snapshot)
            FROM participants x
            WHERE x.conversation_id = c.id AND x.left_seq IS NULL
                AND x.user_id = CASE c.user_low WHEN $1 THEN c.user_high ELSE c.user_low END))
    ORDER BY p.conversation_id LIMIT $4) me;

-- name: read_states
-- What was received and read in the conversations $2 of $1, of both people in a direct one and of $1 in a group.
SELECT c.id, p.user_id, p.delivered_seq, p.read_seqs::text AS read_seqs, coalesce(upper(p.read_seqs) - 1, 0) AS read_seq,
    unread.count AS unread_count
FROM unnest($2::uuid[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT x.id, x.type, CASE $1 WHEN x.user_low THEN x.user_high ELSE x.user_low END AS other
    FROM conversations x WHERE x.id = asked.id AND x.is_active LIMIT 1) c
CROSS JOIN LATERAL (
    SELECT * FROM participants x WHERE x.conversation_id = c.id AND x.user_id = $1 AND x.left_seq IS NULL LIMIT 1) me
-- The other members of a group are none of it, and may be thousands.
CROSS JOIN LATERAL (
    SELECT me.user_id, me.delivered_seq, me.read_seqs
    UNION ALL
    SELECT x.user_id, x.delivered_seq, x.read_seqs FROM participants x
    WHERE c.type = 'direct' AND x.conversation_id = c.id AND x.user_id = c.other AND x.left_seq IS NULL) p
CROSS JOIN LATERAL (SELECT unread_count(me::participants) AS count OFFSET 0) unread
ORDER BY c.id, p.user_id;
