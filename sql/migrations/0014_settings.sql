-- What a person sets for themselves of a conversation: whether it notifies, and where it is listed.

-- By person and conversation, not by membership: those who are added to a group again find what they had set. A level that
-- was never set is NULL, which depends on how many members there are. What is archived comes back by the next message
-- after archived_seq, unless it is muted then.
CREATE TABLE conversation_settings (
    conversation_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    level text,
    muted_until timestamptz,
    archived boolean NOT NULL DEFAULT false,
    archived_seq bigint NOT NULL DEFAULT 0,
    favourite boolean NOT NULL DEFAULT false,
    PRIMARY KEY (conversation_id, user_id)
);
CREATE INDEX conversation_settings_archived ON conversation_settings
    (uuid_send(conversation_id), (coalesce(muted_until, '-infinity')), user_id) WHERE archived;
CREATE TRIGGER conversation_settings_level BEFORE INSERT OR UPDATE OF level ON conversation_settings
    FOR EACH ROW WHEN (NEW.level NOT IN ('all', 'mentions', 'none')) EXECUTE FUNCTION refuse_row();

-- From when on a message brings the conversation back to somebody who has archived it: NULL where there is nobody. It is what
-- a send costs for all this: one comparison.
ALTER TABLE conversations ADD COLUMN revives_at timestamptz;

-- The conversations that a message has brought back, and have not been told of: written with the message, so none is lost.
CREATE TABLE revivals (
    conversation_id uuid PRIMARY KEY,
    seq bigint NOT NULL,
    said_at timestamptz NOT NULL
);

CREATE FUNCTION note_revival() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO revivals AS r (conversation_id, seq, said_at)
    VALUES (NEW.id, NEW.last_message_seq, NEW.last_message_at)
    ON CONFLICT (conversation_id) DO UPDATE SET seq = excluded.seq, said_at = excluded.said_at;
    RETURN NULL;
END
$$;
CREATE TRIGGER conversations_revived AFTER UPDATE OF last_message_seq ON conversations
    FOR EACH ROW WHEN (NEW.revives_at <= NEW.last_message_at AND NEW.last_message_seq > OLD.last_message_seq)
    EXECUTE FUNCTION note_revival();

-- Settings as the wire has them; the level of a conversation with so many members, where none is set.
CREATE FUNCTION shown_settings(s conversation_settings, members integer) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object(
        'level', coalesce(s.level, CASE WHEN members > 100 THEN 'mentions' ELSE 'all' END),
        'muted_until', wire_time(s.muted_until),
        'archived', coalesce(s.archived, false),
        'favourite', coalesce(s.favourite, false));
END
$$;

-- From when on a message brings a conversation back. The caller holds its lock.
CREATE FUNCTION set_revival(conversation uuid) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    moment CONSTANT timestamptz := (
        SELECT coalesce(s.muted_until, '-infinity') FROM conversation_settings s
        WHERE uuid_send(s.conversation_id) = uuid_send(conversation) AND s.archived
        ORDER BY coalesce(s.muted_until, '-infinity'), s.user_id || '' LIMIT 1);
BEGIN
    UPDATE conversations c SET revives_at = moment WHERE c.id = conversation AND c.revives_at IS DISTINCT FROM moment;
END
$$;

-- Changes what is given (not NULL; the end of the mute where mutes says so) of the caller's settings. No seq where nothing
-- changes. Error: 'not_found'.
CREATE FUNCTION set_conversation_settings(
    caller text, conversation uuid, new_level text, mutes boolean, new_muted_until timestamptz, new_archived boolean,
    new_favourite boolean
) RETURNS TABLE (verdict text, seq bigint, settings jsonb) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    mine conversation_settings;
    before jsonb;
    members integer;
    reached bigint;
