-- name: open_direct
SELECT verdict, conversation_id, wait FROM open_direct($1, $2, $3, directory_product_id($4), $5, $6);

-- name: nobody_follows
-- Whether neither of $1 and $2 follows the other, where following is in use at all.
SELECT EXISTS (SELECT FROM user_follows) AND NOT directory_follows($1, $2) AS so;

-- name: find_direct
-- The direct conversation of $1 and $2 about product $3 ('' for none).
SELECT id FROM conversations
WHERE type = 'direct' AND product_id = directory_product_id($3)
    AND user_low = least($1::text COLLATE "C", $2::text COLLATE "C")
    AND user_high = greatest($1::text COLLATE "C", $2::text COLLATE "C");

-- name: membership
-- Whether $1 is a member of conversation $2 now.
SELECT c.type FROM participants me
CROSS JOIN LATERAL (SELECT x.type FROM conversations x WHERE x.id = $2 AND x.is_active LIMIT 1) c
WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL;

-- name: hidden_seq
-- Up to where $1 has hidden conversation $2, in whatever membership.
SELECT coalesce(max(p.hidden_seq), 0) AS seq FROM participants p WHERE p.conversation_id = $2 AND p.user_id = $1;

-- name: direct_counterpart
-- The other person of the direct conversation $2 of $1.
SELECT CASE $1 WHEN c.user_low THEN c.user_high ELSE c.user_low END AS user_id
FROM (SELECT * FROM conversations x WHERE x.id = $2 LIMIT 1) c WHERE c.type = 'direct' AND $1 IN (c.user_low, c.user_high);

-- name: conversation_count
-- How many conversations $1 has: groups ($2), direct ones (not $2), or both (null); archived ($3), or not, or both.
SELECT count(*) FROM participants me
CROSS JOIN LATERAL (SELECT x.is_active, x.last_message_seq FROM conversations x WHERE x.id = me.conversation_id LIMIT 1) c
WHERE me.user_id = $1 AND me.left_seq IS NULL AND c.is_active
    AND (me.hidden_seq = 0 OR c.last_message_seq > me.hidden_seq)
    AND ($2::boolean IS NULL OR me.in_group = $2)
    AND ($3::boolean IS NULL OR $3 = coalesce((
        SELECT s.archived FROM conversation_settings s
        WHERE s.conversation_id = me.conversation_id AND s.user_id = $1 LIMIT 1), false));

-- name: conversation_page
-- $1's conversations, the most recently active first, behind the one that was active at $4 and has the id $5 (or from the
-- top): groups ($6), direct ones (not $6), or both (null); archived ($7), or not, or both. A hidden one is back with its next
-- message.
SELECT c.id, c.active_at FROM participants me
CROSS JOIN LATERAL (
    SELECT x.id, x.is_active, x.last_message_seq, coalesce(x.last_message_at, x.created_at) AS active_at
    FROM conversations x WHERE x.id = me.conversation_id LIMIT 1) c
WHERE me.user_id = $1 AND me.left_seq IS NULL AND c.is_active
    AND (me.hidden_seq = 0 OR c.last_message_seq > me.hidden_seq)
    AND ($4::timestamptz IS NULL OR (c.active_at, c.id) < ($4, $5::uuid))
    AND ($6::boolean IS NULL OR me.in_group = $6)
    AND ($7::boolean IS NULL OR $7 = coalesce((
        SELECT s.archived FROM conversation_settings s
        WHERE s.conversation_id = me.conversation_id AND s.user_id = $1 LIMIT 1), false))
ORDER BY c.active_at DESC, c.id DESC
LIMIT $2 OFFSET $3;

-- name: conversation_cards
-- The conversations $2 as their member $1 sees them.
SELECT c.*, product.title AS product_title, product.image AS product_image, me.role AS my_role,
    blocks.anyone IS NOT NULL OR (c.type = 'direct' AND directory_blocked(c.user_low, c.user_high)) AS is_blocked,
    blocks.mine IS NOT NULL OR (c.type = 'direct' AND (
        SELECT true FROM directory_blocks_of($1) b
        WHERE b.by_me AND b.user_id = CASE $1 WHEN c.user_low THEN c.user_high ELSE c.user_low END LIMIT 1) IS TRUE
    ) AS blocked_by_me,
    CASE c.type WHEN 'direct' THEN directory_follows(c.user_low, c.user_high) END AS either_follows,
    unread_count(me::participants) AS unread_count, me.hidden_seq,
    shown_settings((
        SELECT s FROM conversation_settings s WHERE s.conversation_id = c.id AND s.user_id = $1 LIMIT 1),
        c.member_count) AS my_settings
FROM unnest($2::uuid[]) WITH ORDINALITY AS asked (id, position)
CROSS JOIN LATERAL (SELECT * FROM conversations x WHERE x.id = asked.id AND x.is_active LIMIT 1) c
CROSS JOIN LATERAL (
    SELECT * FROM participants x WHERE x.conversation_id = c.id AND x.user_id = $1 AND x.left_seq IS NULL LIMIT 1) me
LEFT JOIN LATERAL directory_product(c.product_id) product ON c.product_id <> ''
CROSS JOIN LATERAL (
    SELECT min(b.blocked_by_user_id) AS anyone, min(b.blocked_by_user_id) FILTER (WHERE b.blocked_by_user_id = $1) AS mine
    FROM conversation_blocks b WHERE b.conversation_id = c.id) blocks
ORDER BY asked.position;

-- name: conversations_for_push
-- The conversations $1 as every member sees them alike.
SELECT c.*, product.title AS product_title, product.image AS product_image
FROM unnest($1::uuid[]) AS asked (id) CROSS JOIN LATERAL (SELECT * FROM conversations x WHERE x.id = asked.id LIMIT 1) c
LEFT JOIN LATERAL directory_product(c.product_id) product ON c.product_id <> '';

-- name: conversations_about
-- What never changes about the conversations $1: their type, whose they are, and the product.
SELECT c.* FROM unnest($1::uuid[]) AS asked (id) CROSS JOIN LATERAL (
    SELECT x.id, x.type, x.user_low, x.user_high, x.product_id FROM conversations x WHERE x.id = asked.id LIMIT 1) c;

-- name: last_said_at
-- When the last message of each of the conversations $1 was posted at the seq in $2, to somebody who has hidden what
-- came up to the one in $3.
SELECT asked.id, asked.seq, m.created_at FROM unnest($1::uuid[], $2::int8[], $3::int8[]) AS asked (id, seq, hidden)
CROSS JOIN LATERAL (
    SELECT x.created_at FROM messages x
    WHERE x.conversation_id = asked.id AND x.seq <= asked.seq AND x.seq > asked.hidden
    ORDER BY x.seq DESC LIMIT 1) m;

-- name: participants_of
-- At most 100 participants of each of the conversations $1: the highest roles first, then the longest members.
SELECT p.conversation_id, p.user_id, p.role, p.joined_at, p.delivered_seq,
    coalesce(upper(p.read_seqs) - 1, 0) AS read_seq
FROM unnest($1::uuid[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT * FROM participants x WHERE uuid_send(x.conversation_id) = uuid_send(asked.id) AND x.left_seq IS NULL
    ORDER BY role_rank(x.role) DESC, x.joined_seq, x.user_id || '' LIMIT 100) p;
