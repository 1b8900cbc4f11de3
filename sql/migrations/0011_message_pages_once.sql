-- `message_rows_of` as 0010 has it, but truly once: the planner expects one message of fifty, and where the tables are
-- small it looked the conversation and its people up for each message all the same (457 buffers a page, 0.75 ms). Now the
-- messages hang on them, so that there is no other order. And nothing is collected for a message without reactions.
CREATE OR REPLACE FUNCTION message_rows_of(conversation uuid) RETURNS SETOF message_rows LANGUAGE sql STABLE AS $$
    SELECT m.conversation_id, m.seq, m.number, m.id, m.sender_id, m.message_type, m.version, m.key_id, m.nonce,
        m.ciphertext, m.reply_to_message_id, m.client_message_id, m.is_announcement, m.created_at, m.edited_at,
        m.deleted_at,
        CASE m.sender_id WHEN both_people.low THEN both_people.high ELSE both_people.low END AS recipient_id,
        CASE WHEN m.seq <@ CASE m.sender_id WHEN both_people.low THEN both_people.high_read
                           ELSE both_people.low_read END THEN 'read'
             WHEN m.seq <= CASE m.sender_id WHEN both_people.low THEN both_people.high_delivered
                           ELSE both_people.low_delivered END THEN 'delivered'
             ELSE 'sent' END AS status,
        EXISTS (SELECT FROM pins p WHERE p.conversation_id = m.conversation_id AND p.message_id = m.id) AS is_pinned,
        CASE WHEN EXISTS (SELECT FROM reactions r WHERE r.conversation_id = m.conversation_id AND r.message_id = m.id) THEN
            (SELECT jsonb_agg(jsonb_build_array(r.user_id, r.reaction) ORDER BY r.created_at, r.user_id) FROM reactions r
             WHERE r.conversation_id = m.conversation_id AND r.message_id = m.id) END AS reactions
    FROM (
        SELECT c.id, low.user_id AS low, low.read_seqs AS low_read, low.delivered_seq AS low_delivered,
            high.user_id AS high, high.read_seqs AS high_read, high.delivered_seq AS high_delivered
        FROM conversations c
        -- Nobody in particular is the recipient of a group's message: both are null there.
        LEFT JOIN participants low ON low.conversation_id = c.id AND low.user_id = c.user_low AND low.left_seq IS NULL
        LEFT JOIN participants high ON high.conversation_id = c.id AND high.user_id = c.user_high
            AND high.left_seq IS NULL
        WHERE c.id = conversation
        OFFSET 0) both_people  -- a subquery with OFFSET is planned by itself
    JOIN messages m ON m.conversation_id = both_people.id
$$;

-- A moment as the wire has it: ISO 8601, UTC, three decimals (cut, not rounded) and Z.
CREATE FUNCTION wire_time(moment timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- The same for who shows them and does nothing else with them: with the time as text. The server makes a datetime of
-- a timestamp, and a text of that, in ten times the time.
CREATE FUNCTION shown_rows_of(conversation uuid) RETURNS TABLE (
    conversation_id uuid, seq int8, number int8, id uuid, sender_id text, message_type text, version int2, key_id text,
    nonce bytea, ciphertext bytea, reply_to_message_id uuid, client_message_id text, is_announcement boolean,
    created_at text, edited_at timestamptz, deleted_at timestamptz, recipient_id text, status text, is_pinned boolean,
    reactions jsonb
) LANGUAGE sql STABLE AS $$
    SELECT m.conversation_id, m.seq, m.number, m.id, m.sender_id, m.message_type, m.version, m.key_id, m.nonce,
        m.ciphertext, m.reply_to_message_id, m.client_message_id, m.is_announcement, wire_time(m.created_at),
        m.edited_at, m.deleted_at, m.recipient_id, m.status, m.is_pinned, m.reactions
    FROM message_rows_of(conversation) m
$$;
