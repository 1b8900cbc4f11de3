-- Files: what people upload, the message that each belongs to, and the objects in which their bytes lie.

-- A file is made by its owner for a conversation, uploaded ('uploading'), looked at ('scanning'), and then 'ready' or
-- 'refused'. A message claims it under the conversation's lock (message_id); from then on it belongs to that, and goes with it.
-- `about` is sealed: name, type, size and the like, as messages show them. Each version of it has a nonce of its own, by which
-- whoever claims a file tells that they have seen it as it is. `upload` is the object of a bucket that the owner writes
-- themselves; `content` and `thumb` are those that are served.
CREATE TABLE files (
    id uuid PRIMARY KEY,
    conversation_id uuid NOT NULL,
    owner_id text COLLATE "C" NOT NULL,
    message_id uuid,
    state text NOT NULL,
    size bigint NOT NULL,
    version smallint NOT NULL,
    key_id text NOT NULL,
    nonce bytea NOT NULL,
    about bytea NOT NULL,
    upload uuid,
    content uuid,
    thumb uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    worker uuid,
    work_until timestamptz
);
CREATE INDEX files_of_message ON files (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX files_unclaimed ON files (created_at) WHERE message_id IS NULL;
CREATE INDEX files_scanning ON files (work_until) WHERE state = 'scanning';
CREATE TRIGGER files_state BEFORE INSERT OR UPDATE OF state ON files
    FOR EACH ROW WHEN (NEW.state NOT IN ('uploading', 'scanning', 'ready', 'refused')) EXECUTE FUNCTION refuse_row();

-- Every object that there may be in the storage, written down before it is written there. One with a time in doomed_at is
-- nobody's after that, and is deleted there before its row is deleted here: so whatever is killed, nothing is left behind.
CREATE TABLE file_objects (
    id uuid PRIMARY KEY,
    doomed_at timestamptz
);
CREATE INDEX file_objects_doomed ON file_objects (doomed_at) WHERE doomed_at IS NOT NULL;

-- How many bytes a person has announced, by the hour.
CREATE TABLE file_usage (
    user_id text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    bytes bigint NOT NULL,
    PRIMARY KEY (user_id, hour)
);

-- Dooms the objects of a file that is gone. What is still being uploaded to a bucket is doomed already, for later.
CREATE FUNCTION doom_objects(ids uuid[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    FOR n IN 1 .. cardinality(ids) LOOP
        UPDATE file_objects o SET doomed_at = this_moment() WHERE o.id = ids[n];
    END LOOP;
END
$$;

-- With an erased message go its files: from the commit on nobody is given them.
CREATE FUNCTION drop_files_of_message() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    gone record;
BEGIN
    FOR gone IN DELETE FROM files f WHERE f.message_id = NEW.id RETURNING f.content, f.thumb LOOP
        PERFORM doom_objects(ARRAY[gone.content, gone.thumb]);
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER messages_files AFTER UPDATE OF deleted_at ON messages
    FOR EACH ROW WHEN (NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION drop_files_of_message();

-- Makes a file, where its owner is in the conversation and may say something there. It counts as `weight` bytes of the `most`
-- of a day; 0 is no limit. `bucket_object` is where the owner uploads it, where that is not to us.
-- verdict: 'done', 'not_found', 'blocked', or 'too_soon' with the seconds after which it fits.
CREATE FUNCTION create_file(
    caller text, file uuid, conversation uuid, bytes bigint, new_version smallint, new_key_id text, new_nonce bytea,
    new_about bytea, bucket_object uuid, seconds integer, weight bigint, most bigint
) RETURNS TABLE (verdict text, expires_at timestamptz, wait double precision) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    moment CONSTANT timestamptz := this_moment();
    this_hour CONSTANT timestamptz := date_trunc('hour', moment, 'UTC');
    talk record;
    used bigint;
    spent record;
BEGIN
    SELECT c.type, c.user_low, c.user_high INTO talk FROM conversations c
    WHERE c.id = conversation AND c.is_active
        AND (SELECT p.joined_seq FROM participants p
             WHERE p.conversation_id = conversation AND p.user_id = caller AND p.left_seq IS NULL LIMIT 1) IS NOT NULL;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'not_found', NULL::timestamptz, NULL::double precision;
        RETURN;
    END IF;
    IF talk.type = 'direct' AND (
        (SELECT true FROM conversation_blocks b WHERE b.conversation_id = conversation LIMIT 1)
        OR directory_blocked(talk.user_low, talk.user_high)) THEN
        RETURN QUERY SELECT 'blocked', NULL::timestamptz, NULL::double precision;
        RETURN;
    END IF;
    IF most > 0 THEN
        -- Of two at once the second waits here for the first's commit.
        PERFORM pg_advisory_xact_lock(hashtextextended('files' || E'\x01' || caller, 0));
        DELETE FROM file_usage u WHERE u.user_id = caller AND u.hour <= moment - interval '24 hours';
        SELECT coalesce(sum(u.bytes), 0) INTO used FROM file_usage u WHERE u.user_id = caller;
        IF used + weight > most THEN
            -- The hours leave one by one; it fits when enough of them have.
            FOR spent IN SELECT u.hour, u.bytes FROM file_usage u WHERE u.user_id = caller ORDER BY u.hour LOOP
                used := used - spent.bytes;
                IF used + weight <= most THEN
                    RETURN QUERY SELECT 'too_soon', NULL::timestamptz,
                        extract(epoch FROM spent.hour + interval '24 hours' - moment)::double precision;
                    RETURN;
                END IF;
            END LOOP;
            RETURN QUERY SELECT 'too_soon', NULL::timestamptz, (24 * 3600)::double precision;
            RETURN;
        END IF;
        INSERT INTO file_usage AS u (user_id, hour, bytes) VALUES (caller, this_hour, weight)
        ON CONFLICT (user_id, hour) DO UPDATE SET bytes = u.bytes + excluded.bytes;
    END IF;
    expires_at := moment + make_interval(secs => seconds);
    IF bucket_object IS NOT NULL THEN
        -- What was begun in time may end a while later.
        INSERT INTO file_objects (id, doomed_at) VALUES (bucket_object, expires_at + interval '1 hour');
    END IF;
    INSERT INTO files (id, conversation_id, owner_id, state, size, version, key_id, nonce, about, upload, created_at, expires_at)
    VALUES (file, conversation, caller, 'uploading', bytes, new_version, new_key_id, new_nonce, new_about, bucket_object,
            moment, expires_at);
    verdict := 'done';
    RETURN NEXT;
END
$$;

-- Writes down an object that is about to be written for a file, which nobody has until `end_upload` or `finish_file`.
-- verdict: 'done', 'not_found', 'conflict' where the file takes no uploads any more.
CREATE FUNCTION begin_upload(file uuid, object uuid) RETURNS TABLE (verdict text, size bigint, owner_id text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    it record;
BEGIN
    SELECT f.state, f.size, f.expires_at, f.owner_id INTO it FROM files f WHERE f.id = file;
    verdict := CASE
        WHEN it.state IS NULL OR it.expires_at <= this_moment() THEN 'not_found'
        WHEN it.state <> 'uploading' THEN 'conflict'
        ELSE 'done' END;
    size := it.size;
    owner_id := it.owner_id;
    IF verdict = 'done' THEN
        INSERT INTO file_objects (id, doomed_at) VALUES (object, it.expires_at + interval '1 hour');
    END IF;
    RETURN NEXT;
END
$$;

-- Takes what was uploaded: of several uploads the last that ended before the file is completed counts.
-- verdict: as `begin_upload`; the object is doomed unless 'done', and so is the one that it replaces.
CREATE FUNCTION end_upload(file uuid, object uuid) RETURNS TABLE (verdict text, replaced uuid) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    it record;
BEGIN
    SELECT f.state, f.content INTO it FROM files f WHERE f.id = file FOR UPDATE;
    verdict := CASE WHEN it.state IS NULL THEN 'not_found' WHEN it.state <> 'uploading' THEN 'conflict' ELSE 'done' END;
    IF verdict = 'done' THEN
        replaced := it.content;
        PERFORM doom_objects(ARRAY[replaced]);
        UPDATE file_objects o SET doomed_at = NULL WHERE o.id = object;
        UPDATE files f SET content = object WHERE f.id = file;
    ELSE
        PERFORM doom_objects(ARRAY[object]);
    END IF;
    RETURN NEXT;
END
$$;

-- Begins to look at what was uploaded; `worker` does, until the time is over. No row where somebody does already.
CREATE FUNCTION begin_scanning(
    file uuid, uploaded uuid, by_worker uuid, seconds integer,
    new_version smallint, new_key_id text, new_nonce bytea, new_about bytea
) RETURNS SETOF files LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY UPDATE files f SET state = 'scanning', worker = by_worker, version = new_version, key_id = new_key_id,
        nonce = new_nonce, about = new_about, work_until = this_moment() + make_interval(secs => seconds)
    WHERE f.id = file AND f.state = 'uploading' AND f.content IS NOT DISTINCT FROM uploaded
    RETURNING f.*;
END
$$;

-- Takes over one file whose worker is gone. No row where there is none.
CREATE FUNCTION take_over_scanning(by_worker uuid, seconds integer) RETURNS SETOF files LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN QUERY UPDATE files f SET worker = by_worker, work_until = this_moment() + make_interval(secs => seconds)
    WHERE f.id = (SELECT x.id FROM files x WHERE x.state = 'scanning' AND x.work_until < this_moment()
                  ORDER BY x.work_until LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING f.*;
END
$$;

-- Ends the looking at a file: 'ready' or 'refused', with what is served from now on. Where the file was sent meanwhile, its
-- message shows it in its body: that is replaced, and everybody told.
-- verdict: 'done'; 'gone' where the file, or the worker's say over it, is (what it made is doomed); 'stale' where the message's
-- body is another than the new one was made of: then read and seal again. `message_id` says which message that is.
CREATE FUNCTION finish_file(
    file uuid, by_worker uuid, new_state text, new_size bigint, new_content uuid, new_thumb uuid,
    new_version smallint, new_key_id text, new_nonce bytea, new_about bytea,
    based_on bytea, body_version smallint, body_key_id text, body_nonce bytea, body bytea
) RETURNS TABLE (verdict text, conversation_id uuid, message_id uuid, seq bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    known record;
    it record;
    standing bytea;
BEGIN
    -- As a send does: first the conversation, then the file.
    SELECT f.conversation_id, f.message_id INTO known FROM files f WHERE f.id = file;
    IF known.message_id IS NOT NULL THEN
        PERFORM FROM conversations c WHERE c.id = known.conversation_id FOR UPDATE;
    END IF;
    SELECT f.owner_id, f.message_id, f.content, f.state, f.worker INTO it FROM files f WHERE f.id = file FOR UPDATE;
    IF (it.state = 'scanning' AND it.worker = by_worker) IS NOT TRUE THEN
        PERFORM doom_objects(ARRAY[new_content, new_thumb]);
        verdict := 'gone';
        RETURN NEXT;
        RETURN;
    END IF;
    conversation_id := known.conversation_id;
    message_id := it.message_id;
    SELECT m.nonce INTO standing FROM messages m WHERE m.id = it.message_id;
    -- Claimed meanwhile, or edited: neither can happen under the lock.
    IF it.message_id IS DISTINCT FROM known.message_id OR standing IS DISTINCT FROM based_on THEN
        verdict := 'stale';
        RETURN NEXT;
        RETURN;
    END IF;
    IF it.content IS DISTINCT FROM new_content THEN
        PERFORM doom_objects(ARRAY[it.content]);
    END IF;
    UPDATE file_objects o SET doomed_at = NULL WHERE o.id = new_content;
    UPDATE file_objects o SET doomed_at = NULL WHERE o.id = new_thumb;
    UPDATE files f SET state = new_state, size = new_size, content = new_content, thumb = new_thumb, version = new_version,
        key_id = new_key_id, nonce = new_nonce, about = new_about, worker = NULL, work_until = NULL
    WHERE f.id = file;
    IF it.message_id IS NOT NULL THEN
        UPDATE messages m SET version = body_version, key_id = body_key_id, nonce = body_nonce, ciphertext = body
        WHERE m.id = it.message_id;
        seq := append_to_conversation(known.conversation_id, 'chat:file_updated', it.owner_id, it.message_id,
                                      jsonb_build_object('fileId', file));
    END IF;
    verdict := 'done';
    RETURN NEXT;
END
$$;

-- Deletes a file of the caller's that was not sent. verdict: 'done', 'not_found', 'used'.
CREATE FUNCTION delete_file(caller text, file uuid) RETURNS TABLE (verdict text) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    it record;
BEGIN
    SELECT f.message_id, f.content, f.thumb INTO it FROM files f WHERE f.id = file AND f.owner_id = caller FOR UPDATE;
    verdict := CASE WHEN NOT FOUND THEN 'not_found' WHEN it.message_id IS NOT NULL THEN 'used' ELSE 'done' END;
    IF verdict = 'done' THEN
        PERFORM doom_objects(ARRAY[it.content, it.thumb]);
        DELETE FROM files f WHERE f.id = file;
    END IF;
    RETURN NEXT;
END
$$;

-- Deletes files that nobody sent within so many seconds, at most `at_most` of them. Returns how many those were.
CREATE FUNCTION drop_unclaimed_files(seconds integer, at_most integer) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    old record;
    count bigint := 0;
BEGIN
    FOR old IN SELECT f.id, f.content, f.thumb FROM files f
        WHERE f.message_id IS NULL AND f.created_at < this_moment() - make_interval(secs => seconds)
        ORDER BY f.created_at LIMIT at_most FOR UPDATE SKIP LOCKED
    LOOP
        PERFORM doom_objects(ARRAY[old.content, old.thumb]);
        DELETE FROM files f WHERE f.id = old.id;
        count := count + 1;
    END LOOP;
    RETURN count;
END
$$;

-- Claims files for a message, whose conversation is locked. NULL: done; else the first reason why not. Each must be the
-- sender's, of this conversation, uploaded, of no message, and as the message shows it (its nonce).
CREATE FUNCTION claim_files(sender text, conversation uuid, message uuid, ids uuid[], nonces bytea[]) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    it record;
    verdict text;
BEGIN
    FOR n IN 1 .. cardinality(ids) LOOP
        SELECT f.state, f.message_id, f.nonce INTO it FROM files f
        WHERE f.id = ids[n] AND f.conversation_id = conversation AND f.owner_id = sender FOR UPDATE;
        IF NOT FOUND THEN
            RETURN 'file_not_found';
        END IF;
        verdict := coalesce(verdict, CASE
            WHEN it.message_id IS NOT NULL THEN 'file_used'
            WHEN it.state = 'uploading' THEN 'file_unfinished'
            WHEN it.state = 'refused' THEN 'file_refused'
            WHEN it.nonce IS DISTINCT FROM nonces[n] THEN 'file_stale' END);
        UPDATE files f SET message_id = message WHERE f.id = ids[n];
    END LOOP;
    RETURN verdict;
END
$$;

-- Posts one message with files. As `post_message`, with what `claim_files` says as a verdict more: then nothing is posted.
CREATE FUNCTION post_message_with_files(
    conversation uuid, sender text, message uuid, message_type text, version smallint, key_id text, nonce bytea,
    ciphertext bytea, reply_to uuid, client_message_id text, fingerprint bytea, is_announcement boolean,
    file_ids uuid[], file_nonces bytea[]
) RETURNS SETOF posted LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
    answer posted;
    refused text;
BEGIN
    BEGIN
        answer := post_message(conversation, sender, message, message_type, version, key_id, nonce, ciphertext, reply_to,
            client_message_id, fingerprint, is_announcement);
        IF answer.verdict = 'posted' THEN
            refused := claim_files(sender, conversation, message, file_ids, file_nonces);
            IF refused IS NOT NULL THEN
                RAISE EXCEPTION USING ERRCODE = 'CHF01';
            END IF;
        END IF;
    EXCEPTION WHEN SQLSTATE 'CHF01' THEN
        -- What was posted is taken back with it.
        answer := NULL;
        answer.verdict := refused;
    END;
    RETURN NEXT answer;
END
$$;
