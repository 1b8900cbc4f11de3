-- name: create_file
SELECT verdict, expires_at, wait FROM create_file($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: file_of_owner
-- The file $2, where it is $1's.
SELECT * FROM files f WHERE f.id = $2 AND f.owner_id = $1;

-- name: files_to_send
-- Those of the files $3 that are $1's, of conversation $2.
SELECT f.* FROM unnest($3::uuid[]) AS asked (id)
CROSS JOIN LATERAL (SELECT * FROM files x WHERE x.id = asked.id LIMIT 1) f
WHERE f.conversation_id = $2 AND f.owner_id = $1;

-- name: files_for
-- Those of the files $2 that are ready and that $1 may see: sent to a conversation that they are in, in a message that they
-- have neither hidden nor deleted for themselves; their own also before they are sent.
SELECT f.id, f.conversation_id, f.owner_id, f.size, f.version, f.key_id, f.nonce, f.about, f.content, f.thumb
FROM unnest($2::uuid[]) AS asked (id)
CROSS JOIN LATERAL (SELECT * FROM files x WHERE x.id = asked.id AND x.state = 'ready' LIMIT 1) f
CROSS JOIN LATERAL (
    SELECT p.hidden_seq FROM participants p
    WHERE p.conversation_id = f.conversation_id AND p.user_id = $1 AND p.left_seq IS NULL LIMIT 1) me
CROSS JOIN LATERAL (SELECT c.is_active FROM conversations c WHERE c.id = f.conversation_id LIMIT 1) c
LEFT JOIN LATERAL (SELECT m.seq FROM messages m WHERE m.id = f.message_id AND m.deleted_at IS NULL LIMIT 1) m ON true
WHERE c.is_active AND CASE
    WHEN f.message_id IS NULL THEN f.owner_id = $1
    ELSE m.seq > me.hidden_seq AND (
        SELECT d.seq FROM message_deletions d
        WHERE d.conversation_id = f.conversation_id AND d.user_id = $1 AND d.seq = m.seq LIMIT 1) IS NULL
    END;

-- name: begin_upload
SELECT verdict, size, owner_id FROM begin_upload($1, $2);

-- name: end_upload
SELECT verdict, replaced FROM end_upload($1, $2);

-- name: begin_scanning
SELECT * FROM begin_scanning($1, $2, $3, $4, $5, $6, $7, $8);

-- name: take_over_scanning
SELECT * FROM take_over_scanning($1, $2);

-- name: keep_scanning
-- Keeps those of the files $1 that worker $2 looks at for $3 seconds more.
UPDATE files f SET work_until = this_moment() + make_interval(secs => $3::int4)
FROM unnest($1::uuid[]) AS asked (id) WHERE f.id = asked.id AND f.state = 'scanning' AND f.worker = $2;

-- name: write_down_object
-- The object $1, which is nobody's after $2 seconds.
INSERT INTO file_objects (id, doomed_at) VALUES ($1, this_moment() + make_interval(secs => $2::int4));

-- name: finish_file
SELECT verdict, conversation_id, message_id, seq
FROM finish_file($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);

-- name: delete_file
SELECT verdict FROM delete_file($1, $2);

-- name: drop_unclaimed_files
SELECT drop_unclaimed_files($1, $2) AS count;

-- name: doomed_objects
SELECT o.id FROM file_objects o WHERE o.doomed_at <= this_moment() ORDER BY o.doomed_at LIMIT $1;

-- name: doom_object
SELECT doom_objects(ARRAY[$1::uuid]);

-- name: forget_object
-- (With coalesce: the index of those that are doomed is not for this.)
DELETE FROM file_objects o WHERE o.id = $1 AND coalesce(o.doomed_at, 'infinity') <= this_moment();

-- name: post_message_with_files
SELECT * FROM post_message_with_files($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);
