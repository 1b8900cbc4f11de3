-- Posting. Up to four messages are written one by one, more by arrays: one message does not pay for the machinery of a
-- hundred. The tests run random batches through both.

-- The shape of an answer. verdict is 'posted', 'duplicate' (message_id … fingerprint are those of the first), or the
-- error: 'not_found', 'not_permitted', 'blocked', 'reply_not_found'.
CREATE TYPE posted AS (
    verdict text, message_id uuid, seq bigint, number bigint,
    created_at timestamptz, fingerprint bytea, conversation_type text, recipient_id text
);

-- Whether a member who has hidden what came up to a seq may reply to a message: it stands, and they see it.
CREATE FUNCTION is_replyable(reply_to uuid, conversation uuid, replier text, hidden_seq bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM messages m WHERE m.id = reply_to AND m.conversation_id = conversation AND m.deleted_at IS NULL
        AND m.seq > hidden_seq
        AND NOT EXISTS (SELECT FROM message_deletions d
                        WHERE d.conversation_id = conversation AND d.user_id = replier AND d.seq = m.seq));
END
$$;

-- Posts one message: locks its conversation, then judges by a snapshot younger than the lock, and writes. Arrays of one,
-- and a function that returns a set, would cost a tenth more.
CREATE FUNCTION post_message(
    conversation uuid, sender text, message uuid, message_type text, version smallint, key_id text, nonce bytea,
    ciphertext bytea, reply_to uuid, client_id text, fingerprint bytea, is_announcement boolean
) RETURNS posted LANGUAGE plpgsql VOLATILE
-- Plans are made once for each connection, of look-ups by key alone; what this calls is planned in the same way.
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
    low text;
    high text;
    is_active boolean;
    my_role text;
    my_hidden_seq bigint;
    is_member boolean;
    is_blocked boolean;
    answer posted;
    moment timestamptz;
BEGIN
    SELECT c.type, c.is_active, c.user_low, c.user_high, c.last_seq + 1, c.last_number + 1
    INTO answer.conversation_type, is_active, low, high, answer.seq, answer.number
    FROM conversations c WHERE c.id = conversation FOR UPDATE;
    -- After the lock, so that times within a conversation follow its order; what clients see is in ms.
    moment := this_moment();
    answer.recipient_id := CASE sender WHEN low THEN high ELSE low END;
    -- The latest membership: the order and the limit leave no other way than the key.
    SELECT p.role, p.hidden_seq, p.left_seq IS NULL,
        answer.conversation_type = 'direct' AND (
            EXISTS (SELECT FROM conversation_blocks b WHERE b.conversation_id = conversation)
            OR directory_blocked(low, high))
    INTO my_role, my_hidden_seq, is_member, is_blocked
    FROM participants p WHERE p.conversation_id = conversation AND p.user_id = sender
    ORDER BY p.joined_seq DESC LIMIT 1;
    answer.verdict := CASE
        WHEN is_member IS NOT TRUE OR is_active IS NOT TRUE THEN 'not_found'
        WHEN is_blocked THEN 'blocked'
        WHEN is_announcement AND my_role NOT IN ('owner', 'admin') THEN 'not_permitted'
        WHEN reply_to IS NULL THEN 'posted'
        WHEN is_replyable(reply_to, conversation, sender, my_hidden_seq) THEN 'posted'
        ELSE 'reply_not_found' END;
    IF answer.verdict = 'posted' THEN
        INSERT INTO messages (conversation_id, seq, number, id, sender_id, message_type, version, key_id, nonce,
            ciphertext, reply_to_message_id, client_message_id, fingerprint, is_announcement, created_at)
        VALUES (conversation, answer.seq, answer.number, message, sender, message_type, version, key_id, nonce,
            ciphertext, reply_to, client_id, fingerprint, is_announcement, moment)
        ON CONFLICT (client_key(conversation_id, sender_id, client_message_id)) DO NOTHING;
        IF FOUND THEN
            INSERT INTO events (stream_id, seq, xact, kind, actor_id, message_id, created_at)
            VALUES (conversation, answer.seq, pg_current_xact_id(), 'chat:message_received', sender, message, moment);
            UPDATE conversations c SET last_seq = answer.seq, last_number = answer.number,
                last_message_seq = answer.seq, last_message_at = moment, last_xact = pg_current_xact_id()
            WHERE c.id = conversation;
            answer.message_id := message;
            answer.created_at := moment;
            answer.fingerprint := fingerprint;
            RETURN answer;
        END IF;
    END IF;
    -- A retry is answered whatever has happened since: its message was accepted.
    answer.message_id := NULL;
    IF client_id IS NOT NULL THEN
        SELECT m.id, m.seq, m.number, m.created_at, m.fingerprint
        INTO answer.message_id, answer.seq, answer.number, answer.created_at, answer.fingerprint
        FROM messages m WHERE client_key(m.conversation_id, m.sender_id, m.client_message_id)
            = client_key(conversation, sender, client_id);
    END IF;
    IF answer.message_id IS NOT NULL THEN
        answer.verdict := 'duplicate';
    ELSE
        answer.seq := NULL;
        answer.number := NULL;
        answer.created_at := NULL;
        answer.fingerprint := NULL;
    END IF;
    RETURN answer;
