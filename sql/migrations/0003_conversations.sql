-- Conversations, who is in them, and what keeps two people apart.

-- A conversation is a stream of events. Its row lock is the order of its events: fillfactor leaves room for the update that
-- every event makes here to stay on its page, and no index covers what it changes. Titles and descriptions are sealed, as
-- texts of a form of their own: `s1.<key id>.<base64url>` (chatserver/core/crypto.py).
CREATE TABLE conversations (
    id uuid PRIMARY KEY,
    type text NOT NULL,
    product_id text COLLATE "C" NOT NULL DEFAULT '',
    user_low text COLLATE "C",
    user_high text COLLATE "C",
    title text,
    description text,
    created_by text COLLATE "C" NOT NULL,
    max_members integer,
    member_count integer NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    last_message_at timestamptz,
    last_message_seq bigint NOT NULL DEFAULT 0,
    last_number bigint NOT NULL DEFAULT 0,
    last_seq bigint NOT NULL DEFAULT 0,
    last_xact xid8 NOT NULL,
    pruned_seq bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX conversations_direct ON conversations (user_low, user_high, product_id) WHERE type = 'direct';
CREATE INDEX conversations_opened ON conversations (created_by, type, created_at);
CREATE TRIGGER conversations_type BEFORE INSERT OR UPDATE OF type, user_low, user_high, title ON conversations
    FOR EACH ROW WHEN ((NEW.type = 'direct' AND NEW.user_low < NEW.user_high AND NEW.title IS NULL
        OR NEW.type = 'group' AND NEW.user_low IS NULL AND NEW.user_high IS NULL AND NEW.title IS NOT NULL) IS NOT TRUE)
    EXECUTE FUNCTION refuse_row();
CREATE TRIGGER conversations_sealed BEFORE INSERT OR UPDATE OF title, description ON conversations
    FOR EACH ROW WHEN (NEW.title !~ '^s1\.[0-9a-f]{8}\.[A-Za-z0-9_-]{22,}$'
        OR NEW.description !~ '^(s1\.[0-9a-f]{8}\.[A-Za-z0-9_-]{22,})?$')
    EXECUTE FUNCTION refuse_row();

-- One row per membership, which is an interval of the conversation's events: from joined_seq (the event of joining) to
-- left_seq (the event of leaving, included). A person who is added again gets a new row, which keeps what they hid; of
-- those that have ended, the last one and those of the last hour stay. read_seqs holds exactly the events read; contiguous
-- reads collapse into one range. receipt_xact is the transaction that last changed what was received or read, for a client
-- that asks what changed meanwhile. joins says how often they were added since joins_since, the last hour at most.
CREATE TABLE participants (
    conversation_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    joined_seq bigint NOT NULL,
    left_seq bigint,
    left_xact xid8,
    role text NOT NULL,
    can_add_members boolean NOT NULL DEFAULT false,
    in_group boolean NOT NULL DEFAULT false,
    joined_at timestamptz NOT NULL,
    joins integer NOT NULL DEFAULT 1,
    joins_since timestamptz,
    hidden_seq bigint NOT NULL DEFAULT 0,
    hidden_number bigint NOT NULL DEFAULT 0,
    delivered_seq bigint NOT NULL DEFAULT 0,
    read_seqs int8multirange NOT NULL DEFAULT '{}',
    receipt_xact xid8,
    marked_unread_seq bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation_id, user_id, joined_seq)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX participants_present ON participants (conversation_id, user_id) WHERE left_seq IS NULL;
CREATE INDEX participants_of_user ON participants (user_id, conversation_id);
CREATE INDEX participants_of_groups ON participants (user_id) WHERE in_group AND left_seq IS NULL;
CREATE TRIGGER participants_role BEFORE INSERT OR UPDATE OF role ON participants
    FOR EACH ROW WHEN (NEW.role NOT IN ('owner', 'admin', 'moderator', 'member')) EXECUTE FUNCTION refuse_row();

CREATE TABLE conversation_blocks (
    conversation_id uuid NOT NULL,
    blocked_by_user_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, blocked_by_user_id)
);

-- Those who come back to a group see its history, but for what they hid when they were in it before.
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

-- -- opening ---------------------------------------------------------------------------------------

