-- Posts a batch of messages: `post_messages` of 0003 (kept for processes of the release before), made for batches
-- of a hundred, and for announcements. Lock first, then judge by a snapshot younger than the lock, and write.
--
-- Its plans are made once per connection and hold for every size of batch and table: planning cost more than
-- running a small batch (1.1 of 1.4 ms), a plan made while the tables were small would scan them for ever, and
-- joins among the rows of a batch took their square.
--
-- Rows of all arrays belong together by position. verdict is 'posted', 'duplicate' (message_id … fingerprint are
-- those of the first), or the error: 'not_found', 'not_permitted', 'blocked', 'reply_not_found'.
CREATE FUNCTION post_messages(
    conversation_ids uuid[], sender_ids text[], message_ids uuid[], message_types text[],
    versions smallint[], key_ids text[], nonces bytea[], ciphertexts bytea[],
    reply_tos uuid[], client_message_ids text[], fingerprints bytea[], announcements boolean[]
) RETURNS TABLE (
    verdict text, message_id uuid, seq bigint, number bigint,
    created_at timestamptz, fingerprint bytea, conversation_type text, recipient_id text
) LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
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
                             nonces, ciphertexts, reply_tos, client_message_ids, fingerprints, announcements)
        WITH ORDINALITY AS a (conversation_id, sender_id, message_id, message_type, version, key_id, nonce,
                              ciphertext, reply_to, client_message_id, fingerprint, is_announcement, "position")
    ), judged AS MATERIALIZED (
        -- Materialized, or it would be judged once for every use of the verdict.
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
                WHEN a.is_announcement AND member.role NOT IN ('owner', 'admin') THEN 'not_permitted'
                WHEN a.reply_to IS NOT NULL AND NOT EXISTS (
                    SELECT FROM messages r WHERE r.id = a.reply_to
                    AND r.conversation_id = a.conversation_id AND r.deleted_at IS NULL
                    -- What one has hidden or deleted for oneself one does not answer either.
                    AND r.seq > member.hidden_seq AND NOT EXISTS (
                        SELECT FROM message_deletions d WHERE d.conversation_id = a.conversation_id
                        AND d.user_id = a.sender_id AND d.seq = r.seq))
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
        SELECT j.*, j.verdict = 'posted' AND row_number() OVER same_id = 1 AS is_new
        FROM judged j
        WINDOW same_id AS (
            PARTITION BY j.conversation_id, j.sender_id, j.verdict,
                coalesce('i' || j.client_message_id, 'p' || j."position") ORDER BY j."position")
    ), numbered AS (
        SELECT r.*, count(*) FILTER (WHERE r.is_new) OVER in_order AS nth
        FROM ranked r
        WINDOW in_order AS (PARTITION BY r.conversation_id ORDER BY r."position" ROWS UNBOUNDED PRECEDING)
    ), written AS (
        INSERT INTO messages (conversation_id, seq, number, id, sender_id, message_type, version, key_id, nonce,
                              ciphertext, reply_to_message_id, client_message_id, fingerprint, is_announcement,
                              created_at)
        SELECT n.conversation_id, n.last_seq + n.nth, n.last_number + n.nth, n.message_id, n.sender_id,
               n.message_type, n.version, n.key_id, n.nonce, n.ciphertext, n.reply_to, n.client_message_id,
               n.fingerprint, n.is_announcement, moment
        FROM numbered n WHERE n.is_new
    ), logged AS (
        INSERT INTO events (stream_id, seq, xact, kind, actor_id, message_id, created_at)
        SELECT n.conversation_id, n.last_seq + n.nth, pg_current_xact_id(), 'chat:message_received', n.sender_id,
               n.message_id, moment
        FROM numbered n WHERE n.is_new
    ), bumped AS (
        UPDATE conversations c SET last_seq = c.last_seq + b.many, last_number = c.last_number + b.many,
            last_message_seq = c.last_seq + b.many, last_message_at = moment, last_xact = pg_current_xact_id()
        FROM (SELECT n.conversation_id, count(*) AS many FROM numbered n WHERE n.is_new
              GROUP BY n.conversation_id) b
        WHERE c.id = b.conversation_id
    )
    SELECT CASE WHEN n.verdict = 'posted' AND NOT n.is_new THEN 'duplicate' ELSE n.verdict END,
        CASE n.verdict WHEN 'posted' THEN first_value(n.message_id) OVER same_id ELSE n.prior_id END,
        CASE n.verdict WHEN 'posted' THEN n.last_seq + first_value(n.nth) OVER same_id ELSE n.prior_seq END,
        CASE n.verdict WHEN 'posted' THEN n.last_number + first_value(n.nth) OVER same_id ELSE n.prior_number END,
        CASE n.verdict WHEN 'posted' THEN moment ELSE n.prior_created_at END,
        CASE n.verdict WHEN 'posted' THEN first_value(n.fingerprint) OVER same_id ELSE n.prior_fingerprint END,
        n.type, n.recipient_id
    FROM numbered n
    WINDOW same_id AS (
        PARTITION BY n.conversation_id, n.sender_id, n.verdict,
            coalesce('i' || n.client_message_id, 'p' || n."position") ORDER BY n."position")
    ORDER BY n."position";
END
$$;
