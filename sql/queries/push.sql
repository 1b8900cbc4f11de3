-- Each is one round trip (migrations/0015_push.sql).

-- name: add_push_device
SELECT verdict, device_id FROM add_push_device($1, $2, $3, $4, $5, $6);

-- name: remove_push_device
SELECT verdict FROM remove_push_device($1, $2);

-- name: push_devices_of
-- The devices of $1, the first added first.
SELECT id, user_id, provider, fingerprint, sealed, created_at FROM push_devices
WHERE user_id = $1 ORDER BY created_at, id LIMIT 100;

-- name: push_audience
SELECT user_id FROM push_audience($1, $2, $3, $4) AS a (user_id);

-- name: note_messages
SELECT note_messages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS count;

-- name: claim_notices
SELECT * FROM claim_notices($1, $2, $3);

-- name: settle_notice
SELECT settle_notice($1, $2, $3, $4, $5, $6);

-- name: defer_notice
SELECT defer_notice($1, $2, $3, $4, $5);

-- name: put_off_notices
SELECT put_off_notices($1, $2, $3, $4, $5);

-- name: forget_push_device
SELECT forget_push_device($1, $2, $3);
