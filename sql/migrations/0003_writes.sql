-- The writes that must see the truth. Each is VOLATILE PL/pgSQL, so each statement in it has a snapshot
-- of its own: first lock the streams, in the order of their ids (no deadlocks), then look, with a
-- snapshot younger than the lock, and write. One statement would judge by a snapshot older than the
-- lock that it waited for: a member removed meanwhile would still post. One call is one round trip.

-- Posts a batch. Rows of all arrays belong together by position. verdict is 'posted', 'duplicate'
-- (message_id … fingerprint are those of the first), or the error: 'not_found', 'blocked', 'reply_not_found'.
CREATE FUNCTION post_messages(
    conversation_ids uuid[], sender_ids text[], message_ids uuid[], message_types text[],
    versions smallint[], key_ids text[], nonces bytea[], ciphertexts bytea[],
    reply_tos uuid[], client_message_ids text[], fingerprints bytea[]
) RETURNS TABLE (
    "position" bigint, verdict text, message_id uuid, seq bigint, number bigint,
    created_at timestamptz, fingerprint bytea, conversation_type text, recipient_id text
) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    moment timestamptz;
BEGIN
    PERFORM FROM conversations c WHERE c.id = ANY (conversation_ids) ORDER BY c.id FOR UPDATE;
    -- After the lock, so that times within a conversation follow its order; what clients see is in ms.
    moment := date_trunc('milliseconds', clock_timestamp());
    RETURN QUERY
    WITH asked AS (
        SELECT * FROM unnest(conversation_ids, sender_ids, message_ids, message_types, versions, key_ids,
                             nonces, ciphertexts, reply_tos, client_message_ids, fingerprints)
        WITH ORDINALITY AS a (conversation_id, sender_id, message_id, message_type, version, key_id,
                              nonce, ciphertext, reply_to, client_message_id, fingerprint, "position")
    ), judged AS (
        SELECT a.*, c.type, c.last_seq, c.last_number,
            CASE a.sender_id WHEN c.user_low THEN c.user_high ELSE c.user_low END AS recipient_id,
            prior.id AS prior_id, prior.seq AS prior_seq, prior.number AS prior_number,
            prior.created_at AS prior_created_at, prior.fingerprint AS prior_fingerprint,
            CASE
                -- A retry is answered whatever has happened since: its message was accepted.
                WHEN prior.id IS NOT NULL THEN 'duplicate'
                WHEN member.user_id IS NULL OR NOT c.is_active THEN 'not_found'
                WHEN c.type = 'direct' AND (
                    EXISTS (SELECT FROM conversation_blocks b WHERE b.conversation_id = c.id)
                    OR directory_blocked(c.user_low, c.user_high)) THEN 'blocked'
                WHEN a.reply_to IS NOT NULL AND NOT EXISTS (
                    SELECT FROM messages r WHERE r.id = a.reply_to
                    AND r.conversation_id = a.conversation_id AND r.deleted_at IS NULL)
                    THEN 'reply_not_found'
                ELSE 'posted'
            END AS verdict
        FROM asked a
        LEFT JOIN conversations c ON c.id = a.conversation_id
        LEFT JOIN participants member ON member.conversation_id = a.conversation_id
            AND member.user_id = a.sender_id AND member.left_seq IS NULL
        LEFT JOIN messages prior ON prior.conversation_id = a.conversation_id
            AND prior.sender_id = a.sender_id AND prior.client_message_id = a.client_message_id
    ), ranked AS (
        -- The same id twice in one batch: the first is posted, the others are its duplicates.
        SELECT j.*, first_value(j."position") OVER same_id AS first_position
        FROM judged j WHERE j.verdict = 'posted'
        WINDOW same_id AS (
            PARTITION BY j.conversation_id, j.sender_id,
                coalesce('i' || j.client_message_id, 'p' || j."position") ORDER BY j."position")
    ), numbered AS (
        SELECT r.*,
            r.last_seq + row_number() OVER in_order AS new_seq,
            r.last_number + row_number() OVER in_order AS new_number
        FROM ranked r WHERE r."position" = r.first_position
        WINDOW in_order AS (PARTITION BY r.conversation_id ORDER BY r."position")
    ), written AS (
        INSERT INTO messages (conversation_id, seq, number, id, sender_id, message_type, version, key_id,
                              nonce, ciphertext, reply_to_message_id, client_message_id, fingerprint, created_at)
        SELECT n.conversation_id, n.new_seq, n.new_number, n.message_id, n.sender_id, n.message_type, n.version,
               n.key_id, n.nonce, n.ciphertext, n.reply_to, n.client_message_id, n.fingerprint, moment
        FROM numbered n
    ), logged AS (
        INSERT INTO events (stream_id, seq, xact, kind, actor_id, message_id, created_at)
        SELECT n.conversation_id, n.new_seq, pg_current_xact_id(), 'chat:message_received', n.sender_id,
               n.message_id, moment
        FROM numbered n
    ), bumped AS (
        UPDATE conversations c SET last_seq = b.seq, last_number = b.number, last_message_seq = b.seq,
            last_message_at = moment, last_xact = pg_current_xact_id()
        FROM (SELECT n.conversation_id, max(n.new_seq) AS seq, max(n.new_number) AS number
              FROM numbered n GROUP BY n.conversation_id) b
        WHERE c.id = b.conversation_id
    )
    SELECT j."position",
        CASE WHEN n."position" <> j."position" THEN 'duplicate' ELSE j.verdict END,
        coalesce(j.prior_id, n.message_id), coalesce(j.prior_seq, n.new_seq),
        coalesce(j.prior_number, n.new_number),
        CASE WHEN j.prior_id IS NULL THEN moment ELSE j.prior_created_at END,
        CASE WHEN j.prior_id IS NULL THEN n.fingerprint ELSE j.prior_fingerprint END,
        j.type, j.recipient_id
    FROM judged j
    LEFT JOIN ranked r ON r."position" = j."position"
    LEFT JOIN numbered n ON n."position" = r.first_position
    ORDER BY j."position";