-- The pair's lock stands for the conversation that does not exist yet.
CREATE FUNCTION lock_pair(a text, b text) RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(hashtextextended(
        least(a COLLATE "C", b COLLATE "C") || E'\x01' || greatest(a COLLATE "C", b COLLATE "C"), 0))
$$;

-- How many direct conversations a person has opened, and how many groups they created and are in: no more than `enough`.
-- A direct conversation counts for the person who opened it, and a group for everybody in it, so nobody can use up what
-- another may open.
CREATE FUNCTION opened_by(person text, enough integer) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT count(*) FROM (
        (SELECT FROM conversations c WHERE c.created_by = person AND c.type = 'direct' ORDER BY c.created_at LIMIT enough)
        UNION ALL
        (SELECT FROM participants p CROSS JOIN LATERAL (
             SELECT x.created_by FROM conversations x WHERE x.id = p.conversation_id LIMIT 1) c
         WHERE p.user_id = person AND p.in_group AND p.left_seq IS NULL AND c.created_by = person LIMIT enough)) opened);
END
$$;

-- Those of `people` who have so many conversations that they cannot be added to another group: direct ones that they
-- opened, and groups that they are in. 0 is no limit.
CREATE FUNCTION full_among(people text[], most integer) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF most = 0 THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(SELECT a.person FROM unnest(people) AS a (person) WHERE most <= (
        SELECT count(*) FROM (
            (SELECT FROM participants p WHERE p.user_id = a.person AND p.in_group AND p.left_seq IS NULL LIMIT most)
            UNION ALL
            (SELECT FROM conversations c WHERE c.created_by = a.person AND c.type = 'direct'
             ORDER BY c.created_at LIMIT most)) theirs)
        ORDER BY a.person);
END
$$;

-- Whether a person may open (or create) one more: NULL, 'too_many_conversations' or 'too_soon', and then the seconds to
-- wait. Of two at once the second waits here for the first's commit; whoever locks a pair has done so before.
CREATE FUNCTION check_opening(person text, kind text, per_period integer, period interval, most integer,
                              OUT verdict text, OUT wait double precision)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    free_at timestamptz;
BEGIN
    IF per_period = 0 AND most = 0 THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('opening' || E'\x01' || person, 0));
    IF most > 0 AND opened_by(person, most) >= most THEN
        verdict := 'too_many_conversations';
        RETURN;
    END IF;
    IF per_period > 0 THEN
        -- Deleted groups count too: they were created.
        SELECT c.created_at + period INTO free_at FROM conversations c
        WHERE c.created_by = person AND c.type = kind
        ORDER BY c.created_at DESC OFFSET per_period - 1 LIMIT 1;
        wait := extract(epoch FROM free_at - clock_timestamp());
        IF wait > 0 THEN
            verdict := 'too_soon';
        END IF;
    END IF;
END
$$;

-- Finds or creates the direct conversation of two people about a product ('' for none), `per_hour` new ones of the caller
-- and `most` in all; 0 is no limit, and what is found costs nothing.
-- verdict: 'found', 'created', 'blocked', 'too_many_conversations' or 'too_soon' (then with the seconds to wait).
CREATE FUNCTION open_direct(new_id uuid, caller text, other text, product text, per_hour integer, most integer)
RETURNS TABLE (verdict text, conversation_id uuid, wait double precision) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    low CONSTANT text COLLATE "C" := least(caller COLLATE "C", other COLLATE "C");
    high CONSTANT text COLLATE "C" := greatest(caller COLLATE "C", other COLLATE "C");
    found_id uuid;
    checked record;
    moment timestamptz;
