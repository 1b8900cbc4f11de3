-- name: create_group
SELECT * FROM create_group($1, $2, $3, $4, $5, $6);

-- name: add_members
SELECT * FROM add_members($1, $2, $3);

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
SELECT count(*) FROM participants me JOIN conversations c ON c.id = me.conversation_id
WHERE me.user_id = $1 AND me.left_seq IS NULL AND c.is_active AND c.type = 'group';

-- name: group_page
-- $1's groups, the most recently active first; those whose history is hidden are groups of theirs, too.
SELECT c.id FROM participants me JOIN conversations c ON c.id = me.conversation_id
WHERE me.user_id = $1 AND me.left_seq IS NULL AND c.is_active AND c.type = 'group'
ORDER BY coalesce(c.last_message_at, c.created_at) DESC, c.id DESC
LIMIT $2 OFFSET $3;

-- name: participants_named
-- The people $3 as members of conversation $2, for its member $1; who has left since, as they were last.
SELECT DISTINCT ON (p.user_id) p.conversation_id, p.user_id, p.role, p.joined_at, p.delivered_seq,
    coalesce(upper(p.read_seqs) - 1, 0) AS read_seq
FROM participants me JOIN participants p ON p.conversation_id = me.conversation_id
WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL AND p.user_id = ANY ($3)
ORDER BY p.user_id, p.joined_seq DESC;

-- name: members_page
-- $3 members of conversation $2 after the first $4, for its member $1: the highest roles first, then the longest
-- members. One row without a member where there is none so far down.
SELECT c.type, c.member_count, c.id AS conversation_id, p.user_id, p.role, p.joined_at, p.delivered_seq, p.read_seq
FROM participants me JOIN conversations c ON c.id = me.conversation_id AND c.is_active
LEFT JOIN LATERAL (
    SELECT x.user_id, x.role, x.joined_at, x.delivered_seq, coalesce(upper(x.read_seqs) - 1, 0) AS read_seq
    FROM participants x WHERE x.conversation_id = c.id AND x.left_seq IS NULL
    ORDER BY role_rank(x.role) DESC, x.joined_seq, x.user_id LIMIT $3 OFFSET $4) p ON true
WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL;

-- name: mentionable
-- What the member $1 of group $2 may go by who mentions somebody in it: their role, the group's size, and
-- who of its members has one of the names $3, in either case. No row where $2 is no group of theirs.
SELECT me.role, c.member_count, named.name, named.user_id, named.username
FROM participants me JOIN conversations c ON c.id = me.conversation_id AND c.type = 'group' AND c.is_active
LEFT JOIN LATERAL (
    SELECT asked.name, u.user_id, u.username
    FROM directory_users(ARRAY(SELECT p.user_id FROM participants p
                               WHERE p.conversation_id = c.id AND p.left_seq IS NULL)) u
    JOIN unnest($3::text[]) AS asked (name) ON lower(asked.name) = lower(u.username)
    WHERE $3::text[] <> '{}') named ON true
WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL;

-- name: members_among
-- Those of the people $2 who are members of conversation $1.
SELECT p.user_id FROM participants p
WHERE p.conversation_id = $1 AND p.user_id = ANY ($2) AND p.left_seq IS NULL;
