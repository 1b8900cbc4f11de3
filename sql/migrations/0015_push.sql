-- Notifications: people's devices, what reads the log later and elsewhere, and what is to be sent to whom.

-- A device of a person at a push service. Where it is reached, and what it is called, is sealed (chatserver/push/sealing.py);
-- the fingerprint of where is one device's, whoever has it.
CREATE TABLE push_devices (
    id uuid PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    provider text NOT NULL,
    fingerprint bytea NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX push_devices_fingerprint ON push_devices (fingerprint);
CREATE INDEX push_devices_of_user ON push_devices (user_id);

-- Adds a device of the caller's, of whom there are `most`; one that another person has is theirs no longer. fingerprints are
-- those of the place under all keys, the current one's first. Error: 'full'.
CREATE FUNCTION add_push_device(
    caller text, new_id uuid, wanted_provider text, fingerprints bytea[], new_sealed bytea, most integer
) RETURNS TABLE (verdict text, device_id uuid) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    held push_devices;
BEGIN
    -- Of two at once the second waits here for the first's commit: of one person, and of one place.
    PERFORM pg_advisory_xact_lock(hashtextextended('push devices' || E'\x01' || caller, 0));
    PERFORM pg_advisory_xact_lock(hashtextextended('push place' || E'\x01' || encode(fingerprints[1], 'hex'), 0));
    FOR n IN 1 .. cardinality(fingerprints) LOOP
        SELECT d.* INTO held FROM push_devices d WHERE d.fingerprint = fingerprints[n] FOR UPDATE;
        EXIT WHEN FOUND;
    END LOOP;
    IF held.user_id = caller THEN
        UPDATE push_devices d SET fingerprint = fingerprints[1], sealed = new_sealed WHERE d.id = held.id;
        RETURN QUERY SELECT 'done', held.id;
        RETURN;
    END IF;
    IF most <= (SELECT count(*) FROM (
        SELECT FROM push_devices d WHERE d.user_id = caller LIMIT most) those) THEN
        RETURN QUERY SELECT 'full', NULL::uuid;
        RETURN;
    END IF;
    DELETE FROM push_devices d WHERE d.id = held.id;
    INSERT INTO push_devices (id, user_id, provider, fingerprint, sealed, created_at)
    VALUES (new_id, caller, wanted_provider, fingerprints[1], new_sealed, this_moment());
    RETURN QUERY SELECT 'done', new_id;
END
$$;

-- -- consumers of the log --------------------------------------------------------------------------

-- What reads the log later and elsewhere (docs/CONSUMERS.md). Up to which snapshot each has read: what became visible since.
CREATE TABLE log_consumers (
    name text PRIMARY KEY,
    snapshot pg_snapshot NOT NULL,
    read_at timestamptz NOT NULL
);

-- The streams in which a consumer has something to do, and none else: what it has done of each, up to where it is to go, and
-- when. A claim is a lease: until due_at nobody else takes the stream, and what comes of an older claim does not count.
CREATE TABLE consumer_streams (
    consumer text NOT NULL,
    stream_id uuid NOT NULL,
    done_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    due_at timestamptz NOT NULL,
    claim bigint NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    PRIMARY KEY (consumer, stream_id)
) WITH (fillfactor = 70);
CREATE INDEX consumer_streams_due ON consumer_streams ((consumer || ''), due_at);

-- Reads what became visible in the log since the last time, and notes the streams with events of these kinds, of the last 24
-- hours. One process at a time, and no sooner than `pause` after the last: NULL where this is not the one. At most `at_most`
-- transactions further; answers whether there are more.
CREATE FUNCTION read_log(consumer_name text, kinds text[], pause interval, at_most bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
    since log_consumers;
    here pg_snapshot;
    top xid8;
    moment CONSTANT timestamptz := clock_timestamp();
BEGIN
    SELECT c.* INTO since FROM log_consumers c WHERE c.name = consumer_name FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        -- It begins with what comes from now on; or another process is reading.
        INSERT INTO log_consumers VALUES (consumer_name, pg_current_snapshot(), moment) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END IF;
    IF since.read_at > moment - pause AND since.read_at <= moment THEN
        RETURN NULL;
    END IF;
    -- What is read and how far belong together: one statement has one snapshot.
    WITH looked AS MATERIALIZED (
        SELECT s.found, least(pg_snapshot_xmax(s.found),
            (pg_snapshot_xmax(since.snapshot)::text::bigint + at_most)::text::xid8) AS reached
        FROM (SELECT pg_current_snapshot() AS found OFFSET 0) s
    ), fresh AS MATERIALIZED (
        SELECT f.stream_id, f.seq FROM looked CROSS JOIN LATERAL (
            SELECT e.stream_id, e.seq, e.kind, e.created_at FROM events e
            WHERE e.xact >= pg_snapshot_xmax(since.snapshot) AND e.xact < looked.reached OFFSET 0) f
        WHERE f.kind = ANY (kinds) AND f.created_at > moment - interval '24 hours'
        UNION ALL
        SELECT f.stream_id, f.seq FROM pg_snapshot_xip(since.snapshot) AS running (xid) CROSS JOIN LATERAL (
            SELECT e.stream_id, e.seq, e.kind, e.created_at FROM events e WHERE e.xact = running.xid OFFSET 0) f
        WHERE f.kind = ANY (kinds) AND f.created_at > moment - interval '24 hours'
    ), noted AS (
        INSERT INTO consumer_streams AS s (consumer, stream_id, done_seq, last_seq, due_at)
        SELECT consumer_name, f.stream_id, min(f.seq) - 1, max(f.seq), moment FROM fresh f
        GROUP BY f.stream_id ORDER BY f.stream_id
        ON CONFLICT (consumer, stream_id) DO UPDATE SET last_seq = greatest(s.last_seq, excluded.last_seq)
        RETURNING 1
    )
    SELECT looked.found, looked.reached INTO here, top FROM looked, (SELECT count(*) FROM noted) done;
    -- A database that was restored into another cluster counts transactions anew.
    IF top < pg_snapshot_xmax(here) AND pg_snapshot_xmax(since.snapshot) <= pg_snapshot_xmax(here) THEN
        -- What is left is read at once.
        UPDATE log_consumers c SET read_at = moment - pause, snapshot = (
            SELECT coalesce(min(x.xid::text::bigint), top::text::bigint) || ':' || top || ':'
                || coalesce(string_agg(x.xid::text, ',' ORDER BY x.xid), '')
            FROM pg_snapshot_xip(here) AS x (xid) WHERE x.xid < top)::pg_snapshot
        WHERE c.name = consumer_name;
        RETURN true;
    END IF;
    UPDATE log_consumers c SET read_at = moment, snapshot = here WHERE c.name = consumer_name;
    RETURN false;
END
$$;

-- Takes streams that are due, at most `at_most`, for as long as the lease.
CREATE FUNCTION claim_streams(consumer_name text, at_most integer, lease interval) RETURNS SETOF consumer_streams
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
    taken consumer_streams;
    moment CONSTANT timestamptz := clock_timestamp();
BEGIN
    FOR taken IN
        SELECT s.* FROM consumer_streams s WHERE s.consumer || '' = consumer_name AND s.due_at <= moment
        ORDER BY s.due_at LIMIT at_most FOR UPDATE SKIP LOCKED
    LOOP
        UPDATE consumer_streams s SET due_at = moment + lease, claim = s.claim + 1
        WHERE s.consumer = consumer_name AND s.stream_id = taken.stream_id
        RETURNING s.* INTO taken;
        RETURN NEXT taken;
    END LOOP;
END
$$;

-- Notes how far a claimed stream is done, and, where it failed, in how long it is to be tried again. What is done is forgotten.
CREATE FUNCTION finish_stream(
    consumer_name text, stream uuid, my_claim bigint, done bigint, wait interval
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE consumer_streams s SET done_seq = done, due_at = clock_timestamp() + coalesce(wait, '0'),
        failures = CASE WHEN wait IS NULL THEN 0 ELSE s.failures + 1 END
    WHERE s.consumer = consumer_name AND s.stream_id = stream AND s.claim = my_claim;
    DELETE FROM consumer_streams s WHERE s.consumer = consumer_name AND s.stream_id = stream AND s.claim = my_claim
        AND s.done_seq >= s.last_seq;
END
$$;

-- -- what is to be sent ----------------------------------------------------------------------------

-- What a person is to be told of a conversation at one target, a device's id or 'hook': the messages after from_seq up to
-- to_seq are one burst. Of those that mention them the newest fifty are known. tried_seq is the message that was tried and not
-- accepted yet: no other takes its place. A row is there while something is to be sent, and it is its target's order.
CREATE TABLE push_notices (
    target text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    conversation_id uuid NOT NULL,
    provider text NOT NULL,
    from_seq bigint NOT NULL,
    to_seq bigint NOT NULL,
    mention_seqs bigint[] NOT NULL DEFAULT '{}',
    tried_seq bigint,
    begun_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    claim bigint NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    PRIMARY KEY (target, user_id, conversation_id)
) WITH (fillfactor = 70);
CREATE INDEX push_notices_due ON push_notices (provider, due_at);
CREATE INDEX conversation_settings_all ON conversation_settings (uuid_send(conversation_id), user_id) WHERE level = 'all';

-- Those who may be notified of a conversation's messages, `at_most` after a user id: everybody where it has up to 100 members,
-- or where `everyone` is mentioned; else those who have set that they want all.
CREATE FUNCTION push_audience(conversation uuid, everyone boolean, after text, at_most integer) RETURNS SETOF text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF everyone OR (SELECT c.member_count <= 100 FROM conversations c WHERE c.id = conversation) THEN
        RETURN QUERY SELECT p.user_id FROM participants p
        WHERE p.conversation_id = conversation AND p.user_id > after AND p.left_seq IS NULL
        ORDER BY p.user_id LIMIT at_most;
    ELSE
        RETURN QUERY SELECT s.user_id FROM conversation_settings s
        WHERE uuid_send(s.conversation_id) = uuid_send(conversation) AND s.level = 'all' AND s.user_id > after
        ORDER BY s.user_id LIMIT at_most;
    END IF;
END
$$;

-- The newest fifty of some seqs.
CREATE FUNCTION newest_fifty(seqs bigint[]) RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN ARRAY(SELECT DISTINCT s.seq FROM unnest(seqs) AS s (seq) ORDER BY s.seq DESC LIMIT 50);
END
$$;

-- Notes for some people that messages of a conversation, after one seq up to another, are to be told to their devices at these
-- providers ('hook': to the hook, whatever devices they have), `delay` after the first of them. Those at all_seqs mention everybody, and the
-- person beside each of mention_seqs is mentioned there. What is noted already is one burst with these.
CREATE FUNCTION note_messages(
    conversation uuid, people text[], after bigint, up_to bigint, said_at timestamptz, delay interval, providers text[],
    all_seqs bigint[], mentioned text[], mentioned_seqs bigint[]
) RETURNS bigint LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
    many bigint;
BEGIN
    INSERT INTO push_notices AS n (target, user_id, conversation_id, provider, from_seq, to_seq, mention_seqs, begun_at, due_at)
    SELECT t.target, asked.person, conversation, t.provider, after, up_to,
        newest_fifty(all_seqs || ARRAY(
            SELECT m.seq FROM unnest(mentioned, mentioned_seqs) AS m (person, seq) WHERE m.person = asked.person)),
        said_at, said_at + delay
    FROM unnest(people) AS asked (person) CROSS JOIN LATERAL (
        SELECT d.id::text AS target, d.provider FROM push_devices d
        WHERE d.user_id = asked.person AND d.provider = ANY (providers)
        UNION ALL
        SELECT 'hook', 'hook' WHERE 'hook' = ANY (providers)) t
    ORDER BY t.target COLLATE "C", asked.person COLLATE "C"
    ON CONFLICT (target, user_id, conversation_id) DO UPDATE SET to_seq = greatest(n.to_seq, excluded.to_seq),
        mention_seqs = newest_fifty(n.mention_seqs || excluded.mention_seqs);
    GET DIAGNOSTICS many = ROW_COUNT;
    RETURN many;
END
$$;

-- Whether a message stands unread for a member: somebody else's, after joining and hiding, not erased, not deleted for themselves.
CREATE FUNCTION stands_unread(me participants, wanted bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN wanted > greatest(me.joined_seq, me.hidden_seq) AND NOT wanted <@ me.read_seqs AND EXISTS (
        SELECT FROM messages m WHERE m.conversation_id = me.conversation_id AND m.seq = wanted
            AND m.sender_id <> me.user_id AND m.deleted_at IS NULL
            AND NOT EXISTS (SELECT FROM message_deletions d WHERE d.conversation_id = me.conversation_id
                            AND d.user_id = me.user_id AND d.seq = wanted));
END
$$;

-- The newest message after one seq, up to another, that stands unread for a member; NULL where there is none among the newest
-- 200 of each range that is not read.
CREATE FUNCTION newest_unread(me participants, after bigint, up_to bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    bottom CONSTANT bigint := greatest(after, me.joined_seq, me.hidden_seq) + 1;
BEGIN
    IF bottom > up_to THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT found.seq
        FROM unnest(int8multirange(int8range(bottom, up_to + 1)) - me.read_seqs) AS gap
        CROSS JOIN LATERAL (
            SELECT x.seq FROM (
                SELECT m.seq, m.sender_id, m.deleted_at FROM messages m
                WHERE m.conversation_id = me.conversation_id AND m.seq >= lower(gap) AND m.seq < upper(gap)
                ORDER BY m.seq DESC LIMIT 200) x
            WHERE x.sender_id <> me.user_id AND x.deleted_at IS NULL
                AND (SELECT d.seq FROM message_deletions d WHERE d.conversation_id = me.conversation_id
                         AND d.user_id = me.user_id AND d.seq = x.seq LIMIT 1) IS NULL
            ORDER BY x.seq DESC LIMIT 1) found
        ORDER BY found.seq DESC LIMIT 1);
END
$$;

-- How many conversations a person has that show something unread, at most a hundred.
CREATE FUNCTION unread_conversations(person text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT count(*) FROM (
        SELECT FROM participants me CROSS JOIN LATERAL (
            SELECT x.last_message_seq FROM conversations x WHERE x.id = me.conversation_id AND x.is_active LIMIT 1) c
        WHERE me.user_id = person AND me.left_seq IS NULL AND (
            me.marked_unread_seq > 0
            OR newest_unread(me::participants, 0, c.last_message_seq) IS NOT NULL)
        LIMIT 100) counted);
END
$$;

-- A notice that is to be sent now.
CREATE TYPE due_notice AS (
    target text, user_id text, conversation_id uuid, claim bigint, failures integer, begun_at timestamptz, to_seq bigint,
    seq bigint, message_id uuid, said_at timestamptz, is_mention boolean, badge bigint,
    device_id uuid, fingerprint bytea, sealed bytea
);

-- Takes a provider's notices that are due, at most `at_most`, for as long as the lease. What nobody is to be told of any more, as things
-- stand now, is forgotten: read, muted, below the level, left, blocked, erased, hidden, or of a device that is gone. Of one person
-- eight are judged; those beyond have no seq, and are to be put off.
CREATE FUNCTION claim_notices(wanted_provider text, at_most integer, lease interval) RETURNS SETOF due_notice
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
    notice push_notices;
    device push_devices;
    me participants;
    talk record;
    settings conversation_settings;
    level text;
    found due_notice;
    -- Of each person: how many of theirs were judged, and what they have unread, which costs the most.
    judged jsonb := '{}';
    badges jsonb := '{}';
    moment CONSTANT timestamptz := clock_timestamp();
BEGIN
    FOR notice IN
        SELECT n.* FROM push_notices n WHERE n.provider = wanted_provider AND n.due_at <= moment
        ORDER BY n.due_at LIMIT at_most FOR UPDATE SKIP LOCKED
    LOOP
        found := NULL;
        found.target := notice.target;
        found.user_id := notice.user_id;
        found.conversation_id := notice.conversation_id;
        found.claim := notice.claim + 1;
        found.failures := notice.failures;
        found.begun_at := notice.begun_at;
        found.to_seq := notice.to_seq;
        IF (judged ->> notice.user_id)::integer >= 8 THEN
            UPDATE push_notices n SET due_at = moment + lease, claim = n.claim + 1
            WHERE n.target = notice.target AND n.user_id = notice.user_id AND n.conversation_id = notice.conversation_id;
            RETURN NEXT found;
            CONTINUE;
        END IF;
        judged := judged || jsonb_build_object(notice.user_id, coalesce((judged ->> notice.user_id)::integer, 0) + 1);
        device := NULL;
        IF notice.target <> 'hook' THEN
            SELECT d.* INTO device FROM push_devices d WHERE d.id = notice.target::uuid AND d.user_id = notice.user_id;
        END IF;
        SELECT p.* INTO me FROM participants p WHERE p.conversation_id = notice.conversation_id
            AND p.user_id = notice.user_id AND p.left_seq IS NULL;
        SELECT c.type, c.member_count, c.is_active AND NOT (c.type = 'direct' AND (
                EXISTS (SELECT FROM conversation_blocks b WHERE b.conversation_id = c.id)
                OR directory_blocked(c.user_low, c.user_high))) AS is_open
        INTO talk FROM conversations c WHERE c.id = notice.conversation_id;
        SELECT s.* INTO settings FROM conversation_settings s
        WHERE s.conversation_id = notice.conversation_id AND s.user_id = notice.user_id;
        level := coalesce(settings.level, CASE WHEN talk.member_count > 100 THEN 'mentions' ELSE 'all' END);
        IF (notice.target = 'hook' OR device.id IS NOT NULL) AND me.user_id IS NOT NULL AND talk.is_open
            AND level <> 'none' AND (settings.muted_until IS NULL OR settings.muted_until <= moment) THEN
            found.seq := (
                SELECT max(s.seq) FROM unnest(notice.mention_seqs) AS s (seq)
                WHERE s.seq > notice.from_seq AND s.seq <= notice.to_seq AND stands_unread(me, s.seq));
            found.is_mention := found.seq IS NOT NULL;
            IF level = 'all' THEN
                found.seq := newest_unread(me, notice.from_seq, notice.to_seq);
            END IF;
            IF found.seq IS NOT NULL AND stands_unread(me, notice.tried_seq) THEN
                found.seq := notice.tried_seq;
            END IF;
        END IF;
        IF found.seq IS NULL THEN
            DELETE FROM push_notices n WHERE n.target = notice.target AND n.user_id = notice.user_id
                AND n.conversation_id = notice.conversation_id;
            CONTINUE;
        END IF;
        UPDATE push_notices n SET due_at = moment + lease, claim = n.claim + 1, tried_seq = found.seq
        WHERE n.target = notice.target AND n.user_id = notice.user_id AND n.conversation_id = notice.conversation_id;
        SELECT m.id, m.created_at INTO found.message_id, found.said_at FROM messages m
        WHERE m.conversation_id = notice.conversation_id AND m.seq = found.seq;
        IF NOT badges ? notice.user_id THEN
            badges := badges || jsonb_build_object(notice.user_id, unread_conversations(notice.user_id));
        END IF;
        found.badge := badges ->> notice.user_id;
        found.device_id := device.id;
        found.fingerprint := device.fingerprint;
        found.sealed := device.sealed;
        RETURN NEXT found;
    END LOOP;
END
$$;

-- Notes that a claimed notice is settled up to a seq. What came meanwhile is another burst, after the delay.
CREATE FUNCTION settle_notice(
    wanted_target text, person text, conversation uuid, my_claim bigint, up_to bigint, delay interval
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM push_notices n WHERE n.target = wanted_target AND n.user_id = person AND n.conversation_id = conversation
        AND n.claim = my_claim AND n.to_seq <= up_to;
    UPDATE push_notices n SET from_seq = up_to, tried_seq = NULL, failures = 0, begun_at = clock_timestamp(),
        due_at = clock_timestamp() + delay
    WHERE n.target = wanted_target AND n.user_id = person AND n.conversation_id = conversation AND n.claim = my_claim;
END
$$;

-- Has claimed notices that were not tried wait. What no service has seen yet keeps no message's place: the newest is told then.
CREATE FUNCTION put_off_notices(
    targets text[], people text[], conversations uuid[], claims bigint[], wait interval
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    asked record;
BEGIN
    -- In the order of their keys, as whoever else locks several.
    FOR asked IN
        SELECT * FROM unnest(targets, people, conversations, claims) AS a (target, person, conversation, claim)
        ORDER BY a.target COLLATE "C", a.person COLLATE "C", a.conversation
    LOOP
        UPDATE push_notices n SET due_at = clock_timestamp() + wait,
            tried_seq = CASE WHEN n.failures > 0 THEN n.tried_seq END
        WHERE n.target = asked.target AND n.user_id = asked.person AND n.conversation_id = asked.conversation
            AND n.claim = asked.claim;
    END LOOP;
END
$$;

-- Notes that a claimed notice is to be tried again in a while; so are all others of a device, where that is the target.
CREATE FUNCTION defer_notice(
    wanted_target text, person text, conversation uuid, my_claim bigint, wait interval
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    -- In the order of their keys: two notices of one device may fail at once.
    PERFORM FROM push_notices n WHERE n.target = wanted_target AND wanted_target <> 'hook'
    ORDER BY n.user_id, n.conversation_id FOR UPDATE;
    UPDATE push_notices n SET due_at = clock_timestamp() + wait, failures = n.failures + 1
    WHERE n.target = wanted_target AND n.user_id = person AND n.conversation_id = conversation AND n.claim = my_claim;
    UPDATE push_notices n SET due_at = clock_timestamp() + wait
    WHERE n.target = wanted_target AND wanted_target <> 'hook' AND n.due_at < clock_timestamp() + wait
        AND n.conversation_id <> conversation;
END
$$;

-- Forgets what was to be sent to a device, in the order of the keys, as whoever else locks several.
CREATE FUNCTION forget_notices_of(device uuid) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM push_notices n WHERE n.target = device::text ORDER BY n.user_id, n.conversation_id FOR UPDATE;
    DELETE FROM push_notices n WHERE n.target = device::text;
END
$$;

-- Removes a device of the caller's. Error: 'not_found'.
CREATE FUNCTION remove_push_device(caller text, device uuid) RETURNS TABLE (verdict text) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM push_devices d WHERE d.id = device AND d.user_id = caller;
    IF FOUND THEN
        PERFORM forget_notices_of(device);
        RETURN QUERY SELECT 'done';
    ELSE
        RETURN QUERY SELECT 'not_found';
    END IF;
END
$$;

-- Forgets a device that its push service does not know any more, unless it was added anew since.
CREATE FUNCTION forget_push_device(device uuid, known bytea, body bytea) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM push_devices d WHERE d.id = device AND d.fingerprint = known AND d.sealed = body;
    IF FOUND THEN
        PERFORM forget_notices_of(device);
    END IF;
END
$$;