BEGIN
    SELECT c.id INTO found_id FROM conversations c
    WHERE c.type = 'direct' AND c.product_id = product AND c.user_low = low AND c.user_high = high;
    IF found_id IS NULL THEN
        PERFORM lock_pair(caller, other);
        SELECT c.id INTO found_id FROM conversations c
        WHERE c.type = 'direct' AND c.product_id = product AND c.user_low = low AND c.user_high = high;
    END IF;
    IF directory_blocked(low, high)
        OR EXISTS (SELECT FROM conversation_blocks b WHERE b.conversation_id = found_id) THEN
        RETURN QUERY SELECT 'blocked', found_id, NULL::double precision;
        RETURN;
    END IF;
    IF found_id IS NOT NULL THEN
        RETURN QUERY SELECT 'found', found_id, NULL::double precision;
        RETURN;
    END IF;
    SELECT * INTO checked FROM check_opening(caller, 'direct', per_hour, interval '1 hour', most);
    IF checked.verdict IS NOT NULL THEN
        RETURN QUERY SELECT checked.verdict, NULL::uuid, checked.wait;
        RETURN;
    END IF;
    moment := this_moment();
    INSERT INTO conversations (id, type, product_id, user_low, user_high, created_by, member_count,
                               created_at, last_seq, last_xact)
    VALUES (new_id, 'direct', product, low, high, caller, 2, moment, 1, pg_current_xact_id());
    INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at)
    VALUES (new_id, low, 1, 'member', moment), (new_id, high, 1, 'member', moment);
    INSERT INTO events (stream_id, seq, xact, kind, actor_id, payload, created_at)
    VALUES (new_id, 1, pg_current_xact_id(), 'chat:conversation_created', caller,
            jsonb_build_object('joined', jsonb_build_array(low, high)), moment);
    RETURN QUERY SELECT 'created', new_id, NULL::double precision;
END
$$;

-- -- blocks ----------------------------------------------------------------------------------------

-- What a conversation shows of blocks (is_blocked: by anybody, of the conversation or between its two people), its events
-- tell: chat:conversation_blocked comes by either kind of block, each time one is set or taken back.

-- Who blocks a direct conversation, in either way: the caller where they do, else the other person where they do.
CREATE FUNCTION blocker_of(c conversations, caller text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT found.user_id FROM (
        SELECT b.blocked_by_user_id AS user_id FROM conversation_blocks b WHERE b.conversation_id = c.id
        UNION ALL
        SELECT CASE WHEN b.by_me THEN caller ELSE b.user_id END FROM directory_blocks_of(caller) b
        WHERE b.user_id = CASE caller WHEN c.user_low THEN c.user_high ELSE c.user_low END
    ) found ORDER BY found.user_id = caller DESC LIMIT 1);
END
$$;

-- Blocks or unblocks a person, under the lock of every direct conversation of the two, so that a send
-- that waits for it sees the block. verdict: 'done', or 'unknown' where the directory's table cannot hold the
-- block. No row where nothing changed. Beside the caller's own event (seq), the conversations of the two are told: the
-- hundred that were last active, with their new seqs.
CREATE FUNCTION set_user_block(caller text, target text, block boolean)
RETURNS TABLE (verdict text, seq bigint, conversation_ids uuid[], conversation_seqs bigint[])
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    changed boolean;
    blocker text;
BEGIN
    PERFORM lock_pair(caller, target);
    PERFORM FROM conversations c
    WHERE c.type = 'direct' AND c.user_low = least(caller COLLATE "C", target COLLATE "C")
        AND c.user_high = greatest(caller COLLATE "C", target COLLATE "C")
    ORDER BY c.id FOR UPDATE;
    IF block THEN
        changed := directory_block(caller, target);
    ELSE
        changed := directory_unblock(caller, target);
    END IF;
    IF changed IS NULL THEN
        RETURN QUERY SELECT 'unknown', NULL::bigint, NULL::uuid[], NULL::bigint[];
    END IF;
    IF NOT coalesce(changed, false) THEN
        RETURN;
    END IF;
    verdict := 'done';
    seq := append_personal(caller, CASE WHEN block THEN 'user:blocked' ELSE 'user:unblocked' END,
                           jsonb_build_object('userId', target));
    conversation_ids := ARRAY(
        SELECT c.id FROM conversations c
        WHERE c.type = 'direct' AND c.user_low = least(caller COLLATE "C", target COLLATE "C")
            AND c.user_high = greatest(caller COLLATE "C", target COLLATE "C") AND c.is_active
        ORDER BY coalesce(c.last_message_at, c.created_at) DESC, c.id DESC LIMIT 100);
    conversation_seqs := '{}';
    FOR n IN 1 .. cardinality(conversation_ids) LOOP
        SELECT blocker_of(c, caller) INTO blocker FROM conversations c WHERE c.id = conversation_ids[n];
        conversation_seqs[n] := append_to_conversation(
            conversation_ids[n], 'chat:conversation_blocked', caller, NULL,
            jsonb_build_object('blocked', blocker IS NOT NULL, 'blockedBy', blocker));
    END LOOP;
    RETURN NEXT;
