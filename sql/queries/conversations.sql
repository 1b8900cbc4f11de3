-- name: open_direct
SELECT verdict, conversation_id FROM open_direct($1, $2, $3, directory_product_id($4));

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
SELECT c.type FROM participants me JOIN conversations c ON c.id = me.conversation_id
WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL AND c.is_active;

-- name: hidden_seq
-- Up to where $1 has hidden conversation $2, in whatever membership.
SELECT coalesce(max(p.hidden_seq), 0) AS seq FROM participants p WHERE p.conversation_id = $2 AND p.user_id = $1;

-- name: direct_counterpart
-- The other person of the direct conversation $2 of $1.
SELECT CASE $1 WHEN c.user_low THEN c.user_high ELSE c.user_low END AS user_id
FROM conversations c WHERE c.id = $2 AND c.type = 'direct' AND $1 IN (c.user_low, c.user_high);

-- name: typing_audience
-- Whether $1 is a member of conversation $2, and whether a block keeps their typing from the other person.
SELECT c.type = 'direct' AND (directory_blocked(c.user_low, c.user_high)
    OR EXISTS (SELECT FROM conversation_blocks b WHERE b.conversation_id = c.id)) AS blocked
FROM participants me JOIN conversations c ON c.id = me.conversation_id
WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL AND c.is_active;

-- name: conversation_count
SELECT count(*) FROM participants me JOIN conversations c ON c.id = me.conversation_id
WHERE me.user_id = $1 AND me.left_seq IS NULL AND c.is_active
    AND (me.hidden_seq = 0 OR c.last_message_seq > me.hidden_seq);

-- name: conversation_page
-- $1's conversations, the most recently active first. A hidden one is back with its next message.
SELECT c.id FROM participants me JOIN conversations c ON c.id = me.conversation_id
WHERE me.user_id = $1 AND me.left_seq IS NULL AND c.is_active
    AND (me.hidden_seq = 0 OR c.last_message_seq > me.hidden_seq)
ORDER BY coalesce(c.last_message_at, c.created_at) DESC, c.id DESC
LIMIT $2 OFFSET $3;

-- name: conversation_cards
-- The conversations $2 as their member $1 sees them.
SELECT c.*, product.title AS product_title, product.image AS product_image,
    me.role AS my_role, blocks.anyone AS is_blocked, blocks.mine AS blocked_by_me,
    CASE c.type WHEN 'direct' THEN directory_follows(c.user_low, c.user_high) END AS either_follows,
    unread_count(me) AS unread_count, me.hidden_seq
FROM unnest($2::uuid[]) WITH ORDINALITY AS asked (id, position)
JOIN conversations c ON c.id = asked.id
JOIN participants me ON me.conversation_id = c.id AND me.user_id = $1 AND me.left_seq IS NULL
LEFT JOIN LATERAL directory_product(c.product_id) product ON c.product_id <> ''
CROSS JOIN LATERAL (
    SELECT
        EXISTS (SELECT FROM conversation_blocks b WHERE b.conversation_id = c.id)
            OR (c.type = 'direct' AND directory_blocked(c.user_low, c.user_high)) AS anyone,
        EXISTS (SELECT FROM conversation_blocks b WHERE b.conversation_id = c.id AND b.blocked_by_user_id = $1)
            OR (c.type = 'direct' AND EXISTS (
                SELECT FROM directory_blocks_of($1) b
                WHERE b.by_me AND b.user_id IN (c.user_low, c.user_high))) AS mine
) blocks
WHERE c.is_active
ORDER BY asked.position;

-- name: conversation_for_push
-- Conversation $1 as every member sees it alike.
SELECT c.*, product.title AS product_title, product.image AS product_image FROM conversations c
LEFT JOIN LATERAL directory_product(c.product_id) product ON c.product_id <> ''
WHERE c.id = $1;

-- name: shown_at
-- The message that was the last one of conversation $1 at each of the seqs $2, to somebody who has hidden
-- what came up to seq $3.
SELECT asked.seq, m.seq AS message_seq FROM unnest($2::int8[]) AS asked (seq)
CROSS JOIN LATERAL (
    SELECT x.seq FROM messages x WHERE x.conversation_id = $1 AND x.seq <= asked.seq AND x.seq > $3
    ORDER BY x.seq DESC LIMIT 1) m;

-- name: participants_of
-- At most 100 participants of each of the conversations $1: the highest roles first, then the longest members.
SELECT p.conversation_id, p.user_id, p.role, p.joined_at, p.delivered_seq,
    coalesce(upper(p.read_seqs) - 1, 0) AS read_seq
FROM unnest($1::uuid[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT * FROM participants x WHERE x.conversation_id = asked.id AND x.left_seq IS NULL
    ORDER BY role_rank(x.role) DESC, x.joined_seq, x.user_id LIMIT 100) p;