END
$$;

-- The pair's lock stands for the conversation that does not exist yet.
CREATE FUNCTION lock_pair(a text, b text) RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(hashtextextended(
        least(a COLLATE "C", b COLLATE "C") || E'\x01' || greatest(a COLLATE "C", b COLLATE "C"), 0))
$$;

-- Finds or creates the direct conversation of two people about a product ('' for none).
-- verdict: 'found', 'created' or 'blocked'.
CREATE FUNCTION open_direct(new_id uuid, caller text, other text, product text)
RETURNS TABLE (verdict text, conversation_id uuid) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    low CONSTANT text COLLATE "C" := least(caller COLLATE "C", other COLLATE "C");
    high CONSTANT text COLLATE "C" := greatest(caller COLLATE "C", other COLLATE "C");
    found_id uuid;
    moment CONSTANT timestamptz := date_trunc('milliseconds', clock_timestamp());
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
        RETURN QUERY SELECT 'blocked', found_id;
        RETURN;
    END IF;
    IF found_id IS NOT NULL THEN
        RETURN QUERY SELECT 'found', found_id;
        RETURN;
    END IF;
    INSERT INTO conversations (id, type, product_id, user_low, user_high, created_by, member_count,
                               created_at, last_seq, last_xact)
    VALUES (new_id, 'direct', product, low, high, caller, 2, moment, 1, pg_current_xact_id());
    INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at)
    VALUES (new_id, low, 1, 'member', moment), (new_id, high, 1, 'member', moment);
    INSERT INTO events (stream_id, seq, xact, kind, actor_id, payload, created_at)
    VALUES (new_id, 1, pg_current_xact_id(), 'chat:conversation_created', caller,
            jsonb_build_object('joined', jsonb_build_array(low, high)), moment);
    RETURN QUERY SELECT 'created', new_id;
END
$$;

-- Appends an event to a person's own stream, which is created by its first event.
CREATE FUNCTION append_personal(person text, event_kind text, event_payload jsonb)
RETURNS TABLE (stream_id uuid, seq bigint) LANGUAGE sql VOLATILE AS $$
    WITH stream AS (
        INSERT INTO personal_streams AS s (user_id, stream_id, last_seq, last_xact)
        VALUES (person, gen_random_uuid(), 1, pg_current_xact_id())
        ON CONFLICT (user_id) DO UPDATE SET last_seq = s.last_seq + 1, last_xact = pg_current_xact_id()
        RETURNING s.stream_id, s.last_seq
    )
    INSERT INTO events (stream_id, seq, xact, kind, actor_id, payload, created_at)
    SELECT stream_id, last_seq, pg_current_xact_id(), event_kind, person, event_payload,
           date_trunc('milliseconds', clock_timestamp())
    FROM stream
    RETURNING stream_id, seq
$$;