END
$$;

-- Posts messages whose conversations are locked, all at once.
CREATE FUNCTION post_together(
    conversation_ids uuid[], sender_ids text[], message_ids uuid[], message_types text[],
    versions smallint[], key_ids text[], nonces bytea[], ciphertexts bytea[],
    reply_tos uuid[], client_message_ids text[], fingerprints bytea[], announcements boolean[]
) RETURNS SETOF posted LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    many CONSTANT integer := cardinality(message_ids);
    moment CONSTANT timestamptz := this_moment();
    judged record;
    conversation uuid;
    next_seq bigint;
    next_number bigint;
    n integer;
    -- How far each conversation reaches that has a new message.
    reached uuid[] := '{}';
    reached_seqs bigint[] := '{}';
    reached_numbers bigint[] := '{}';
    nth integer := 0;
    is_reached boolean;
    -- The answers, by position.
    verdicts text[] := array_fill(NULL::text, ARRAY[many]);
    ids uuid[] := message_ids;
    seqs bigint[] := array_fill(NULL::bigint, ARRAY[many]);
    numbers bigint[] := seqs;
    moments timestamptz[] := array_fill(moment, ARRAY[many]);
    prints bytea[] := fingerprints;
    types text[] := verdicts;
    recipients text[] := verdicts;
