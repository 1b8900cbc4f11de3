-- name: claim_request
-- The first to claim a requestId waits for nobody; the second waits here for the first's commit. Written
-- before any stream is locked, by everyone, so that the two locks are always taken in this order.
INSERT INTO requests (user_id, command, request_id, fingerprint) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING true;

-- name: kept_answer
SELECT fingerprint, answer FROM requests WHERE user_id = $1 AND command = $2 AND request_id = $3;

-- name: keep_answer
UPDATE requests SET answer = $4 WHERE user_id = $1 AND command = $2 AND request_id = $3;

-- name: forget_answers
-- All answers kept for $1 but about the newest $2. In a statement of its own, which waits for nobody. (By the index of the
-- person's: created_at by itself would have everybody's by their age.)
DELETE FROM requests r WHERE r.ctid = ANY (ARRAY(
    SELECT q.ctid FROM requests q
    WHERE q.user_id || '' = $1 AND q.created_at + interval '0' <= (
        SELECT x.created_at FROM requests x WHERE x.user_id || '' = $1
        ORDER BY x.created_at + interval '0' DESC OFFSET $2::int LIMIT 1)
    ORDER BY q.created_at + interval '0' FOR UPDATE SKIP LOCKED))
RETURNING true;
