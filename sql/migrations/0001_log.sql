-- The log: every durable change is an event of a stream, with the stream's next seq. A stream is a conversation, or a
-- person's own. docs/ARCHITECTURE.md ("State") says why each table has its shape.
--
-- How functions are written, here and in the files after this one: a change is one VOLATILE PL/pgSQL function, so that each
-- of its statements has a snapshot of its own: first lock the streams, in the order of their ids (no deadlocks), then look,
-- with a snapshot younger than the lock, and write. In one statement the snapshot would be older than the lock that it
-- waited for: a member removed meanwhile would still post. One call is one round trip.
--
-- And every look-up has one possible shape, whatever the planner believes of the tables: by a whole key, or by the one index
-- that can serve it, with LIMIT, OFFSET 0 or a scalar subquery where a join could be turned round. Where a second index
-- begins with the same column as the key, it begins with an expression of it (uuid_send(…), … || ''), so that neither is mistaken for
-- the other.
-- What is asked for one row is PL/pgSQL, whose plans are kept; SQL functions are planned with every call.
--
-- User ids are opaque and belong to the main back end: text, compared byte by byte (COLLATE "C"), so that "lower user" means
-- the same on every machine. No foreign keys on messages and events: their only writers hold the conversation's row lock,
-- which proves more than a key would, for less. Nor do tables that each message writes have CHECKs, which are read anew for
-- every statement: triggers look at what is inserted or changed in the columns that they are about.

-- Refuses a row, by the name of the trigger that found it wrong.
CREATE FUNCTION refuse_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a row of % is not what it must be (%)', TG_TABLE_NAME, TG_NAME USING ERRCODE = 'check_violation';
END
$$;

-- Append-only, kept 30 days. xact lets a reader ask "what became visible since my snapshot", which a
-- counter cannot answer: transactions commit out of order.
CREATE TABLE events (
    stream_id uuid NOT NULL,
    seq bigint NOT NULL,
    xact xid8 NOT NULL,
    kind text NOT NULL,
    actor_id text COLLATE "C" NOT NULL,
    message_id uuid,
    payload jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    PRIMARY KEY (stream_id, seq)
);
CREATE INDEX events_xact ON events (xact);
-- By which the reactions of a message are found that is erased.
CREATE INDEX events_reactions ON events (message_id) WHERE kind = 'chat:reaction_added';