END
$$;

-- Sets or lifts the caller's own block of a direct conversation, under its lock: a send that waits for it
-- sees the block. blocked_by is about the conversation's own blocks: the caller where theirs stands, else the other person
-- where theirs does. The event tells who blocks it in either way. Errors: 'not_found', 'group'.
CREATE FUNCTION set_conversation_block(caller text, conversation uuid, block boolean)
RETURNS TABLE (verdict text, seq bigint, blocked_by text) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    kind text;
    blocker text;
BEGIN
    PERFORM FROM participants me
    WHERE me.conversation_id = conversation AND me.user_id = caller AND me.left_seq IS NULL;
    IF FOUND THEN
        PERFORM FROM conversations c WHERE c.id = conversation FOR UPDATE;
        SELECT c.type INTO kind FROM participants me
        CROSS JOIN LATERAL (SELECT x.type FROM conversations x WHERE x.id = conversation AND x.is_active LIMIT 1) c
        WHERE me.conversation_id = conversation AND me.user_id = caller AND me.left_seq IS NULL;
    END IF;
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
        SELECT blocker_of(c, caller) INTO blocker FROM conversations c WHERE c.id = conversation;
        seq := append_to_conversation(
            conversation, 'chat:conversation_blocked', caller, NULL,
            jsonb_build_object('blocked', blocker IS NOT NULL, 'blockedBy', blocker));
        verdict := 'done';
    END IF;
    RETURN NEXT;
END
$$;

-- -- one's own view --------------------------------------------------------------------------------

-- Both change the caller's membership alone, whose row is their lock: nobody who sends waits for them. What is committed
-- meanwhile has a later seq, and so is not hidden.

-- Hides a conversation and its history so far from the caller; a new message brings it back without these.
-- Error: 'not_found'.
CREATE FUNCTION hide_conversation(caller text, conversation uuid)
RETURNS TABLE (verdict text, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    me record;
    reached record;
BEGIN
    SELECT p.hidden_seq, p.marked_unread_seq INTO me FROM participants p
    WHERE p.conversation_id = conversation AND p.user_id = caller AND p.left_seq IS NULL FOR UPDATE;
    SELECT c.last_seq, c.last_number INTO reached FROM conversations c WHERE c.id = conversation AND c.is_active;
    verdict := CASE WHEN me.hidden_seq IS NULL OR reached.last_seq IS NULL THEN 'not_found' ELSE 'done' END;
    IF verdict = 'done' AND (me.hidden_seq < reached.last_seq OR me.marked_unread_seq > 0) THEN
        UPDATE participants p SET hidden_seq = reached.last_seq, hidden_number = reached.last_number,
            marked_unread_seq = 0
        WHERE p.conversation_id = conversation AND p.user_id = caller AND p.left_seq IS NULL;
        seq := append_personal(caller, 'chat:conversation_deleted',
                               jsonb_build_object('conversationId', conversation, 'upToSeq', reached.last_seq));
    END IF;
    RETURN NEXT;
END
$$;

-- Marks a conversation as unread for the caller, until they read in it or hide it. The messages stay read: what their
-- senders were told goes one way. Error: 'not_found'.
CREATE FUNCTION mark_unread(caller text, conversation uuid)
RETURNS TABLE (verdict text, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    marked bigint;
    reached bigint;
BEGIN
    SELECT p.marked_unread_seq INTO marked FROM participants p
    WHERE p.conversation_id = conversation AND p.user_id = caller AND p.left_seq IS NULL FOR UPDATE;
    SELECT c.last_seq INTO reached FROM conversations c WHERE c.id = conversation AND c.is_active;
    verdict := CASE WHEN marked IS NULL OR reached IS NULL THEN 'not_found' ELSE 'done' END;
    IF verdict = 'done' AND marked < reached THEN
        UPDATE participants p SET marked_unread_seq = reached
        WHERE p.conversation_id = conversation AND p.user_id = caller AND p.left_seq IS NULL;
        seq := append_personal(caller, 'chat:conversation_marked_unread',
                               jsonb_build_object('conversationId', conversation, 'upToSeq', reached));
    END IF;
    RETURN NEXT;
END
$$;
