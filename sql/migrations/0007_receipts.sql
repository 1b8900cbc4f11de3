-- Receipts: what was received and read, exact per message, in one row per member.

-- What a receipt has changed in one conversation. ids are those of the messages, at most 201; is_unmarked says that the
-- reader's mark "unread" went with it.
CREATE TYPE receipt AS (
    up_to_seq bigint, member_count integer, count bigint, ids uuid[], is_unmarked boolean
);

-- How many messages of others a member is shown as unread: those after joining and hiding that they have not read, and at
-- least one where they marked the conversation so. The gaps between the ranges read are looked into, each by the index, and
-- the count stops at 1,000.
CREATE FUNCTION unread_count(member participants) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT greatest(count(*), (member.marked_unread_seq > 0)::int) FROM (
        SELECT FROM unnest(int8multirange(int8range(greatest(member.joined_seq, member.hidden_seq) + 1, NULL))
                           - member.read_seqs) AS gap
        CROSS JOIN LATERAL (
            SELECT FROM messages m WHERE m.conversation_id = member.conversation_id AND m.seq >= lower(gap)
                AND m.seq < coalesce(upper(gap), 9223372036854775807)
                AND m.sender_id <> member.user_id AND m.deleted_at IS NULL
                AND (SELECT d.seq FROM message_deletions d WHERE d.conversation_id = m.conversation_id
                         AND d.user_id = member.user_id AND d.seq = m.seq LIMIT 1) IS NULL
            OFFSET 0) unread
        LIMIT 1000) counted);
END
$$;

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

-- Adds to what `me`, whose row is locked, has read; those who have read a message have received all before it. A reading
-- takes the mark "unread" away, also where it finds nothing new. The gaps have an end: those who have left a thousand of
-- them have read what came before the five hundred latest, since each receipt writes the whole row again, gaps and all.
CREATE FUNCTION add_read(me participants, ranges int8multirange, up_to bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    read int8multirange;
BEGIN
    UPDATE participants p SET read_seqs = p.read_seqs + ranges, delivered_seq = greatest(p.delivered_seq, up_to),
        marked_unread_seq = 0, receipt_xact = pg_current_xact_id()
    WHERE p.conversation_id = me.conversation_id AND p.user_id = me.user_id AND p.left_seq IS NULL
        AND (p.marked_unread_seq > 0 OR NOT p.read_seqs @> ranges OR p.delivered_seq < up_to)
    RETURNING p.read_seqs INTO read;
    -- A range takes 17 bytes: nothing is counted where there cannot be a thousand.
    IF pg_column_size(read) > 17000 AND (SELECT count(*) > 1000 FROM unnest(read)) THEN
        UPDATE participants p SET read_seqs = p.read_seqs + int8multirange(int8range(
            lower(read), (SELECT lower(r) FROM unnest(read) r ORDER BY lower(r) DESC OFFSET 499 LIMIT 1)))
        WHERE p.conversation_id = me.conversation_id AND p.user_id = me.user_id AND p.left_seq IS NULL;
    END IF;
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

-- What a receipt has to say of one conversation; an answer of mark_receipts.
CREATE TYPE marked AS (
    nth bigint, verdict text, conversation_id uuid, up_to_seq bigint, member_count integer, is_direct boolean,
    count bigint, ids uuid[], is_unmarked boolean
);

-- Marks what a receipt names of one conversation, whose member it is from: everything up to a seq, or the messages of others
-- at these seqs. The verdict is 'done', or 'no_conversation' where they are no member of it.
CREATE FUNCTION mark_conversation(reader text, status text, conversation uuid, up_to bigint, seqs bigint[])
RETURNS marked LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    me participants;
    last bigint;
    done receipt;
    answer marked;
BEGIN
    answer.conversation_id := conversation;
    SELECT p.* INTO me FROM participants p
    WHERE p.conversation_id = conversation AND p.user_id = reader AND p.left_seq IS NULL FOR UPDATE;
    SELECT c.last_seq, c.member_count, c.type = 'direct' INTO last, answer.member_count, answer.is_direct
    FROM conversations c WHERE c.id = conversation AND c.is_active;
    IF me.user_id IS NULL OR last IS NULL THEN
        answer.verdict := 'no_conversation';
        RETURN answer;
    END IF;
    -- Delivery is in order: those who have received a message have received all before it.
    answer.up_to_seq := least(coalesce(up_to, (SELECT max(s) FROM unnest(seqs) s)), last);
    IF status = 'delivered' THEN
        done := mark_delivered(me, answer.up_to_seq);
    ELSIF seqs IS NULL THEN
        done := mark_read_up_to(me, answer.up_to_seq);
    ELSE
        done := mark_read(me, seqs);
    END IF;
    answer.verdict := 'done';
    answer.count := done.count;
    answer.ids := done.ids;
    answer.is_unmarked := status = 'read' AND me.marked_unread_seq > 0;
    RETURN answer;
END
$$;

-- Locks the membership of a message's reader, and says what the message is to them: 'no_message' that exists for them (in `conversation`, where it is
-- given), 'gone' (erased, or hidden or deleted for themselves), 'own', or 'done', to be marked.
CREATE FUNCTION judge_named(reader text, conversation uuid, message uuid, OUT verdict text, OUT home uuid, OUT seq bigint)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    author text;
    is_erased boolean;
    hidden bigint;