BEGIN
    FOR judged IN
        -- The same id twice in one batch: the first that may be posted is, the others are its duplicates.
        SELECT j.*, CASE WHEN j.client_message_id IS NOT NULL THEN min(j.nth) FILTER (WHERE j.verdict = 'posted')
            OVER (PARTITION BY j.conversation_id, j.sender_id, j.client_message_id) END AS first_nth
        FROM (
            SELECT a.nth, a.conversation_id, a.sender_id, a.client_message_id, c.type, c.last_seq, c.last_number,
                CASE a.sender_id WHEN c.user_low THEN c.user_high ELSE c.user_low END AS recipient_id,
                prior.id AS prior_id, prior.seq AS prior_seq, prior.number AS prior_number,
                prior.created_at AS prior_created_at, prior.fingerprint AS prior_fingerprint,
                CASE
                    -- A retry is answered whatever has happened since: its message was accepted.
                    WHEN prior.id IS NOT NULL THEN 'duplicate'
                    WHEN me.is_member IS NOT TRUE OR c.is_active IS NOT TRUE THEN 'not_found'
                    WHEN c.type = 'direct' AND (
                        -- With LIMIT: EXISTS may be answered by a table of everybody's blocks.
                        (SELECT true FROM conversation_blocks b WHERE b.conversation_id = a.conversation_id LIMIT 1)
                        OR directory_blocked(c.user_low, c.user_high)) THEN 'blocked'
                    WHEN a.is_announcement AND me.role NOT IN ('owner', 'admin') THEN 'not_permitted'
                    WHEN a.reply_to IS NULL THEN 'posted'
                    WHEN is_replyable(a.reply_to, a.conversation_id, a.sender_id, me.hidden_seq) THEN 'posted'
                    ELSE 'reply_not_found' END AS verdict
            FROM unnest(conversation_ids, sender_ids, reply_tos, client_message_ids, announcements)
                WITH ORDINALITY AS a (conversation_id, sender_id, reply_to, client_message_id, is_announcement, nth)
            LEFT JOIN LATERAL (
                SELECT x.type, x.last_seq, x.last_number, x.user_low, x.user_high, x.is_active
                FROM conversations x WHERE x.id = a.conversation_id ORDER BY x.id LIMIT 1) c ON true
            LEFT JOIN LATERAL (
                SELECT p.role, p.hidden_seq, p.left_seq IS NULL AS is_member FROM participants p
                WHERE p.conversation_id = a.conversation_id AND p.user_id = a.sender_id
                ORDER BY p.joined_seq DESC LIMIT 1) me ON true
            LEFT JOIN LATERAL (
                SELECT m.id, m.seq, m.number, m.created_at, m.fingerprint FROM messages m
                WHERE client_key(m.conversation_id, m.sender_id, m.client_message_id)
                    = client_key(a.conversation_id, a.sender_id, a.client_message_id) LIMIT 1) prior ON true
        ) j
        ORDER BY j.conversation_id, j.nth
    LOOP
        n := judged.nth;
        IF conversation IS DISTINCT FROM judged.conversation_id THEN
            conversation := judged.conversation_id;
            next_seq := judged.last_seq;
            next_number := judged.last_number;
            is_reached := false;
        END IF;
        types[n] := judged.type;
        recipients[n] := judged.recipient_id;
        verdicts[n] := judged.verdict;
        IF judged.first_nth < n THEN
            verdicts[n] := 'duplicate';
            ids[n] := ids[judged.first_nth];
            seqs[n] := seqs[judged.first_nth];
            numbers[n] := numbers[judged.first_nth];
            prints[n] := prints[judged.first_nth];
        ELSIF judged.verdict = 'posted' THEN
            next_seq := next_seq + 1;
            next_number := next_number + 1;
            seqs[n] := next_seq;
            numbers[n] := next_number;
            IF NOT is_reached THEN
                is_reached := true;
                nth := nth + 1;
                reached[nth] := conversation;
            END IF;
            reached_seqs[nth] := next_seq;
            reached_numbers[nth] := next_number;
        ELSE
            ids[n] := judged.prior_id;
            seqs[n] := judged.prior_seq;
            numbers[n] := judged.prior_number;
            moments[n] := judged.prior_created_at;
            prints[n] := judged.prior_fingerprint;
        END IF;
    END LOOP;
    INSERT INTO messages (conversation_id, seq, number, id, sender_id, message_type, version, key_id, nonce,
        ciphertext, reply_to_message_id, client_message_id, fingerprint, is_announcement, created_at)
    SELECT u.conversation_id, u.seq, u.number, u.id, u.sender_id, u.message_type, u.version, u.key_id, u.nonce,
        u.ciphertext, u.reply_to, u.client_message_id, u.fingerprint, u.is_announcement, moment
    FROM unnest(verdicts, conversation_ids, seqs, numbers, message_ids, sender_ids, message_types, versions, key_ids,
            nonces, ciphertexts, reply_tos, client_message_ids, fingerprints, announcements)
        AS u (verdict, conversation_id, seq, number, id, sender_id, message_type, version, key_id,
            nonce, ciphertext, reply_to, client_message_id, fingerprint, is_announcement)
    WHERE u.verdict = 'posted';
    INSERT INTO events (stream_id, seq, xact, kind, actor_id, message_id, created_at)
    SELECT u.conversation_id, u.seq, pg_current_xact_id(), 'chat:message_received', u.sender_id, u.id, moment
    FROM unnest(verdicts, conversation_ids, seqs, sender_ids, message_ids)
        AS u (verdict, conversation_id, seq, sender_id, id)
    WHERE u.verdict = 'posted';
    UPDATE conversations c SET
        last_seq = reached_seqs[array_position(reached, c.id)],
        last_number = reached_numbers[array_position(reached, c.id)],
        last_message_seq = reached_seqs[array_position(reached, c.id)],
        last_message_at = moment, last_xact = pg_current_xact_id()
    WHERE c.id = ANY (reached);
    RETURN QUERY SELECT u.verdict, u.id, u.seq, u.number, u.created_at, u.fingerprint, u.type, u.recipient
    FROM unnest(verdicts, ids, seqs, numbers, moments, prints, types, recipients)
        AS u (verdict, id, seq, number, created_at, fingerprint, type, recipient);
END
$$;

-- Posts a batch of messages: locks their conversations in the order of their ids, then judges by a snapshot younger
-- than the locks, and writes. Rows of all arrays belong together by position.
CREATE FUNCTION post_messages(
    conversation_ids uuid[], sender_ids text[], message_ids uuid[], message_types text[],
    versions smallint[], key_ids text[], nonces bytea[], ciphertexts bytea[],
    reply_tos uuid[], client_message_ids text[], fingerprints bytea[], announcements boolean[]
) RETURNS SETOF posted LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
BEGIN
    PERFORM FROM (SELECT DISTINCT a.id FROM unnest(conversation_ids) AS a (id) ORDER BY a.id) a
    CROSS JOIN LATERAL (SELECT FROM conversations c WHERE c.id = a.id FOR UPDATE) locked;
    IF cardinality(message_ids) > 4 THEN
        RETURN QUERY SELECT * FROM post_together(conversation_ids, sender_ids, message_ids, message_types, versions,
            key_ids, nonces, ciphertexts, reply_tos, client_message_ids, fingerprints, announcements);
        RETURN;
    END IF;
    FOR n IN 1 .. cardinality(message_ids) LOOP
        RETURN NEXT post_message(conversation_ids[n], sender_ids[n], message_ids[n], message_types[n], versions[n],
            key_ids[n], nonces[n], ciphertexts[n], reply_tos[n], client_message_ids[n], fingerprints[n],
            announcements[n]);
    END LOOP;
END
$$;
