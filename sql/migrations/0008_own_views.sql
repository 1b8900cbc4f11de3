-- Pins, and what a person changes for themselves alone: hiding a conversation, marking it unread, receipts.

-- -- pins ------------------------------------------------------------------------------------------

-- The newest first.
CREATE INDEX pins_newest ON pins (conversation_id, pinned_at DESC, message_id);

-- Pins or unpins a message, under its conversation's lock. What stands already changes nothing.
-- Errors: 'not_found', 'denied' (a member of a group), 'blocked': a pin is a sign to the other person.
CREATE FUNCTION set_pin(caller text, message uuid, pinned boolean)
RETURNS TABLE (verdict text, conversation_id uuid, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    target record;
BEGIN
    SELECT * INTO target FROM lock_message(caller, message);
    conversation_id := target.conversation_id;
    verdict := CASE
        WHEN target.conversation_id IS NULL THEN 'not_found'
        WHEN target.conversation_type = 'group' AND role_rank(target.role) < role_rank('moderator') THEN 'denied'
        WHEN target.blocked THEN 'blocked'
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

-- -- hiding and marking unread ---------------------------------------------------------------------

-- Both change the caller's membership alone, whose row is their lock: nobody who sends waits for them. What
-- is committed meanwhile has a later seq, and so is not hidden.

-- Hides a conversation and its history so far from the caller; a new message brings it back without these.
-- Error: 'not_found'.
CREATE FUNCTION hide_conversation(caller text, conversation uuid)
RETURNS TABLE (verdict text, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    me record;
    reached record;
BEGIN
    SELECT p.hidden_seq, p.marked_unread_seq INTO me
    FROM participants p JOIN conversations c ON c.id = p.conversation_id AND c.is_active
    WHERE p.conversation_id = conversation AND p.user_id = caller AND p.left_seq IS NULL FOR UPDATE OF p;
    verdict := CASE WHEN FOUND THEN 'done' ELSE 'not_found' END;
    SELECT c.last_seq, c.last_number INTO reached FROM conversations c WHERE c.id = conversation;
    IF verdict = 'done' AND (me.hidden_seq < reached.last_seq OR me.marked_unread_seq > 0) THEN
        UPDATE participants p SET hidden_seq = reached.last_seq, hidden_number = reached.last_number,
            marked_unread_seq = 0
        WHERE p.conversation_id = conversation AND p.user_id = caller AND p.left_seq IS NULL;
        SELECT e.seq INTO seq FROM append_personal(
            caller, 'chat:conversation_deleted',
            jsonb_build_object('conversationId', conversation, 'upToSeq', reached.last_seq)) e;
    END IF;
    RETURN NEXT;
END
$$;

-- Marks a conversation as unread for the caller, until they read in it or hide it. The messages stay read:
-- what their senders were told goes one way. Error: 'not_found'.
CREATE FUNCTION mark_unread(caller text, conversation uuid)
RETURNS TABLE (verdict text, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    marked bigint;
    reached bigint;
BEGIN
    SELECT p.marked_unread_seq INTO marked
    FROM participants p JOIN conversations c ON c.id = p.conversation_id AND c.is_active
    WHERE p.conversation_id = conversation AND p.user_id = caller AND p.left_seq IS NULL FOR UPDATE OF p;
    verdict := CASE WHEN FOUND THEN 'done' ELSE 'not_found' END;
    SELECT c.last_seq INTO reached FROM conversations c WHERE c.id = conversation;
    IF verdict = 'done' AND marked < reached THEN
        UPDATE participants p SET marked_unread_seq = reached
        WHERE p.conversation_id = conversation AND p.user_id = caller AND p.left_seq IS NULL;
        SELECT e.seq INTO seq FROM append_personal(
            caller, 'chat:conversation_marked_unread',
            jsonb_build_object('conversationId', conversation, 'upToSeq', reached)) e;
    END IF;
    RETURN NEXT;
END
$$;

-- How many messages of others a member is shown as unread: those after joining and hiding that they have not
-- read, and at least one where they marked the conversation so. The gaps between the ranges read are looked
-- into, each by the index (OFFSET 0: all at once, the whole conversation would be read), and the count stops
-- at 1,000. The function of the same name in 0003 stays for processes of the release before.
CREATE FUNCTION unread_count(member participants) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT greatest(count(*), (member.marked_unread_seq > 0)::int) FROM (
        SELECT FROM unnest(int8multirange(int8range(greatest(member.joined_seq, member.hidden_seq) + 1, NULL))
                           - member.read_seqs) AS gap
        CROSS JOIN LATERAL (
            SELECT FROM messages m WHERE m.conversation_id = member.conversation_id AND m.seq >= lower(gap)
                AND m.seq < coalesce(upper(gap), 9223372036854775807)
                AND m.sender_id <> member.user_id AND m.deleted_at IS NULL
                AND NOT EXISTS (SELECT FROM message_deletions d WHERE d.conversation_id = m.conversation_id
                                AND d.user_id = member.user_id AND d.seq = m.seq)
            OFFSET 0) unread
        LIMIT 1000) counted
$$;

-- Who comes back to a group sees its history, but for what they hid when they were in it before.
CREATE FUNCTION keep_hidden() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT coalesce(max(p.hidden_seq), 0), coalesce(max(p.hidden_number), 0)
    INTO NEW.hidden_seq, NEW.hidden_number
    FROM participants p WHERE p.conversation_id = NEW.conversation_id AND p.user_id = NEW.user_id;
    RETURN NEW;
END
$$;
CREATE TRIGGER participants_keep_hidden BEFORE INSERT ON participants
    FOR EACH ROW WHEN (NEW.joined_seq > 1) EXECUTE FUNCTION keep_hidden();

-- -- receipts --------------------------------------------------------------------------------------

-- What a receipt has changed in one conversation. ids are those of the messages, at most 201; is_unmarked
-- says that the reader's mark "unread" went with it.
CREATE TYPE receipt AS (
    up_to_seq bigint, member_count integer, count bigint, ids uuid[], is_unmarked boolean
);

-- `me`, whose row is locked, has received everything up to a seq. Positions only advance.
CREATE FUNCTION mark_delivered(me participants, up_to bigint) RETURNS receipt LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    done receipt;
BEGIN
    SELECT count(*), (array_agg(m.id ORDER BY m.seq))[1:201] INTO done.count, done.ids FROM messages m
    WHERE m.conversation_id = me.conversation_id AND m.sender_id <> me.user_id AND m.deleted_at IS NULL
        AND m.seq > greatest(me.delivered_seq, me.joined_seq) AND m.seq <= up_to;
    UPDATE participants p SET delivered_seq = up_to, receipt_xact = pg_current_xact_id()
    WHERE p.conversation_id = me.conversation_id AND p.user_id = me.user_id AND p.left_seq IS NULL
        AND p.delivered_seq < up_to;
    done.up_to_seq := up_to;
    RETURN done;
END
$$;

-- Adds to what `me`, whose row is locked, has read; who has read a message has received all before it. A
-- reading takes the mark "unread" away, also where it finds nothing new.
CREATE FUNCTION add_read(me participants, ranges int8multirange, up_to bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE participants p SET read_seqs = p.read_seqs + ranges, delivered_seq = greatest(p.delivered_seq, up_to),
        marked_unread_seq = 0, receipt_xact = pg_current_xact_id()
    WHERE p.conversation_id = me.conversation_id AND p.user_id = me.user_id AND p.left_seq IS NULL
        AND (p.marked_unread_seq > 0 OR NOT p.read_seqs @> ranges OR p.delivered_seq < up_to);
END
$$;

-- `me` has read the messages of others at these seqs. Each covers the events back to the previous message of
-- somebody else, too (edits, reactions, one's own messages: nothing unread), so that reading in order is one
-- range. The look back stops after 200 rows.
CREATE FUNCTION mark_read(me participants, seqs bigint[]) RETURNS receipt LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    done receipt;
    covered int8multirange;
BEGIN
    SELECT count(*) FILTER (WHERE n.seq > me.joined_seq), (array_agg(n.id ORDER BY n.seq))[1:201],
        coalesce(range_agg(n.covered), '{}')
    INTO done.count, done.ids, covered
    FROM (
        SELECT m.id, m.seq, int8range(
            coalesce(
                (SELECT x.seq FROM (
                     SELECT b.seq, b.sender_id, b.deleted_at FROM messages b
                     WHERE b.conversation_id = me.conversation_id AND b.seq < m.seq
                     ORDER BY b.seq DESC LIMIT 200) x
                 WHERE x.sender_id <> me.user_id AND x.deleted_at IS NULL
                 ORDER BY x.seq DESC LIMIT 1),
                (SELECT b.seq - 1 FROM messages b
                 WHERE b.conversation_id = me.conversation_id AND b.seq < m.seq
                 ORDER BY b.seq DESC LIMIT 1 OFFSET 199),
                0) + 1,
            m.seq + 1) AS covered
        FROM messages m
        WHERE m.conversation_id = me.conversation_id AND m.seq = ANY (seqs) AND m.sender_id <> me.user_id
            AND m.deleted_at IS NULL AND NOT m.seq <@ me.read_seqs
    ) n;
    done.up_to_seq := (SELECT max(s) FROM unnest(seqs) s);
    PERFORM add_read(me, covered, CASE WHEN isempty(covered) THEN 0 ELSE upper(covered) - 1 END);
    RETURN done;
END
$$;

-- `me` has read everything that they see up to a seq: not what they have hidden unread.
CREATE FUNCTION mark_read_up_to(me participants, up_to bigint) RETURNS receipt LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    done receipt;
    seen CONSTANT int8multirange := CASE WHEN up_to > me.hidden_seq
        THEN int8multirange(int8range(me.hidden_seq + 1, up_to + 1)) ELSE '{}' END;
BEGIN
    SELECT count(*), (array_agg(m.id ORDER BY m.seq))[1:201] INTO done.count, done.ids
    FROM unnest(seen - me.read_seqs) AS gap
    -- OFFSET 0: by the index, a gap at a time. All at once, the whole conversation would be read.
    CROSS JOIN LATERAL (
        SELECT x.id, x.seq FROM messages x
        WHERE x.conversation_id = me.conversation_id AND x.seq >= lower(gap) AND x.seq < upper(gap)
            AND x.sender_id <> me.user_id AND x.deleted_at IS NULL AND x.seq > me.joined_seq
        OFFSET 0) m;
    done.up_to_seq := up_to;
    -- What is hidden and was not received yet is not, by this, without anybody being told.
    PERFORM add_read(me, seen, CASE WHEN done.count > 0 OR me.hidden_seq <= me.delivered_seq THEN up_to ELSE 0 END);
    RETURN done;
END
$$;

-- Marks many receipts, each as if it came alone after those before it. Row n of the arrays is receipt n: who,
-- 'delivered' or 'read', and either a conversation and a seq up to which, or messages: those of named_ids at
-- whose position named_receipts has n. A conversation beside named messages must be theirs.
--
-- Answers a row per receipt and conversation in which something may have changed: verdict 'done'; and one row
-- for a receipt that is refused and marks nothing: 'no_conversation' or 'no_message', where the reader does not
-- see one of those it names. One's own messages are passed over; where nothing else is named, no row.
--
-- Memberships are locked in the order of their keys, by everybody who locks several: no two batches, of
-- whatever processes, wait for each other in a circle. What a message's place is never changes, so it may be
-- looked up before. As in 0006, plans are made once and hold for any size.
CREATE FUNCTION mark_receipts(
    user_ids text[], statuses text[], conversation_ids uuid[], up_to_seqs bigint[],
    named_receipts bigint[], named_ids uuid[]
) RETURNS TABLE (
    nth bigint, verdict text, conversation_id uuid, up_to_seq bigint, member_count integer, count bigint,
    ids uuid[], is_unmarked boolean
) LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    mark record;
    me participants;
    last_seq bigint;
    done receipt;
BEGIN
    PERFORM FROM (
        SELECT a.conversation_id, a.user_id
        FROM unnest(user_ids, conversation_ids, up_to_seqs) AS a (user_id, conversation_id, up_to_seq)
        WHERE a.up_to_seq IS NOT NULL
        UNION
        SELECT m.conversation_id, user_ids[n.receipt]
        FROM unnest(named_receipts, named_ids) AS n (receipt, id) JOIN messages m ON m.id = n.id
    ) t JOIN participants p ON p.conversation_id = t.conversation_id AND p.user_id = t.user_id AND p.left_seq IS NULL
    ORDER BY p.conversation_id, p.user_id FOR UPDATE OF p;

    FOR mark IN
        WITH named AS (
            SELECT n.receipt, m.conversation_id, m.seq, m.sender_id <> a.user_id AS of_another,
                bool_and(m.seq IS NOT NULL) OVER (PARTITION BY n.receipt) AS all_seen
            FROM unnest(named_receipts, named_ids) AS n (receipt, id)
            CROSS JOIN LATERAL (SELECT user_ids[n.receipt] AS user_id,
                                       conversation_ids[n.receipt] AS conversation_id OFFSET 0) a
            LEFT JOIN LATERAL (
                SELECT x.conversation_id, x.seq, x.sender_id FROM messages x
                JOIN conversations c ON c.id = x.conversation_id AND c.is_active
                JOIN participants p ON p.conversation_id = x.conversation_id AND p.user_id = a.user_id
                    AND p.left_seq IS NULL
                WHERE x.id = n.id AND x.deleted_at IS NULL AND x.seq > p.hidden_seq
                    AND (a.conversation_id IS NULL OR x.conversation_id = a.conversation_id)
                    AND NOT EXISTS (SELECT FROM message_deletions d WHERE d.conversation_id = x.conversation_id
                                    AND d.user_id = a.user_id AND d.seq = x.seq)
                OFFSET 0) m ON true
        )
        SELECT a.receipt, a.conversation_id, NULL::bigint[] AS seqs, false AS refused
        FROM unnest(conversation_ids, up_to_seqs) WITH ORDINALITY AS a (conversation_id, up_to_seq, receipt)
        WHERE a.up_to_seq IS NOT NULL
        UNION ALL
        SELECT n.receipt, CASE WHEN n.all_seen THEN n.conversation_id END, array_agg(n.seq), NOT n.all_seen
        FROM named n WHERE n.of_another OR NOT n.all_seen
        GROUP BY 1, 2, n.all_seen
        ORDER BY 1, 2
    LOOP
        nth := mark.receipt;
        conversation_id := mark.conversation_id;
        verdict := NULL;
        done := NULL;
        IF mark.refused THEN
            verdict := 'no_message';
            RETURN NEXT;
            CONTINUE;
        END IF;
        SELECT p.* INTO me FROM participants p
        WHERE p.conversation_id = mark.conversation_id AND p.user_id = user_ids[nth] AND p.left_seq IS NULL;
        SELECT c.last_seq, c.member_count INTO last_seq, member_count FROM conversations c
        WHERE c.id = mark.conversation_id AND c.is_active;
        IF me.user_id IS NULL OR last_seq IS NULL THEN
            verdict := 'no_conversation';
            RETURN NEXT;
            CONTINUE;
        END IF;
        -- Delivery is in order: who has received a message has received all before it.
        up_to_seq := least(coalesce(up_to_seqs[nth], (SELECT max(s) FROM unnest(mark.seqs) s)), last_seq);
        done := CASE
            WHEN statuses[nth] = 'delivered' THEN mark_delivered(me, up_to_seq)
            WHEN mark.seqs IS NULL THEN mark_read_up_to(me, up_to_seq)
            ELSE mark_read(me, mark.seqs)
        END;
        verdict := 'done';
        count := done.count;
        ids := done.ids;
        is_unmarked := statuses[nth] = 'read' AND me.marked_unread_seq > 0;
        RETURN NEXT;
    END LOOP;
END
$$;