BEGIN
    verdict := 'not_found';
    -- Those who are no members do not even wait for the lock.
    PERFORM FROM participants me
    WHERE me.conversation_id = conversation AND me.user_id = caller AND me.left_seq IS NULL;
    IF FOUND THEN
        PERFORM FROM conversations c WHERE c.id = conversation FOR UPDATE;
        SELECT c.member_count, c.last_message_seq INTO members, reached FROM participants me
        CROSS JOIN LATERAL (SELECT * FROM conversations x WHERE x.id = conversation AND x.is_active LIMIT 1) c
        WHERE me.conversation_id = conversation AND me.user_id = caller AND me.left_seq IS NULL;
    END IF;
    IF members IS NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    verdict := 'done';
    SELECT s.* INTO mine FROM conversation_settings s
    WHERE s.conversation_id = conversation AND s.user_id = caller FOR UPDATE;
    before := shown_settings(mine, members);
    mine.conversation_id := conversation;
    mine.user_id := caller;
    mine.archived := coalesce(mine.archived, false) AND NOT EXISTS (
        -- A message has brought it back already, and they were not told yet.
        SELECT FROM revivals r WHERE r.conversation_id = conversation AND r.seq > mine.archived_seq
            AND coalesce(mine.muted_until, '-infinity') <= r.said_at);
    mine.level := coalesce(new_level, mine.level);
    mine.favourite := coalesce(new_favourite, mine.favourite, false);
    mine.muted_until := CASE WHEN mutes THEN new_muted_until ELSE mine.muted_until END;
    mine.archived_seq := CASE WHEN new_archived AND NOT mine.archived THEN reached ELSE coalesce(mine.archived_seq, 0) END;
    mine.archived := coalesce(new_archived, mine.archived);
    settings := shown_settings(mine, members);
    INSERT INTO conversation_settings AS s SELECT mine.* ON CONFLICT (conversation_id, user_id) DO UPDATE SET
        level = excluded.level, muted_until = excluded.muted_until, archived = excluded.archived,
        archived_seq = excluded.archived_seq, favourite = excluded.favourite;
    IF settings <> before THEN
        seq := append_personal(caller, 'chat:conversation_settings_updated',
                               jsonb_build_object('conversationId', conversation, 'settings', settings));
    END IF;
    PERFORM set_revival(conversation);
    RETURN NEXT;
END
$$;

-- Brings a conversation back to at most `at_most` of those for whom a message has done so, and answers their new personal
-- seqs. Whom another process sees to at the moment is passed over. (Streams of people are locked in the order of their ids.)
CREATE FUNCTION revive(conversation uuid, at_most integer) RETURNS TABLE (user_id text, seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    message revivals;
    members integer;
    archiver record;
    many integer := 0;
BEGIN
    SELECT c.member_count INTO members FROM conversations c WHERE c.id = conversation FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT r.* INTO message FROM revivals r WHERE r.conversation_id = conversation;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOR archiver IN
        SELECT s.* FROM (
            SELECT x.user_id AS person FROM conversation_settings x
            WHERE uuid_send(x.conversation_id) = uuid_send(conversation) AND x.archived
                AND coalesce(x.muted_until, '-infinity') <= message.said_at AND x.archived_seq < message.seq
            LIMIT at_most) found
        CROSS JOIN LATERAL (
            SELECT y.* FROM conversation_settings y
            WHERE y.conversation_id = conversation AND y.user_id = found.person LIMIT 1) s
        ORDER BY s.user_id
    LOOP
        many := many + 1;
        archiver.archived := false;
        UPDATE conversation_settings s SET archived = false
        WHERE s.conversation_id = conversation AND s.user_id = archiver.user_id;
        PERFORM FROM participants p
        WHERE p.conversation_id = conversation AND p.user_id = archiver.user_id AND p.left_seq IS NULL;
        IF FOUND THEN
            user_id := archiver.user_id;
            seq := append_personal(user_id, 'chat:conversation_settings_updated', jsonb_build_object(
                'conversationId', conversation, 'settings', (
                    SELECT shown_settings(s, members) FROM conversation_settings s
                    WHERE s.conversation_id = conversation AND s.user_id = archiver.user_id)));
            RETURN NEXT;
        END IF;
    END LOOP;
    IF many < at_most THEN
        DELETE FROM revivals r WHERE r.conversation_id = conversation;
        PERFORM set_revival(conversation);
    END IF;
END
$$;