-- Blocks or unblocks a person, under the lock of every direct conversation of the two, so that a send
-- that waits for it sees the block. No row where nothing changed.
CREATE FUNCTION set_user_block(caller text, target text, block boolean)
RETURNS TABLE (stream_id uuid, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    changed boolean;
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
    IF changed THEN
        RETURN QUERY SELECT p.stream_id, p.seq FROM append_personal(
            caller, CASE WHEN block THEN 'user:blocked' ELSE 'user:unblocked' END,
            jsonb_build_object('userId', target)) p;
    END IF;
END
$$;

-- A message as every reader needs it. A direct message's recipient has read it, received it, or neither.
CREATE VIEW message_rows AS
SELECT m.conversation_id, m.seq, m.number, m.id, m.sender_id, m.message_type, m.version, m.key_id, m.nonce,
    m.ciphertext, m.reply_to_message_id, m.client_message_id, m.is_announcement, m.created_at, m.edited_at,
    m.deleted_at, recipient.user_id AS recipient_id,
    CASE WHEN m.seq <@ recipient.read_seqs THEN 'read'
         WHEN m.seq <= recipient.delivered_seq THEN 'delivered'
         ELSE 'sent' END AS status,
    EXISTS (SELECT FROM pins p WHERE p.conversation_id = m.conversation_id AND p.message_id = m.id) AS is_pinned,
    (SELECT jsonb_agg(jsonb_build_array(r.user_id, r.reaction) ORDER BY r.created_at, r.user_id) FROM reactions r
     WHERE r.conversation_id = m.conversation_id AND r.message_id = m.id) AS reactions
FROM messages m
JOIN conversations c ON c.id = m.conversation_id
LEFT JOIN participants recipient ON c.type = 'direct' AND recipient.conversation_id = m.conversation_id
    AND recipient.user_id = CASE m.sender_id WHEN c.user_low THEN c.user_high ELSE c.user_low END
    AND recipient.left_seq IS NULL;

-- How many messages of others a member has not read, after joining and hiding: the gaps between the ranges
-- read are looked into, and the count stops at 1,000.
CREATE FUNCTION unread_count(reader text, conversation uuid, joined_seq bigint, hidden_seq bigint, read_seqs int8multirange)
RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM (
        SELECT FROM unnest(int8multirange(int8range(greatest(joined_seq, hidden_seq) + 1, NULL)) - read_seqs) AS gap
        JOIN messages m ON m.conversation_id = conversation AND m.seq >= lower(gap)
            AND m.seq < coalesce(upper(gap), 9223372036854775807)
        WHERE m.sender_id <> reader AND m.deleted_at IS NULL
            AND NOT EXISTS (SELECT FROM message_deletions d
                            WHERE d.conversation_id = conversation AND d.user_id = reader AND d.seq = m.seq)
        LIMIT 1000) unread
$$;

-- Forgets the oldest events, a batch at a time, and remembers per stream and in all how far: what is older
-- than the log is told from what is only old by these. Returns how many went.
CREATE FUNCTION prune_events(before timestamptz, at_most integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    pruned bigint;
BEGIN
    -- One process prunes at a time; the others have nothing to wait for.
    IF NOT pg_try_advisory_xact_lock(hashtext('chatserver prune')) THEN
        RETURN 0;
    END IF;
    CREATE TEMPORARY TABLE IF NOT EXISTS doomed (stream_id uuid, seq bigint, xact xid8) ON COMMIT DELETE ROWS;
    INSERT INTO doomed SELECT e.stream_id, e.seq, e.xact FROM (
        SELECT * FROM events ORDER BY xact LIMIT at_most) e WHERE e.created_at < before;
    PERFORM FROM conversations c WHERE c.id IN (SELECT d.stream_id FROM doomed d) ORDER BY c.id FOR UPDATE;
    UPDATE conversations c SET pruned_seq = greatest(c.pruned_seq, d.seq)
    FROM (SELECT stream_id, max(seq) AS seq FROM doomed GROUP BY stream_id) d WHERE c.id = d.stream_id;
    UPDATE personal_streams s SET pruned_seq = greatest(s.pruned_seq, d.seq)
    FROM (SELECT stream_id, max(seq) AS seq FROM doomed GROUP BY stream_id) d WHERE s.stream_id = d.stream_id;
    UPDATE log_epoch SET pruned_xact = greatest(pruned_xact, (SELECT max(d.xact) FROM doomed d))
    WHERE EXISTS (SELECT FROM doomed);
    DELETE FROM events e USING doomed d WHERE e.stream_id = d.stream_id AND e.seq = d.seq;
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END
$$;

-- Names the one history that seqs, xacts and offsets are valid in, and opens a new generation of it where the
-- database is no longer the one that wrote them: restored or moved into another cluster (whose transaction
-- ids mean something else: those stored become "before all"), or failed over to another timeline.
CREATE FUNCTION current_epoch() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    here_system CONSTANT bigint := (SELECT system_identifier FROM pg_control_system());
    here_timeline CONSTANT integer := (SELECT timeline_id FROM pg_control_checkpoint());
    known log_epoch;
BEGIN
    SELECT * INTO known FROM log_epoch;
    IF known.system_identifier IS DISTINCT FROM here_system OR known.timeline IS DISTINCT FROM here_timeline THEN
        PERFORM pg_advisory_xact_lock(hashtext('chatserver epoch'));
        SELECT * INTO known FROM log_epoch;
        IF known.system_identifier IS DISTINCT FROM here_system THEN
            UPDATE events SET xact = '0' WHERE xact <> '0';
            UPDATE conversations SET last_xact = '0';
            UPDATE personal_streams SET last_xact = '0';
            UPDATE participants SET left_xact = '0' WHERE left_xact IS NOT NULL;
            UPDATE participants SET receipt_xact = '0' WHERE receipt_xact IS NOT NULL;
        END IF;
        IF known.system_identifier IS DISTINCT FROM here_system OR known.timeline IS DISTINCT FROM here_timeline THEN
            UPDATE log_epoch SET generation = generation + 1, system_identifier = here_system,
                timeline = here_timeline,
                pruned_xact = CASE WHEN system_identifier = here_system THEN pruned_xact ELSE '0' END
            RETURNING * INTO known;
        END IF;
    END IF;
    RETURN known.system_identifier || '-' || known.timeline || '-' || known.generation;
END
$$;
