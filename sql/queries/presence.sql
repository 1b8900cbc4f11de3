-- name: contacts
-- The people who share with one of $1 a direct conversation without a block, or a group of at most $2 members, and have
-- no block between them and that one, each with the place of that one in $1. No more than 20,000 memberships are looked
-- at for any of them: groups of a hundred can be many.
SELECT asked.position, contact.user_id
FROM unnest($1::text[]) WITH ORDINALITY AS asked (person, position)
CROSS JOIN LATERAL (
    (SELECT other.user_id FROM participants me
    CROSS JOIN LATERAL (
        SELECT c.id FROM conversations c
        WHERE c.id = me.conversation_id AND c.is_active AND (c.type = 'group' AND c.member_count <= $2
            OR c.type = 'direct' AND (
                SELECT true FROM conversation_blocks b WHERE b.conversation_id = c.id LIMIT 1) IS NULL)
        LIMIT 1) talk
    CROSS JOIN LATERAL (
        SELECT p.user_id FROM participants p
        WHERE p.conversation_id = talk.id AND p.left_seq IS NULL AND p.user_id <> asked.person OFFSET 0) other
    WHERE me.user_id = asked.person AND me.left_seq IS NULL
    LIMIT 20000)
    EXCEPT
    SELECT b.user_id COLLATE "C" FROM directory_blocks_of(asked.person) b) contact;

-- name: are_contacts
-- Whether $1 and $2 are contacts, as `contacts` has it; NULL where no conversation could make them so, were there no block.
SELECT bool_or(talk.is_open) AND NOT directory_blocked($1, $2) AS so
FROM (SELECT p.conversation_id FROM participants p WHERE p.user_id = $1 AND p.left_seq IS NULL LIMIT 20000) me
CROSS JOIN LATERAL (
    SELECT c.id, c.type = 'group' OR (
        SELECT true FROM conversation_blocks b WHERE b.conversation_id = c.id LIMIT 1) IS NULL AS is_open
    FROM conversations c
    WHERE c.id = me.conversation_id AND c.is_active AND (c.type = 'direct' OR c.member_count <= $3) LIMIT 1) talk
CROSS JOIN LATERAL (
    SELECT FROM participants p
    WHERE p.conversation_id = talk.id AND p.user_id = $2 AND p.left_seq IS NULL LIMIT 1) other;
