-- Messages, and how they are shown.

-- number is dense within the conversation (1, 2, 3 …): totals and offset pages become arithmetic. The sealed body (text,
-- end-to-end ciphertext, metadata, mentions) is NULL once erased, and so is the fingerprint that would still say something
-- about it; the row stays as the tombstone and keeps the client's id, so that a late retry of an erased message does not
-- bring it back. updated_seq is the seq of the last event that changed the message; NULL where none has, and then the message
-- has neither reactions nor a pin.
CREATE TABLE messages (
    conversation_id uuid NOT NULL,
    seq bigint NOT NULL,
    number bigint NOT NULL,
    id uuid NOT NULL,
    sender_id text COLLATE "C" NOT NULL,
    message_type text NOT NULL,
    version smallint NOT NULL,
    key_id text NOT NULL,
    nonce bytea,
    ciphertext bytea,
    reply_to_message_id uuid,
    client_message_id text COLLATE "C",
    fingerprint bytea,
    is_announcement boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    edited_at timestamptz,
    deleted_at timestamptz,
    deleted_by text COLLATE "C",
    updated_seq bigint,
    PRIMARY KEY (conversation_id, seq)
);
CREATE UNIQUE INDEX messages_id ON messages (id);
CREATE UNIQUE INDEX messages_number ON messages (uuid_send(conversation_id), number);
CREATE TRIGGER messages_erased BEFORE UPDATE OF ciphertext, deleted_at ON messages
    FOR EACH ROW WHEN ((NEW.ciphertext IS NULL) <> (NEW.deleted_at IS NOT NULL)) EXECUTE FUNCTION refuse_row();

-- One short key for what a client named its message: where a conversation, a sender and a name are three columns, a look-up
-- by them may go by the conversation alone, through all that was ever said in it. Inlined, which a body of immutable
-- functions alone is (convert_to is none): else each insert would parse and plan it anew. decode() leaves all bytes but
-- backslashes as they are.
CREATE FUNCTION client_key(conversation uuid, sender text, client_message_id text) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT substring(sha256(uuid_send(conversation)
        || decode(replace(sender || E'\x01' || client_message_id, E'\\', E'\\\\'), 'escape')), 1, 16)
$$;
CREATE UNIQUE INDEX messages_client_key ON messages (client_key(conversation_id, sender_id, client_message_id));

CREATE TABLE reactions (
    conversation_id uuid NOT NULL,
    message_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    reaction text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, message_id, user_id)
);

-- What a person has deleted for themselves.
CREATE TABLE message_deletions (
    conversation_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (conversation_id, user_id, seq)
);

CREATE TABLE pins (
    conversation_id uuid NOT NULL,
    message_id uuid NOT NULL,
    pinned_by text COLLATE "C" NOT NULL,
    pinned_at timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, message_id)
);
CREATE INDEX pins_newest ON pins (uuid_send(conversation_id), pinned_at DESC, message_id);

-- -- showing ---------------------------------------------------------------------------------------

