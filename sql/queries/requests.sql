-- name: claim_request
-- The first to claim a requestId waits for nobody; the second waits here for the first's commit. Written
-- before any stream is locked, by everyone, so that the two locks are always taken in this order.
INSERT INTO requests (user_id, command, request_id, fingerprint) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING true;

-- name: kept_answer
SELECT fingerprint, answer FROM requests WHERE user_id = $1 AND command = $2 AND request_id = $3;

-- name: keep_answer
UPDATE requests SET answer = $4 WHERE user_id = $1 AND command = $2 AND request_id = $3;
