-- Changes to messages and conversations that stand already: edit, erase, react, block. As in 0003: first
-- lock the stream, then judge with a snapshot younger than the lock, and write. Each function answers one
-- row: a verdict ('done', a word of its own, or the error), the conversation, and the seq of the event,
-- NULL where nothing changed.

-- Appends an event to a conversation, whose lock the caller holds.
CREATE FUNCTION append_to_conversation(
    conversation uuid, event_kind text, actor text, message uuid, event_payload jsonb
) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    WITH bumped AS (
        UPDATE conversations c SET last_seq = c.last_seq + 1, last_xact = pg_current_xact_id()
        WHERE c.id = conversation RETURNING c.last_seq
    )
    INSERT INTO events (stream_id, seq, xact, kind, actor_id, message_id, payload, created_at)
    SELECT conversation, last_seq, pg_current_xact_id(), event_kind, actor, message, event_payload,
           date_trunc('milliseconds', clock_timestamp())
    FROM bumped
    RETURNING seq
$$;

-- Locks the conversation of a message, then looks. No row for a message that the caller may not see (they
-- are no member, have hidden it or deleted it for themselves) or that is erased.
CREATE FUNCTION lock_message(caller text, message uuid) RETURNS TABLE (
    conversation_id uuid, sender_id text, created_at timestamptz, nonce bytea,
    conversation_type text, role text, blocked boolean
) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    home uuid;
BEGIN
    -- A message never moves. Who is no member does not even get to wait for the lock.
    SELECT m.conversation_id INTO home FROM messages m
    JOIN participants me ON me.conversation_id = m.conversation_id AND me.user_id = caller
        AND me.left_seq IS NULL
    WHERE m.id = message;
    PERFORM FROM conversations c WHERE c.id = home FOR UPDATE;
    RETURN QUERY
    SELECT c.id, m.sender_id, m.created_at, m.nonce, c.type, me.role,
        c.type = 'direct' AND (
            EXISTS (SELECT FROM conversation_blocks b WHERE b.conversation_id = c.id)
            OR directory_blocked(c.user_low, c.user_high))
    FROM messages m
    JOIN conversations c ON c.id = m.conversation_id AND c.is_active
    JOIN participants me ON me.conversation_id = c.id AND me.user_id = caller AND me.left_seq IS NULL
    WHERE m.id = message AND c.id = home AND m.deleted_at IS NULL AND m.seq > me.hidden_seq
        AND NOT EXISTS (SELECT FROM message_deletions d
                        WHERE d.conversation_id = c.id AND d.user_id = caller AND d.seq = m.seq);
END
$$;