-- A moment as the wire has it: ISO 8601, UTC, three decimals (cut, not rounded) and Z. (Made here, in a tenth of the time that
-- the server would take for a datetime and its text.)
CREATE FUNCTION wire_time(moment timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- The seqs of messages of one conversation, by their ids.
CREATE FUNCTION seqs_of(conversation uuid, ids uuid[]) RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(
        SELECT m.seq FROM unnest(ids) AS asked (id) CROSS JOIN LATERAL (
            SELECT x.seq, x.conversation_id FROM messages x WHERE x.id = asked.id LIMIT 1) m
        WHERE m.conversation_id = conversation);
END
$$;

-- The messages of a conversation at these seqs, as every reader is shown them. The conversation and what its two people have
-- read are looked up once, and the messages hang on them. A direct message's recipient has read it, received it, or neither;
-- nobody in particular is the recipient of a group's message. Inlined where it is called.
CREATE FUNCTION shown_rows_of(conversation uuid, seqs bigint[]) RETURNS TABLE (
    conversation_id uuid, seq bigint, number bigint, id uuid, sender_id text, message_type text, version smallint,
    key_id text, nonce bytea, ciphertext bytea, reply_to_message_id uuid, client_message_id text, is_announcement boolean,
    created_at text, edited_at timestamptz, deleted_at timestamptz, recipient_id text, status text, is_pinned boolean,
    reactions jsonb, updated_seq bigint
) LANGUAGE sql STABLE AS $$
    SELECT m.conversation_id, m.seq, m.number, m.id, m.sender_id, m.message_type, m.version, m.key_id, m.nonce,
        m.ciphertext, m.reply_to_message_id, m.client_message_id, m.is_announcement, wire_time(m.created_at), m.edited_at,
        m.deleted_at, CASE m.sender_id WHEN talk.low THEN talk.high ELSE talk.low END AS recipient_id,
        CASE WHEN m.seq <@ CASE m.sender_id WHEN talk.low THEN talk.high_read ELSE talk.low_read END THEN 'read'
             WHEN m.seq <= CASE m.sender_id WHEN talk.low THEN talk.high_delivered ELSE talk.low_delivered END
             THEN 'delivered'
             ELSE 'sent' END AS status,
        m.updated_seq IS NOT NULL
            AND (SELECT true FROM pins p WHERE p.conversation_id = m.conversation_id AND p.message_id = m.id LIMIT 1)
            IS NOT NULL AS is_pinned,
        CASE WHEN m.updated_seq IS NOT NULL THEN (
            SELECT jsonb_agg(jsonb_build_array(r.user_id, r.reaction) ORDER BY r.created_at, r.user_id) FROM reactions r
            WHERE r.conversation_id = m.conversation_id AND r.message_id = m.id) END AS reactions,
        coalesce(m.updated_seq, m.seq) AS updated_seq
    FROM (
        SELECT c.id, low.user_id AS low, low.read_seqs AS low_read, low.delivered_seq AS low_delivered,
            high.user_id AS high, high.read_seqs AS high_read, high.delivered_seq AS high_delivered
        FROM conversations c
        LEFT JOIN LATERAL (
            SELECT p.user_id, p.read_seqs, p.delivered_seq FROM participants p
            WHERE p.conversation_id = c.id AND p.user_id = c.user_low ORDER BY p.joined_seq DESC LIMIT 1) low ON true
        LEFT JOIN LATERAL (
            SELECT p.user_id, p.read_seqs, p.delivered_seq FROM participants p
            WHERE p.conversation_id = c.id AND p.user_id = c.user_high ORDER BY p.joined_seq DESC LIMIT 1) high ON true
        WHERE c.id = conversation
        OFFSET 0) talk
    CROSS JOIN LATERAL (SELECT * FROM messages x WHERE x.conversation_id = talk.id AND x.seq = ANY (seqs) OFFSET 0) m
$$;

-- A message, and how many bytes its sealed body takes.
CREATE TYPE sized_message AS (seq bigint, bytes integer);

-- The seqs of one page of messages, which are given in its order. They end with the first message that comes after one that
-- ends a page by its bytes (chatserver/resources/pages.py): by it the reader of the page knows that there are more.
CREATE FUNCTION seqs_of_page(messages sized_message[]) RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN ARRAY(
        SELECT sized.seq FROM (
            SELECT f.seq, sum(f.bytes) OVER (
                ORDER BY f.place ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING) AS bytes_before
            FROM unnest(messages) WITH ORDINALITY AS f (seq, bytes, place)) sized
        WHERE coalesce(sized.bytes_before, 0) < 1048576);
END
$$;

-- What a reader may read of a conversation: after which seq and number, of how many, how far the log is pruned, and how many
-- messages they have deleted for themselves. No row where they are no member.
CREATE FUNCTION bounds_of(reader text, conversation uuid) RETURNS TABLE (
    hidden_seq bigint, hidden_number bigint, last_number bigint, pruned_seq bigint, deleted bigint
) LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT me.hidden_seq, me.hidden_number, c.last_number, c.pruned_seq,
        (SELECT count(*) FROM message_deletions d
         WHERE d.conversation_id = conversation AND d.user_id = reader AND d.seq > me.hidden_seq)
    FROM participants me
    CROSS JOIN LATERAL (SELECT * FROM conversations x WHERE x.id = conversation AND x.is_active LIMIT 1) c
    WHERE me.conversation_id = conversation AND me.user_id = reader AND me.left_seq IS NULL;
END
$$;
