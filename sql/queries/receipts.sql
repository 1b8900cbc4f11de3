-- name: mark_receipts
-- Locks, judges and writes a batch in one round trip (migrations/0008_own_views.sql).
SELECT * FROM mark_receipts($1, $2, $3, $4, $5, $6);

-- name: advance_delivered
-- The users $1 have received the conversations $2 through the seqs $3 (theirs by position), past memberships
-- included: their last event is the leaving. Rows are locked in one order by everybody.
WITH confirmed AS (
    SELECT p.conversation_id, p.user_id, p.joined_seq, p.delivered_seq AS was,
        least(t.seq, coalesce(p.left_seq, c.last_seq)) AS up_to_seq, c.member_count
    FROM unnest($1::text[], $2::uuid[], $3::int8[]) AS t (user_id, conversation_id, seq)
    JOIN participants p ON p.conversation_id = t.conversation_id AND p.user_id = t.user_id
        AND p.joined_seq <= t.seq
    JOIN conversations c ON c.id = p.conversation_id
    ORDER BY p.conversation_id, p.user_id, p.joined_seq
    FOR UPDATE OF p
), advanced AS (
    UPDATE participants p SET delivered_seq = c.up_to_seq, receipt_xact = pg_current_xact_id()
    FROM confirmed c
    WHERE p.conversation_id = c.conversation_id AND p.user_id = c.user_id AND p.joined_seq = c.joined_seq
        AND p.delivered_seq < c.up_to_seq
    RETURNING p.conversation_id, p.user_id, c.was, c.joined_seq, c.up_to_seq, c.member_count
)
SELECT a.conversation_id, a.user_id, a.up_to_seq, a.member_count, newly.count, newly.ids
FROM advanced a CROSS JOIN LATERAL (
    SELECT count(*), (array_agg(m.id ORDER BY m.seq))[1:201] AS ids FROM messages m
    WHERE m.conversation_id = a.conversation_id AND m.sender_id <> a.user_id AND m.deleted_at IS NULL
        AND m.seq > greatest(a.was, a.joined_seq) AND m.seq <= a.up_to_seq) newly;

-- name: advance_personal
-- The users $1 have received their own streams through the seqs $2. Rows are locked in one order by everybody.
WITH confirmed AS (
    SELECT s.user_id, t.seq FROM unnest($1::text[], $2::int8[]) AS t (user_id, seq)
    JOIN personal_streams s ON s.user_id = t.user_id
    ORDER BY s.user_id FOR UPDATE OF s
)
UPDATE personal_streams s SET delivered_seq = greatest(s.delivered_seq, least(c.seq, s.last_seq))
FROM confirmed c WHERE s.user_id = c.user_id AND s.delivered_seq < c.seq
RETURNING s.user_id;
