-- name: authenticate
-- One round trip for the two questions of each token: is it revoked ($2 has its id, or null), and whose is it ($1)?
-- Each with its place in $1.
SELECT asked.position, u.user_id, u.username, u.email, u.display_name, u.avatar_url,
    (asked.jti IS NOT NULL AND directory_revoked(asked.jti)) AS revoked
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (person, jti, position)
LEFT JOIN LATERAL directory_users(ARRAY[asked.person]) u ON true;

-- name: no_longer_valid
-- Which of the people $1 are gone, and which of the token ids $2 are revoked.
SELECT 'user' AS ground, asked.id FROM unnest($1::text[]) AS asked (id)
WHERE (SELECT count(*) FROM directory_users(ARRAY[asked.id]) u WHERE u.user_id = asked.id) = 0
UNION ALL
SELECT 'jti', revoked.id FROM directory_revoked_among($2) AS revoked (id);

-- name: revocations_are_told
SELECT revocations_are_told() AS told;
