-- Search: what was said, sealed in pieces that are looked through as wholes.

-- A segment covers messages of one conversation by their numbers, from 256 * segment + 1 to last_number. All in it is copied
-- from them (chatserver/search/segments.py): one that is missing costs time and nothing else. is_full: nothing will be added,
-- because its 256 messages are there, or because their texts are long. first_at and last_at: between which times they lie.
-- key_id and form say how it was sealed and folded: one of another key or form is written anew.
CREATE TABLE search_segments (
    conversation_id uuid NOT NULL,
    segment bigint NOT NULL,
    last_number bigint NOT NULL,
    is_full boolean NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    key_id text NOT NULL,
    form text NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (conversation_id, segment)
);
-- It is compressed before it is sealed.
ALTER TABLE search_segments ALTER COLUMN sealed SET STORAGE EXTERNAL;

-- Whoever writes or drops a segment holds this, until the end of the transaction. Nobody who sends a message waits for it.
CREATE FUNCTION lock_segment(conversation uuid, segment bigint) RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('segment' || E'\x01' || conversation || E'\x01' || segment, 0))
$$;

-- An edit or erasure drops its segment in the same transaction: no copy outlives a text.
CREATE FUNCTION drop_segment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    dropped CONSTANT bigint := (NEW.number - 1) / 256;
BEGIN
    PERFORM lock_segment(NEW.conversation_id, dropped);
    DELETE FROM search_segments s WHERE s.conversation_id = NEW.conversation_id AND s.segment = dropped;
    RETURN NULL;
END
$$;
CREATE TRIGGER messages_segment AFTER UPDATE OF nonce, ciphertext, created_at ON messages FOR EACH ROW
    WHEN (OLD.nonce IS DISTINCT FROM NEW.nonce OR OLD.ciphertext IS DISTINCT FROM NEW.ciphertext
        OR OLD.created_at <> NEW.created_at)
    EXECUTE FUNCTION drop_segment();

-- Nobody can read what was said in a group that was deleted.
CREATE FUNCTION drop_segments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_segments s WHERE s.conversation_id = NEW.id;
    RETURN NEW;
END
$$;
CREATE TRIGGER conversations_segments BEFORE UPDATE OF is_active ON conversations FOR EACH ROW
    WHEN (OLD.is_active AND NOT NEW.is_active) EXECUTE FUNCTION drop_segments();

-- Tells one state of some messages from any other: their nonces, of which each edit draws another and an erasure leaves none.
CREATE FUNCTION nonces_of(conversation uuid, first bigint, last bigint, OUT messages bigint, OUT digest bytea)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT count(*), sha256(coalesce(string_agg(coalesce(m.nonce, ''), '' ORDER BY m.number), '')) INTO messages, digest
    FROM messages m WHERE uuid_send(m.conversation_id) = uuid_send(conversation) AND m.number BETWEEN first AND last;
END
$$;

-- Keeps a segment, if its messages still are what it was made of: the lock comes first, so an edit either has been seen here
-- or will see the segment and drop it. Another one that goes further stays.
CREATE FUNCTION keep_segment(
    conversation uuid, new_segment bigint, new_last bigint, is_full boolean, first_at timestamptz, last_at timestamptz,
    key_id text, form text, sealed bytea, made_of bytea
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_variable
DECLARE
    found record;
    is_standing boolean;
BEGIN
    PERFORM lock_segment(conversation, new_segment);
    SELECT * INTO found FROM nonces_of(conversation, new_segment * 256 + 1, new_last);
    SELECT c.is_active INTO is_standing FROM conversations c WHERE c.id = conversation;
    IF found.digest <> made_of OR found.messages <> new_last - new_segment * 256 OR is_standing IS NOT TRUE THEN
        RETURN false;
    END IF;
    INSERT INTO search_segments AS s (conversation_id, segment, last_number, is_full, first_at, last_at, key_id, form, sealed)
    VALUES (conversation, new_segment, new_last, is_full, first_at, last_at, key_id, form, sealed)
    ON CONFLICT (conversation_id, segment) DO UPDATE SET last_number = excluded.last_number, is_full = excluded.is_full,
        first_at = excluded.first_at, last_at = excluded.last_at, key_id = excluded.key_id, form = excluded.form,
        sealed = excluded.sealed
    WHERE s.last_number <= excluded.last_number OR s.key_id <> excluded.key_id OR s.form <> excluded.form;
    RETURN true;
END
$$;

-- When the last message of a conversation was posted that had been by a moment; 1970 where there was none. There are few
-- after it, most often: it goes back from the newest in doubled steps, then halves what lies between.
CREATE FUNCTION said_by(conversation uuid, last_number bigint, moment timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 0;
    high bigint := last_number + 1;
    probe bigint := last_number;
    step bigint := 1;
    said_at timestamptz;
    at timestamptz := to_timestamp(0);
BEGIN
    WHILE high - low > 1 LOOP
        SELECT m.created_at INTO said_at FROM messages m
        WHERE uuid_send(m.conversation_id) = uuid_send(conversation) AND m.number = probe;
        IF said_at <= moment THEN
            low := probe;
            at := said_at;
        ELSE
            high := probe;
        END IF;
        IF low = 0 THEN
            probe := greatest(high - step, 1);
            step := step * 2;
        ELSE
            probe := (low + high) / 2;
        END IF;
    END LOOP;
    RETURN at;
END
$$;
