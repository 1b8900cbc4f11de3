-- Changing messages that stand: edit, erase, react, pin.
--
-- Each locks the conversation, judges with a snapshot younger than the lock, and answers one row: a verdict ('done', a word of
-- its own, or the error), the conversation, and the seq of the event, NULL where nothing changed.

-- What is known of a message whose conversation is locked, and of how the caller stands in it.
CREATE TYPE locked_message AS (
    conversation_id uuid, sender_id text, created_at timestamptz, nonce bytea,
    conversation_type text, role text, blocked boolean
);

-- Locks the conversation of a message, then looks. NULL for a message that the caller may not see (they are no member,
-- have hidden it or deleted it for themselves) or that is erased.
CREATE FUNCTION lock_message(caller text, message uuid) RETURNS locked_message LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    home uuid;
    target locked_message;
    low text;
    high text;
    hidden bigint;
BEGIN
    -- A message never moves. Those who are no members do not even wait for the lock.
    SELECT m.conversation_id INTO home FROM messages m WHERE m.id = message;
    PERFORM FROM participants p WHERE p.conversation_id = home AND p.user_id = caller AND p.left_seq IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT c.id, c.type, c.user_low, c.user_high INTO target.conversation_id, target.conversation_type, low, high
    FROM conversations c WHERE c.id = home AND c.is_active FOR UPDATE;
    SELECT p.role, p.hidden_seq INTO target.role, hidden
    FROM participants p WHERE p.conversation_id = home AND p.user_id = caller AND p.left_seq IS NULL;
    SELECT m.sender_id, m.created_at, m.nonce INTO target.sender_id, target.created_at, target.nonce
    FROM messages m WHERE m.id = message AND m.deleted_at IS NULL AND m.seq > hidden
        AND (SELECT d.seq FROM message_deletions d
             WHERE d.conversation_id = home AND d.user_id = caller AND d.seq = m.seq LIMIT 1) IS NULL;
    IF target.conversation_id IS NULL OR target.role IS NULL OR target.sender_id IS NULL THEN
        RETURN NULL;
    END IF;
    target.blocked := target.conversation_type = 'direct' AND (
        EXISTS (SELECT FROM conversation_blocks b WHERE b.conversation_id = home) OR directory_blocked(low, high));
    RETURN target;
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
    target CONSTANT locked_message := lock_message(caller, message);
    moment CONSTANT timestamptz := this_moment();
BEGIN
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