BEGIN
    SELECT m.conversation_id, m.seq, m.sender_id, m.deleted_at IS NOT NULL INTO home, seq, author, is_erased
    FROM messages m WHERE m.id = message;
    SELECT p.hidden_seq INTO hidden FROM participants p
    WHERE p.conversation_id = home AND p.user_id = reader AND p.left_seq IS NULL FOR UPDATE;
    verdict := CASE
        WHEN hidden IS NULL OR home <> conversation THEN 'no_message'
        WHEN NOT (SELECT c.is_active FROM conversations c WHERE c.id = home) THEN 'no_message'
        WHEN is_erased OR seq <= hidden THEN 'gone'
        WHEN EXISTS (SELECT FROM message_deletions d
                     WHERE d.conversation_id = home AND d.user_id = reader AND d.seq = judge_named.seq) THEN 'gone'
        WHEN author = reader THEN 'own'
        ELSE 'done' END;
END
$$;

-- Marks many receipts, each as if it came alone after those before it. Row n of the arrays is receipt n: who, 'delivered' or
-- 'read', and either a conversation and a seq up to which, or messages: those of named_ids at whose position named_receipts
-- (in ascending order) has n. A conversation beside named messages must be theirs.
--
-- Answers a row per receipt and conversation in which something may have changed: verdict 'done'; a row 'gone' for a receipt
-- that names messages which are erased, or which the reader has hidden or deleted for themselves, and so are passed over;
-- and one row for a receipt that is refused and marks nothing: 'no_conversation' or 'no_message', where one of those it
-- names does not exist for the reader. One's own messages are passed over; where nothing else is named, no row.
--
-- Memberships are locked in the order of their keys, by everybody who locks several: no two batches, of whatever processes,
-- wait for each other in a circle. A message's place never changes, so it may be looked up before.
CREATE FUNCTION mark_receipts(
    user_ids text[], statuses text[], conversation_ids uuid[], up_to_seqs bigint[],
    named_receipts bigint[], named_ids uuid[]
) RETURNS SETOF marked LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
    first integer := 1;
    named record;
    talk record;
    refused text;
    answer marked;
BEGIN
    IF cardinality(user_ids) > 1 OR cardinality(named_ids) > 1 THEN
        PERFORM FROM (
            SELECT a.conversation_id, a.user_id
            FROM unnest(user_ids, conversation_ids, up_to_seqs) AS a (user_id, conversation_id, up_to_seq)
            WHERE a.up_to_seq IS NOT NULL
            UNION
            SELECT (SELECT m.conversation_id FROM messages m WHERE m.id = n.id LIMIT 1), user_ids[n.receipt]
            FROM unnest(named_receipts, named_ids) AS n (receipt, id)
            ORDER BY 1, 2
        ) t CROSS JOIN LATERAL (
            SELECT FROM participants p
            WHERE p.conversation_id = t.conversation_id AND p.user_id = t.user_id AND p.left_seq IS NULL
            FOR UPDATE) locked;
    END IF;
    FOR n IN 1 .. cardinality(user_ids) LOOP
        IF up_to_seqs[n] IS NOT NULL THEN
            answer := mark_conversation(user_ids[n], statuses[n], conversation_ids[n], up_to_seqs[n], NULL);
            answer.nth := n;
            RETURN NEXT answer;
        ELSIF named_receipts[first] = n AND named_receipts[first + 1] IS DISTINCT FROM n THEN
            -- One message, as most receipts have it.
            named := judge_named(user_ids[n], conversation_ids[n], named_ids[first]);
            first := first + 1;
            answer := NULL;
            IF named.verdict = 'done' THEN
                answer := mark_conversation(user_ids[n], statuses[n], named.home, NULL, ARRAY[named.seq]);
            ELSIF named.verdict <> 'own' THEN
                answer.verdict := named.verdict;
            END IF;
            IF answer.verdict IS NOT NULL THEN
                answer.nth := n;
                RETURN NEXT answer;
            END IF;
        ELSE
            refused := NULL;
            FOR talk IN
                SELECT j.verdict, CASE j.verdict WHEN 'done' THEN j.home END AS home, array_agg(j.seq) AS seqs
                FROM unnest(named_receipts, named_ids) AS a (receipt, id)
                CROSS JOIN LATERAL judge_named(user_ids[n], conversation_ids[n], a.id) j
                WHERE a.receipt = n
                GROUP BY 1, 2
                -- What is refused comes first: then nothing is marked.
                ORDER BY j.verdict <> 'no_message', 2
            LOOP
                EXIT WHEN refused IS NOT NULL;
                answer := NULL;
                IF talk.verdict = 'done' THEN
                    answer := mark_conversation(user_ids[n], statuses[n], talk.home, NULL, talk.seqs);
                ELSE
                    CONTINUE WHEN talk.verdict = 'own';
                    answer.verdict := talk.verdict;
                    refused := CASE talk.verdict WHEN 'no_message' THEN talk.verdict END;
                END IF;
                answer.nth := n;
                RETURN NEXT answer;
            END LOOP;
            WHILE named_receipts[first] = n LOOP
                first := first + 1;
            END LOOP;
        END IF;
    END LOOP;
END
$$;