-- Puts another body in the place of one. `based_on` is the nonce of the body that the new one was made of
-- (its metadata stay): 'stale' where that is not the body any more; then read and seal again.
-- Errors: 'not_found', 'denied', 'blocked', 'expired'.
CREATE FUNCTION edit_message(
    caller text, message uuid, based_on bytea,
    new_version smallint, new_key_id text, new_nonce bytea, new_ciphertext bytea
) RETURNS TABLE (verdict text, conversation_id uuid, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    target record;
    moment timestamptz;
BEGIN
    SELECT * INTO target FROM lock_message(caller, message);
    moment := date_trunc('milliseconds', clock_timestamp());
    verdict := CASE
        WHEN target.conversation_id IS NULL THEN 'not_found'
        WHEN target.sender_id <> caller THEN 'denied'
        WHEN target.blocked THEN 'blocked'
        WHEN moment > target.created_at + interval '5 minutes' THEN 'expired'
        WHEN target.nonce IS DISTINCT FROM based_on THEN 'stale'
        ELSE 'done'
    END;
    conversation_id := target.conversation_id;
    IF verdict = 'done' THEN
        -- The fingerprint stays: a late retry of the original send is still its duplicate.
        UPDATE messages m SET version = new_version, key_id = new_key_id, nonce = new_nonce,
            ciphertext = new_ciphertext, edited_at = moment
        WHERE m.id = message;
        seq := append_to_conversation(conversation_id, 'chat:message_edited', caller, message, '{}');
    END IF;
    RETURN NEXT;
END
$$;

-- Erases a message for everyone: what it said and what would still tell of it, reactions and pin with it.
-- The row stays as the tombstone. Errors: 'not_found', 'denied'. A block does not keep anybody from
-- taking their words back.
CREATE FUNCTION erase_message(caller text, message uuid)
RETURNS TABLE (verdict text, conversation_id uuid, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    target record;
BEGIN
    SELECT * INTO target FROM lock_message(caller, message);
    verdict := CASE
        WHEN target.conversation_id IS NULL THEN 'not_found'
        WHEN target.sender_id <> caller AND NOT (
            target.conversation_type = 'group' AND target.role IN ('owner', 'admin', 'moderator'))
            THEN 'denied'
        ELSE 'done'
    END;
    conversation_id := target.conversation_id;
    IF verdict = 'done' THEN
        UPDATE messages m SET ciphertext = NULL, nonce = NULL, fingerprint = NULL, deleted_by = caller,
            deleted_at = date_trunc('milliseconds', clock_timestamp())
        WHERE m.id = message;
        DELETE FROM reactions r WHERE r.conversation_id = target.conversation_id AND r.message_id = message;
        DELETE FROM pins p WHERE p.conversation_id = target.conversation_id AND p.message_id = message;
        -- The fingerprints of its edits' payloads, too: an erased message leaves no digest of its text.
        DELETE FROM requests q WHERE q.user_id = target.sender_id AND q.command = 'chat:message_edit'
            AND q.answer ->> 'messageId' = message::text;
        seq := append_to_conversation(conversation_id, 'chat:message_deleted', caller, message, '{}');
    END IF;
    RETURN NEXT;
END
$$;

-- Deletes a message for the caller alone: an event of their own stream, whose row is the lock. The
-- conversation does not change, so nobody who sends to it has to wait for this. A second time finds it
-- deleted and changes nothing. Error: 'not_found'.
CREATE FUNCTION delete_message_for_self(caller text, message uuid)
RETURNS TABLE (verdict text, conversation_id uuid, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    target record;
BEGIN
    SELECT m.conversation_id, m.seq AS message_seq, m.seq > me.hidden_seq AS seen, EXISTS (
        SELECT FROM message_deletions d
        WHERE d.conversation_id = m.conversation_id AND d.user_id = caller AND d.seq = m.seq) AS deleted
    INTO target
    FROM messages m
    JOIN conversations c ON c.id = m.conversation_id AND c.is_active
    JOIN participants me ON me.conversation_id = c.id AND me.user_id = caller AND me.left_seq IS NULL
    WHERE m.id = message AND m.deleted_at IS NULL;
    conversation_id := target.conversation_id;
    verdict := CASE WHEN target.seen OR target.deleted THEN 'done' ELSE 'not_found' END;
    IF verdict = 'done' THEN
        -- Of two at once the second waits here for the first's commit, and inserts nothing.
        INSERT INTO message_deletions (conversation_id, user_id, seq)
        VALUES (target.conversation_id, caller, target.message_seq) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            SELECT p.seq INTO seq FROM append_personal(
                caller, 'chat:message_deleted',
                jsonb_build_object('conversationId', conversation_id, 'messageId', message)) p;
        END IF;
    END IF;
    RETURN NEXT;
END
$$;

-- Sets the caller's reaction to a message; the same one again takes it away ('removed'), another takes its
-- place. Errors: 'not_found', 'blocked'.
CREATE FUNCTION add_reaction(caller text, message uuid, wanted text)
RETURNS TABLE (verdict text, conversation_id uuid, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    target record;
BEGIN
    SELECT * INTO target FROM lock_message(caller, message);
    conversation_id := target.conversation_id;
    IF conversation_id IS NULL OR target.blocked THEN
        verdict := CASE WHEN target.blocked THEN 'blocked' ELSE 'not_found' END;
        RETURN NEXT;
        RETURN;
    END IF;
    DELETE FROM reactions r WHERE r.conversation_id = target.conversation_id AND r.message_id = message
        AND r.user_id = caller AND r.reaction = wanted;
    IF FOUND THEN
        verdict := 'removed';
        seq := append_to_conversation(conversation_id, 'chat:reaction_removed', caller, message, '{}');
    ELSE
        -- The time orders a message's reactions, in the order of their events: finer than milliseconds.
        INSERT INTO reactions (conversation_id, message_id, user_id, reaction, created_at)
        VALUES (target.conversation_id, message, caller, wanted, clock_timestamp())
        ON CONFLICT (conversation_id, message_id, user_id)
            DO UPDATE SET reaction = excluded.reaction, created_at = excluded.created_at;
        verdict := 'done';
        seq := append_to_conversation(conversation_id, 'chat:reaction_added', caller, message,
                                      jsonb_build_object('reaction', wanted));
    END IF;
    RETURN NEXT;
END
$$;

-- Takes the caller's reaction to a message away: whichever it is, or only where it is `unwanted`. Where there
-- is none that is done already. Errors: 'not_found', 'blocked'.
CREATE FUNCTION remove_reaction(caller text, message uuid, unwanted text)
RETURNS TABLE (verdict text, conversation_id uuid, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    target record;
BEGIN
    SELECT * INTO target FROM lock_message(caller, message);
    conversation_id := target.conversation_id;
    verdict := CASE
        WHEN target.conversation_id IS NULL THEN 'not_found'
        WHEN target.blocked THEN 'blocked'
        ELSE 'done'
    END;
    IF verdict = 'done' THEN
        DELETE FROM reactions r WHERE r.conversation_id = target.conversation_id
            AND r.message_id = message AND r.user_id = caller AND r.reaction = coalesce(unwanted, r.reaction);
        IF FOUND THEN
            seq := append_to_conversation(conversation_id, 'chat:reaction_removed', caller, message, '{}');
        END IF;
    END IF;
    RETURN NEXT;
END
$$;

-- Sets or lifts the caller's own block of a direct conversation, under its lock: a send that waits for it
-- sees the block. blocked_by is the caller where their block stands, else the other person where theirs
-- does. Errors: 'not_found', 'group'.
CREATE FUNCTION set_conversation_block(caller text, conversation uuid, block boolean)
RETURNS TABLE (verdict text, seq bigint, blocked_by text) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    kind text;
BEGIN
    PERFORM FROM conversations c
    JOIN participants me ON me.conversation_id = c.id AND me.user_id = caller AND me.left_seq IS NULL
    WHERE c.id = conversation FOR UPDATE OF c;
    SELECT c.type INTO kind FROM conversations c
    JOIN participants me ON me.conversation_id = c.id AND me.user_id = caller AND me.left_seq IS NULL
    WHERE c.id = conversation AND c.is_active;
    verdict := CASE kind WHEN 'direct' THEN 'done' WHEN 'group' THEN 'group' ELSE 'not_found' END;
    IF verdict <> 'done' THEN
        RETURN NEXT;
        RETURN;
    END IF;
    IF block THEN
        INSERT INTO conversation_blocks (conversation_id, blocked_by_user_id, created_at)
        VALUES (conversation, caller, date_trunc('milliseconds', clock_timestamp())) ON CONFLICT DO NOTHING;
    ELSE
        DELETE FROM conversation_blocks b
        WHERE b.conversation_id = conversation AND b.blocked_by_user_id = caller;
    END IF;
    IF FOUND THEN
        verdict := 'changed';
    END IF;
    SELECT b.blocked_by_user_id INTO blocked_by FROM conversation_blocks b
    WHERE b.conversation_id = conversation ORDER BY b.blocked_by_user_id = caller DESC LIMIT 1;
    IF verdict = 'changed' THEN
        seq := append_to_conversation(
            conversation, 'chat:conversation_blocked', caller, NULL,
            jsonb_build_object('blocked', blocked_by IS NOT NULL, 'blockedBy', blocked_by));
        verdict := 'done';
    END IF;
    RETURN NEXT;
END
$$;