-- Erases a message for everyone: what it said and what would still tell of it, reactions and pin with it. The row stays as
-- the tombstone. Errors: 'not_found', 'denied'. A block does not keep anybody from taking their words back.
CREATE FUNCTION erase_message(caller text, message uuid)
RETURNS TABLE (verdict text, conversation_id uuid, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    target CONSTANT locked_message := lock_message(caller, message);
BEGIN
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
            deleted_at = this_moment()
        WHERE m.id = message;
        DELETE FROM reactions r WHERE r.conversation_id = target.conversation_id AND r.message_id = message;
        -- Events of reactions say what they were. Those who replay them see that somebody has none any more; each keeps its seq.
        UPDATE events e SET kind = 'chat:reaction_removed', payload = '{}'
        WHERE e.message_id = message AND e.kind = 'chat:reaction_added';
        DELETE FROM pins p WHERE p.conversation_id = target.conversation_id AND p.message_id = message;
        -- The fingerprints of its edits' payloads, too: an erased message leaves no digest of its text.
        DELETE FROM requests q WHERE q.answer ->> 'messageId' = message::text AND q.user_id = target.sender_id
            AND q.command = 'chat:message_edit';
        seq := append_to_conversation(conversation_id, 'chat:message_deleted', caller, message, '{}');
    END IF;
    RETURN NEXT;
END
$$;

-- Deletes a message for the caller alone: an event of their own stream, whose row is the lock. The conversation does not
-- change, so nobody who sends to it has to wait for this. A second time finds it deleted and changes nothing.
-- Error: 'not_found'.
CREATE FUNCTION delete_message_for_self(caller text, message uuid)
RETURNS TABLE (verdict text, conversation_id uuid, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    place bigint;
    hidden bigint;
    is_active boolean;
BEGIN
    SELECT m.conversation_id, m.seq INTO conversation_id, place
    FROM messages m WHERE m.id = message AND m.deleted_at IS NULL;
    SELECT p.hidden_seq INTO hidden FROM participants p
    WHERE p.conversation_id = delete_message_for_self.conversation_id AND p.user_id = caller AND p.left_seq IS NULL;
    SELECT c.is_active INTO is_active FROM conversations c WHERE c.id = delete_message_for_self.conversation_id;
    verdict := CASE
        WHEN hidden IS NULL OR is_active IS NOT TRUE THEN 'not_found'
        WHEN place > hidden OR EXISTS (
            SELECT FROM message_deletions d WHERE d.conversation_id = delete_message_for_self.conversation_id
            AND d.user_id = caller AND d.seq = place) THEN 'done'
        ELSE 'not_found' END;
    IF verdict = 'done' THEN
        -- Of two at once the second waits here for the first's commit, and inserts nothing.
        INSERT INTO message_deletions (conversation_id, user_id, seq)
        VALUES (delete_message_for_self.conversation_id, caller, place) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            seq := append_personal(caller, 'chat:message_deleted', jsonb_build_object(
                'conversationId', delete_message_for_self.conversation_id, 'messageId', message));
        END IF;
    END IF;
    RETURN NEXT;
END
$$;

-- Sets the caller's reaction to a message; the same one again takes it away ('removed'), another takes its place. A message
-- has the reactions of `most` people; 0 is no limit. Errors: 'not_found', 'blocked', 'full'.
CREATE FUNCTION add_reaction(caller text, message uuid, wanted text, most integer)
RETURNS TABLE (verdict text, conversation_id uuid, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    target CONSTANT locked_message := lock_message(caller, message);
    standing text;
BEGIN
    conversation_id := target.conversation_id;
    SELECT r.reaction INTO standing FROM reactions r
    WHERE r.conversation_id = target.conversation_id AND r.message_id = message AND r.user_id = caller;
    verdict := CASE
        WHEN target.conversation_id IS NULL THEN 'not_found'
        WHEN target.blocked THEN 'blocked'
        WHEN standing = wanted THEN 'removed'
        WHEN standing IS NULL AND most > 0 AND most <= (SELECT count(*) FROM (
            SELECT FROM reactions r WHERE r.conversation_id = target.conversation_id AND r.message_id = message
            LIMIT most) those) THEN 'full'
        ELSE 'done'
    END;
    IF verdict = 'removed' THEN
        DELETE FROM reactions r
        WHERE r.conversation_id = target.conversation_id AND r.message_id = message AND r.user_id = caller;
        seq := append_to_conversation(conversation_id, 'chat:reaction_removed', caller, message, '{}');
    ELSIF verdict = 'done' THEN
        -- The time orders a message's reactions, in the order of their events: finer than milliseconds.
        INSERT INTO reactions (conversation_id, message_id, user_id, reaction, created_at)
        VALUES (target.conversation_id, message, caller, wanted, clock_timestamp())
        ON CONFLICT (conversation_id, message_id, user_id)
            DO UPDATE SET reaction = excluded.reaction, created_at = excluded.created_at;
        seq := append_to_conversation(conversation_id, 'chat:reaction_added', caller, message,
                                      jsonb_build_object('reaction', wanted));
    END IF;
    RETURN NEXT;
END
$$;

-- Takes the caller's reaction to a message away: whichever it is, or only where it is `unwanted`. Where there is none that is
-- done already. Errors: 'not_found', 'blocked'.
CREATE FUNCTION remove_reaction(caller text, message uuid, unwanted text)
RETURNS TABLE (verdict text, conversation_id uuid, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    target CONSTANT locked_message := lock_message(caller, message);
BEGIN
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

-- Pins or unpins a message. What stands already changes nothing. A conversation has `most` pins; 0 is no limit.
-- Errors: 'not_found', 'denied' (a member of a group), 'blocked' (a pin is a sign to the other person), 'full'.
CREATE FUNCTION set_pin(caller text, message uuid, pinned boolean, most integer)
RETURNS TABLE (verdict text, conversation_id uuid, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    target CONSTANT locked_message := lock_message(caller, message);
BEGIN
    conversation_id := target.conversation_id;
    verdict := CASE
        WHEN target.conversation_id IS NULL THEN 'not_found'
        WHEN target.conversation_type = 'group' AND role_rank(target.role) < role_rank('moderator') THEN 'denied'
        WHEN target.blocked THEN 'blocked'
        WHEN pinned AND most > 0
            AND NOT EXISTS (SELECT FROM pins p WHERE p.conversation_id = target.conversation_id AND p.message_id = message)
            AND most <= (SELECT count(*) FROM (
                SELECT FROM pins p WHERE p.conversation_id = target.conversation_id LIMIT most) those) THEN 'full'
        ELSE 'done'
    END;
    IF verdict = 'done' THEN
        IF pinned THEN
            -- The time orders a conversation's pins, in the order of their events: finer than milliseconds.
            INSERT INTO pins (conversation_id, message_id, pinned_by, pinned_at)
            VALUES (target.conversation_id, message, caller, clock_timestamp()) ON CONFLICT DO NOTHING;
        ELSE
            DELETE FROM pins p WHERE p.conversation_id = target.conversation_id AND p.message_id = message;
        END IF;
        IF FOUND THEN
            seq := append_to_conversation(
                conversation_id, CASE WHEN pinned THEN 'chat:message_pinned' ELSE 'chat:message_unpinned' END,
                caller, message, '{}');
        END IF;
    END IF;
    RETURN NEXT;
END
$$;
