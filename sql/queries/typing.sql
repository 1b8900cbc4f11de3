-- name: typing_audience
-- Whether $1 is a member of conversation $2, and whether nobody there is told of their typing: since a block stands
-- between the two people, or since there are more than $3 members.
SELECT c.member_count > $3 OR c.type = 'direct' AND (directory_blocked(c.user_low, c.user_high)
    OR (SELECT true FROM conversation_blocks b WHERE b.conversation_id = c.id LIMIT 1) IS TRUE) AS silent
FROM participants me
CROSS JOIN LATERAL (SELECT * FROM conversations x WHERE x.id = $2 AND x.is_active LIMIT 1) c
WHERE me.conversation_id = $2 AND me.user_id = $1 AND me.left_seq IS NULL;
