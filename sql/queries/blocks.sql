-- name: set_conversation_block
SELECT b.verdict, b.seq, b.blocked_by,
    (SELECT CASE $1 WHEN c.user_low THEN c.user_high ELSE c.user_low END FROM conversations c WHERE c.id = $2) AS other_id
FROM set_conversation_block($1, $2, $3) b;

-- name: blocks_beside
-- How many people $1 has blocked, $2 aside; no more than $3.
SELECT count(*) FROM (
    SELECT FROM directory_blocks_of($1) b WHERE b.by_me AND b.user_id <> $2 LIMIT $3::int) blocks;

-- name: set_user_block
-- One row, of what stood so already, too.
SELECT coalesce(b.verdict, 'done') AS verdict, b.seq, coalesce(b.conversation_ids, '{}') AS conversation_ids,
    coalesce(b.conversation_seqs, '{}') AS conversation_seqs
FROM (SELECT) AS one LEFT JOIN set_user_block($1, $2, $3) b ON true;
