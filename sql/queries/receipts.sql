-- name: mark_delivered
-- $1 has received conversation $2 through event $3. Positions only advance, and never past the log's end.
-- Returns nothing where $1 is no member, and one row without messages where nothing changed.
WITH member AS (
    SELECT p.joined_seq, p.delivered_seq, c.member_count, least($3, c.last_seq) AS up_to_seq
    FROM participants p JOIN conversations c ON c.id = p.conversation_id
    WHERE p.conversation_id = $2 AND p.user_id = $1 AND p.left_seq IS NULL AND c.is_active
    FOR UPDATE OF p
), advanced AS (
    UPDATE participants p SET delivered_seq = member.up_to_seq, receipt_xact = pg_current_xact_id()
    FROM member
    WHERE p.conversation_id = $2 AND p.user_id = $1 AND p.left_seq IS NULL
        AND p.delivered_seq < member.up_to_seq
)
SELECT member.up_to_seq, member.member_count, newly.count, newly.ids
FROM member CROSS JOIN LATERAL (
    SELECT count(*), (array_agg(m.id ORDER BY m.seq))[1:201] AS ids FROM messages m
    WHERE m.conversation_id = $2 AND m.sender_id <> $1 AND m.deleted_at IS NULL
        AND m.seq > greatest(member.delivered_seq, member.joined_seq) AND m.seq <= member.up_to_seq) newly;

-- name: mark_read
-- $1 has read the messages of conversation $2 that stand at the seqs $3. Each read covers the events back
-- to the previous message of somebody else too (edits, reactions, one's own messages: nothing unread), so
-- that reading in order is one range. The look back stops after 200 rows.
WITH member AS (
    SELECT p.joined_seq, p.read_seqs, c.member_count
    FROM participants p JOIN conversations c ON c.id = p.conversation_id
    WHERE p.conversation_id = $2 AND p.user_id = $1 AND p.left_seq IS NULL AND c.is_active
    FOR UPDATE OF p
), newly AS (
    SELECT m.id, m.seq, m.seq > member.joined_seq AS counts,
        int8range((SELECT coalesce(max(x.seq) FILTER (WHERE x.sender_id <> $1 AND x.deleted_at IS NULL),
                                   CASE WHEN count(*) < 200 THEN 0 ELSE min(x.seq) - 1 END)
                   FROM (SELECT b.seq, b.sender_id, b.deleted_at FROM messages b
                         WHERE b.conversation_id = $2 AND b.seq < m.seq ORDER BY b.seq DESC LIMIT 200) x) + 1,
                  m.seq + 1) AS covered
    FROM member JOIN messages m ON m.conversation_id = $2 AND m.seq = ANY ($3::int8[])
    WHERE m.sender_id <> $1 AND m.deleted_at IS NULL AND NOT m.seq <@ member.read_seqs
), advanced AS (
    UPDATE participants p SET read_seqs = p.read_seqs + n.ranges,
        delivered_seq = greatest(p.delivered_seq, n.top), receipt_xact = pg_current_xact_id()
    FROM (SELECT range_agg(covered) AS ranges, max(seq) AS top FROM newly HAVING count(*) > 0) n
    WHERE p.conversation_id = $2 AND p.user_id = $1 AND p.left_seq IS NULL
)
SELECT (SELECT max(s) FROM unnest($3::int8[]) s) AS up_to_seq, member.member_count, n.count, n.ids
FROM member CROSS JOIN (
    SELECT count(*) FILTER (WHERE counts), (array_agg(id ORDER BY seq))[1:201] AS ids FROM newly) n;

-- name: mark_read_up_to
-- $1 has read everything in conversation $2 through event $3.
WITH member AS (
    SELECT p.joined_seq, p.read_seqs, c.member_count, least($3, c.last_seq) AS up_to_seq
    FROM participants p JOIN conversations c ON c.id = p.conversation_id
    WHERE p.conversation_id = $2 AND p.user_id = $1 AND p.left_seq IS NULL AND c.is_active
    FOR UPDATE OF p
), advanced AS (
    UPDATE participants p SET
        read_seqs = p.read_seqs + int8multirange(int8range(1, member.up_to_seq + 1)),
        delivered_seq = greatest(p.delivered_seq, member.up_to_seq), receipt_xact = pg_current_xact_id()
    FROM member
    WHERE p.conversation_id = $2 AND p.user_id = $1 AND p.left_seq IS NULL
        AND NOT p.read_seqs @> int8range(1, member.up_to_seq + 1)
)
SELECT member.up_to_seq, member.member_count, newly.count, newly.ids
FROM member CROSS JOIN LATERAL (
    SELECT count(*), (array_agg(m.id ORDER BY m.seq))[1:201] AS ids
    FROM unnest(int8multirange(int8range(member.joined_seq + 1, member.up_to_seq + 1)) - member.read_seqs) AS gap
    JOIN messages m ON m.conversation_id = $2 AND m.seq >= lower(gap) AND m.seq < upper(gap)
    WHERE m.sender_id <> $1 AND m.deleted_at IS NULL) newly;

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
-- The users $1 have received their own streams through the seqs $2.
UPDATE personal_streams s SET delivered_seq = greatest(s.delivered_seq, least(t.seq, s.last_seq))
FROM unnest($1::text[], $2::int8[]) AS t (user_id, seq) WHERE s.user_id = t.user_id AND s.delivered_seq < t.seq
RETURNING s.user_id;