-- A person's own stream: what they hid, deleted for themselves, blocked.
CREATE TABLE personal_streams (
    user_id text COLLATE "C" PRIMARY KEY,
    stream_id uuid NOT NULL UNIQUE,
    last_seq bigint NOT NULL DEFAULT 0,
    last_xact xid8 NOT NULL,
    delivered_seq bigint NOT NULL DEFAULT 0,
    pruned_seq bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Now, as precise as what clients see.
CREATE FUNCTION this_moment() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT date_trunc('milliseconds', clock_timestamp())
$$;

-- Appends an event to a conversation, whose lock the caller holds; an event about a message has changed it. Returns its seq.
CREATE FUNCTION append_to_conversation(
    conversation uuid, event_kind text, actor text, message uuid, event_payload jsonb
) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    next_seq bigint;
BEGIN
    UPDATE conversations c SET last_seq = c.last_seq + 1, last_xact = pg_current_xact_id()
    WHERE c.id = conversation RETURNING c.last_seq INTO next_seq;
    INSERT INTO events (stream_id, seq, xact, kind, actor_id, message_id, payload, created_at)
    VALUES (conversation, next_seq, pg_current_xact_id(), event_kind, actor, message, event_payload, this_moment());
    IF message IS NOT NULL THEN
        UPDATE messages m SET updated_seq = next_seq WHERE m.id = message;
    END IF;
    RETURN next_seq;
END
$$;

-- Appends an event to a person's own stream, which begins with it where there is none. Returns its seq.
CREATE FUNCTION append_personal(person text, event_kind text, event_payload jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    stream uuid;
    next_seq bigint;
BEGIN
    INSERT INTO personal_streams AS s (user_id, stream_id, last_seq, last_xact)
    VALUES (person, gen_random_uuid(), 1, pg_current_xact_id())
    ON CONFLICT (user_id) DO UPDATE SET last_seq = s.last_seq + 1, last_xact = pg_current_xact_id()
    RETURNING s.stream_id, s.last_seq INTO stream, next_seq;
    INSERT INTO events (stream_id, seq, xact, kind, actor_id, payload, created_at)
    VALUES (stream, next_seq, pg_current_xact_id(), event_kind, person, event_payload, this_moment());
    RETURN next_seq;
END
$$;

-- How far a snapshot shows a stream: the highest of its seqs up to `last`, whose event it does not show, that it does.
-- Within a stream commit order is seq order, so what is shown is a beginning, and its end is found by looks of
-- growing width and then by halves: some twenty looks at the key, where walking back would read all that was missed.
-- NULL: nothing that is left in the log (up to `pruned` nothing is). What came before `joined` is of no interest, and of
-- more than 1,000 events it does not matter how many more (`recovery.MOST_IN_ONE`): any seq so far before `last` will do.
CREATE FUNCTION shown_seq(stream uuid, last bigint, pruned bigint, joined bigint, shown pg_snapshot) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    bottom CONSTANT bigint := greatest(pruned, joined - 1);
    visible bigint := bottom;
    hidden bigint := last;
    width bigint := 1;
    look bigint;
BEGIN
    WHILE hidden - width > bottom LOOP
        look := hidden - width;
        IF (SELECT pg_visible_in_snapshot(e.xact, shown) FROM events e WHERE e.stream_id = stream AND e.seq = look) THEN
            visible := look;
            EXIT;
        END IF;
        hidden := look;
        IF last - hidden > 1000 THEN
            RETURN hidden - 1;
        END IF;
        width := width * 2;
    END LOOP;
    WHILE hidden - visible > 1 LOOP
        look := (hidden + visible) / 2;
        IF (SELECT pg_visible_in_snapshot(e.xact, shown) FROM events e WHERE e.stream_id = stream AND e.seq = look) THEN
            visible := look;
        ELSE
            hidden := look;
        END IF;
    END LOOP;
    -- What was pruned may have been shown or not; what came before the joining is of no interest.
    RETURN CASE WHEN visible = pruned AND pruned >= joined THEN NULL ELSE visible END;
END
$$;

-- Forgets the oldest events, at most `at_most` of them, and remembers for each stream and in all how far: what is older
-- than the log is told from what is only old by these. Returns how many went. (By where the rows are, which nobody
-- changes: events are only written and pruned, and one process prunes at a time.)
CREATE FUNCTION prune_events(before timestamptz, at_most integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    places tid[];
    streams uuid[];
    seqs bigint[];
    newest xid8;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('chatserver prune')) THEN
        RETURN 0;
    END IF;
    WITH oldest AS MATERIALIZED (
        SELECT e.ctid AS place, e.stream_id, e.seq, e.xact, e.created_at FROM events e ORDER BY e.xact LIMIT at_most
    ), doomed AS MATERIALIZED (
        SELECT * FROM oldest WHERE created_at < before
    ), reached AS (
        SELECT stream_id, max(seq) AS seq FROM doomed GROUP BY stream_id
    )
    SELECT (SELECT array_agg(place) FROM doomed), (SELECT max(xact) FROM doomed),
        array_agg(stream_id ORDER BY stream_id), array_agg(seq ORDER BY stream_id)
    INTO places, newest, streams, seqs FROM reached;
    IF places IS NULL THEN
        RETURN 0;
    END IF;
    -- A stream is a conversation or a person's. Conversations come first, in the order of their ids, as everywhere.
    FOR n IN 1 .. cardinality(streams) LOOP
        UPDATE conversations c SET pruned_seq = greatest(c.pruned_seq, seqs[n]) WHERE c.id = streams[n];
    END LOOP;
    FOR n IN 1 .. cardinality(streams) LOOP
        UPDATE personal_streams s SET pruned_seq = greatest(s.pruned_seq, seqs[n]) WHERE s.stream_id = streams[n];
    END LOOP;
    UPDATE log_epoch SET pruned_xact = greatest(pruned_xact, newest);
    DELETE FROM events e WHERE e.ctid = ANY (places);
    RETURN cardinality(places);
END
$$;
