-- name: users
SELECT user_id, username, email, display_name, avatar_url FROM directory_users($1);

-- name: authenticate
-- One round trip for the two questions of each token: is it revoked ($2 has its id, or null), and whose is it ($1)?
-- In the order in which they were asked.
SELECT u.user_id, u.username, u.email, u.display_name, u.avatar_url,
    (asked.jti IS NOT NULL AND directory_revoked(asked.jti)) AS revoked
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (person, jti, position)
LEFT JOIN LATERAL directory_users(ARRAY[asked.person]) u ON true
ORDER BY asked.position;

-- name: contacts
-- The people who share with one of $1 a direct conversation without a block, or a group of at most $2 members,
-- and have no block between them and that one, each with the place of that one in $1.
SELECT asked.position, contact.user_id
FROM unnest($1::text[]) WITH ORDINALITY AS asked (person, position)
CROSS JOIN LATERAL (
    SELECT DISTINCT other.user_id
    FROM participants me
    JOIN conversations c ON c.id = me.conversation_id AND c.is_active
        AND (c.type = 'direct' OR c.member_count <= $2)
    JOIN participants other ON other.conversation_id = c.id AND other.left_seq IS NULL
        AND other.user_id <> asked.person
    WHERE me.user_id = asked.person AND me.left_seq IS NULL
        AND NOT (c.type = 'direct' AND EXISTS (SELECT FROM conversation_blocks b WHERE b.conversation_id = c.id))
        AND other.user_id NOT IN (SELECT b.user_id FROM directory_blocks_of(asked.person) b)) contact;

-- name: set_user_block
SELECT verdict, stream_id, seq FROM set_user_block($1, $2, $3);

-- name: no_longer_valid
-- Which of the people $1 are gone, and which of the token ids $2 are revoked.
SELECT 'user' AS ground, asked.id FROM unnest($1::text[]) AS asked (id)
WHERE asked.id NOT IN (SELECT u.user_id FROM directory_users($1) u)
UNION ALL
SELECT 'jti', revoked.id FROM directory_revoked_among($2) AS revoked (id);

-- name: revocations_are_told
SELECT revocations_are_told() AS told;
