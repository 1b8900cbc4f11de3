-- Which history this database is, and whether it can go on. An epoch names the history of this very database: another one in
-- the same cluster (restored from a dump, copied by createdb), tables that were dropped and restored in place, and a log that
-- was emptied are other histories, whose seqs mean something else.

-- One row that is never changed. Whoever writes it anew, as a restore does, leaves another transaction's number on it.
CREATE TABLE log_mark (singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton));
INSERT INTO log_mark DEFAULT VALUES;

-- One row: which history seqs, xacts and offsets are valid in, and the highest xact that was pruned. `generation` is drawn by
-- lot: two restores of one dump are two histories, and neither knows of the other.
CREATE TABLE log_epoch (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    generation bigint NOT NULL,
    system_identifier bigint NOT NULL,
    timeline integer NOT NULL,
    identity text NOT NULL DEFAULT '',
    pruned_xact xid8 NOT NULL DEFAULT '0'
);

CREATE FUNCTION new_generation() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT 1 + floor(random() * 9007199254740990)::bigint
$$;
INSERT INTO log_epoch (generation, system_identifier, timeline)
SELECT new_generation(), system_identifier, timeline_id FROM pg_control_system(), pg_control_checkpoint();

-- What no copy of the rows has: the numbers of the database and of the tables that seqs stand in, and of the
-- transaction that wrote the mark. A new timeline or cluster is told from these by current_epoch().
CREATE FUNCTION history_identity() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT concat_ws('-', (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()),
        'events'::regclass::oid, 'conversations'::regclass::oid, 'personal_streams'::regclass::oid,
        'participants'::regclass::oid, 'messages'::regclass::oid, 'log_mark'::regclass::oid,
        (SELECT m.xmin FROM log_mark m))
$$;

-- Names the one history that seqs, xacts and offsets are valid in, and opens a new generation of it where the database is no
-- longer the one that wrote them. In another cluster transaction ids mean something else: those stored become "before all".
-- (The timeline by the log's own file: the last checkpoint names it late after a failover.) NULL where the row is missing: a
-- restore has come half way.
CREATE FUNCTION current_epoch() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    here_system CONSTANT bigint := (SELECT system_identifier FROM pg_control_system());
    here_timeline CONSTANT integer := CASE WHEN pg_is_in_recovery()
        THEN (SELECT timeline_id FROM pg_control_checkpoint())
        ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer END;
    here_identity CONSTANT text := history_identity();
    known log_epoch;
BEGIN
    SELECT * INTO known FROM log_epoch;
    IF FOUND AND (known.system_identifier, known.timeline, known.identity)
            IS DISTINCT FROM (here_system, here_timeline, here_identity) THEN
        PERFORM pg_advisory_xact_lock(hashtext('chatserver epoch'));
        SELECT * INTO known FROM log_epoch;
        IF known.system_identifier IS DISTINCT FROM here_system THEN
            UPDATE events SET xact = '0' WHERE xact <> '0';
            UPDATE conversations SET last_xact = '0';
            UPDATE personal_streams SET last_xact = '0';
            UPDATE participants SET left_xact = '0' WHERE left_xact IS NOT NULL;
            UPDATE participants SET receipt_xact = '0' WHERE receipt_xact IS NOT NULL;
        END IF;
        IF (known.system_identifier, known.timeline, known.identity)
                IS DISTINCT FROM (here_system, here_timeline, here_identity) THEN
            UPDATE log_epoch SET generation = new_generation(), system_identifier = here_system,
                timeline = here_timeline, identity = here_identity,
                pruned_xact = CASE WHEN system_identifier = here_system THEN pruned_xact ELSE '0' END
            RETURNING * INTO known;
        END IF;
    END IF;
    RETURN known.system_identifier || '-' || known.timeline || '-' || known.generation;
END
$$;

-- Opens a new generation because a table of the history is emptied.
CREATE FUNCTION open_generation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE log_epoch SET generation = new_generation();
    RETURN NULL;
END
$$;
CREATE TRIGGER another_history BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION open_generation();
CREATE TRIGGER another_history BEFORE TRUNCATE ON conversations FOR EACH STATEMENT EXECUTE FUNCTION open_generation();
CREATE TRIGGER another_history BEFORE TRUNCATE ON personal_streams FOR EACH STATEMENT EXECUTE FUNCTION open_generation();
CREATE TRIGGER another_history BEFORE TRUNCATE ON participants FOR EACH STATEMENT EXECUTE FUNCTION open_generation();
CREATE TRIGGER another_history BEFORE TRUNCATE ON messages FOR EACH STATEMENT EXECUTE FUNCTION open_generation();

-- Whether what clients send could be written now: a full disk and a read-only database let everything be read.

-- One row, whose page has room for its next versions.
CREATE TABLE write_probe (asked_at timestamptz NOT NULL) WITH (fillfactor = 10);
INSERT INTO write_probe VALUES (now());

-- Writes, or fails as a message would. With `whole` it also takes new room on the disk, which a write into a page that
-- has some does not need: the table's file is begun anew, and all that is taken back, so nothing grows. Null where
-- another process is asking this very moment.
CREATE FUNCTION can_write(whole boolean) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(7305442112204157801) THEN
        RETURN NULL;
    END IF;
    UPDATE write_probe SET asked_at = clock_timestamp();
    IF whole THEN
        BEGIN
            TRUNCATE write_probe;
            INSERT INTO write_probe VALUES (clock_timestamp());
            RAISE EXCEPTION 'taken back' USING ERRCODE = 'WP000';
        EXCEPTION WHEN SQLSTATE 'WP000' THEN
            NULL;
        END;
    END IF;
    RETURN true;
END
$$;
