-- name: users
SELECT user_id, username, email, display_name, avatar_url FROM directory_users($1);

-- name: avatars
-- The pictures of the people $1, under the ids that were asked for: the directory may spell them otherwise.
SELECT asked.id, u.avatar_url FROM unnest($1::text[]) AS asked (id)
LEFT JOIN LATERAL directory_users(ARRAY[asked.id]) u ON true;
