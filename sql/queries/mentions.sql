-- name: mentionable
-- What decides a mention by the member $1 of group $2: their role, the group's size, and which of its
-- members have one of the names $3, as names are compared. No row where $2 is no group of theirs.
-- Each name is folded once: fifty of them in a group of ten thousand are not half a million.
WITH asked AS MATERIALIZED (
    SELECT n.name, fold_name(n.name) AS folded FROM unnest($3::text[]) AS n (name)
), members AS MATERIALIZED (
    SELECT u.user_id, u.username, fold_name(u.username) AS folded
    FROM directory_users(ARRAY(SELECT p.user_id FROM participants p
                               WHERE p.conversation_id = $2 AND p.left_seq IS NULL AND $3::text[] <> '{}')) u
)
SELECT me.role, c.member_count, named.name, named.user_id, named.username
FROM participants me JOIN conversations c ON c.id = me.conversation_id AND c.type = 'group' AND c.is_active
LEFT JOIN (
    SELECT asked.name, members.user_id, members.username FROM asked JOIN members ON members.folded = asked.folded
) named ON true
WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL;

-- name: members_among
-- Those of the people $2 who are members of conversation $1.
SELECT p.user_id FROM unnest($2::text[]) AS asked (id) CROSS JOIN LATERAL (
    SELECT x.user_id FROM participants x
    WHERE x.conversation_id = $1 AND x.user_id = asked.id AND x.left_seq IS NULL LIMIT 1) p;
