-- name: create_group
SELECT * FROM create_group($1, $2, $3, $4, $5, $6, $7, $8);

-- name: add_members
SELECT * FROM add_members($1, $2, $3, $4, $5);

-- name: remove_member
SELECT * FROM remove_member($1, $2, $3);

-- name: leave_group
SELECT * FROM leave_group($1, $2);

-- name: set_member_role
SELECT * FROM set_member_role($1, $2, $3, $4, $5);

-- name: permit_member
SELECT * FROM permit_member($1, $2, $3, $4);

-- name: transfer_group
SELECT * FROM transfer_group($1, $2, $3);

-- name: update_group
SELECT * FROM update_group($1, $2, $3, $4, $5);

-- name: delete_group
SELECT * FROM delete_group($1, $2);

-- name: group_count
SELECT count(*) FROM participants me
CROSS JOIN LATERAL (SELECT c.is_active FROM conversations c WHERE c.id = me.conversation_id LIMIT 1) c
WHERE me.user_id = $1 AND me.in_group AND me.left_seq IS NULL AND c.is_active;

-- name: group_page
-- $1's groups, the most recently active first, behind the one that was active at $4 and has the id $5 (or from the top);
-- those whose history is hidden are groups of theirs, too.
SELECT c.id, c.active_at FROM participants me
CROSS JOIN LATERAL (
    SELECT x.id, x.is_active, coalesce(x.last_message_at, x.created_at) AS active_at
    FROM conversations x WHERE x.id = me.conversation_id LIMIT 1) c
WHERE me.user_id = $1 AND me.in_group AND me.left_seq IS NULL AND c.is_active
    AND ($4::timestamptz IS NULL OR (c.active_at, c.id) < ($4, $5::uuid))
ORDER BY c.active_at DESC, c.id DESC
LIMIT $2 OFFSET $3;

-- name: participants_named
-- The people $3 as members of conversation $2, for its member $1; those who have left since, as they were last.
SELECT p.conversation_id, p.user_id, p.role, p.joined_at, p.delivered_seq, coalesce(upper(p.read_seqs) - 1, 0) AS read_seq
FROM (SELECT DISTINCT a.id FROM unnest($3::text[]) AS a (id) ORDER BY a.id) asked
CROSS JOIN LATERAL (
    SELECT * FROM participants x WHERE x.conversation_id = $2 AND x.user_id = asked.id
    ORDER BY x.joined_seq DESC LIMIT 1) p
WHERE (SELECT me.joined_seq FROM participants me
       WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL LIMIT 1) IS NOT NULL
ORDER BY p.user_id;

-- name: members_page
-- $3 members of conversation $2 after the first $4, for its member $1: the highest roles first, then those who
-- have been members longest. One row without a member where there is none so far down.
SELECT c.type, c.member_count, c.id AS conversation_id, p.user_id, p.role, p.joined_at, p.delivered_seq, p.read_seq
FROM participants me
CROSS JOIN LATERAL (SELECT * FROM conversations x WHERE x.id = $2 AND x.is_active LIMIT 1) c
LEFT JOIN LATERAL (
    SELECT x.user_id, x.role, x.joined_at, x.delivered_seq, coalesce(upper(x.read_seqs) - 1, 0) AS read_seq
    FROM participants x WHERE uuid_send(x.conversation_id) = uuid_send($2) AND x.left_seq IS NULL
    ORDER BY role_rank(x.role) DESC, x.joined_seq, x.user_id || '' LIMIT $3 OFFSET $4) p ON true
WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL;
