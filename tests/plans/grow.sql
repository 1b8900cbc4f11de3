-- From $size others to $to: for each two people, a conversation, ten messages and their events; the crowd, everybody's
-- blocks, deletions, reactions, pins and kept answers grow along.
INSERT INTO chat_users (user_id, username) SELECT 'u' || i, 'u' || i FROM generate_series($size * 2 + 1, $to * 2) i;

INSERT INTO conversations (id, type, user_low, user_high, created_by, member_count, created_at, last_message_at,
    last_message_seq, last_number, last_seq, last_xact)
    SELECT md5('c' || i)::uuid, 'direct', least('u' || 2 * i - 1, 'u' || 2 * i), greatest('u' || 2 * i - 1, 'u' || 2 * i),
    'u' || 2 * i, 2, now(), now(), 11, 10, 11, pg_current_xact_id() FROM generate_series($size + 1, $to) i;

INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at)
    SELECT md5('c' || i)::uuid, p, 1, 'member', now()
    FROM generate_series($size + 1, $to) i, unnest(ARRAY['u' || 2 * i - 1, 'u' || 2 * i]) p;

INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at, in_group)
    SELECT md5('crowd')::uuid, 'u' || i, 1, 'member', now(), true FROM generate_series($size + 1, $to) i;

UPDATE conversations SET member_count = $to - $size + member_count WHERE id = md5('crowd')::uuid;

INSERT INTO messages (conversation_id, seq, number, id, sender_id, message_type, version, key_id, nonce, ciphertext,
    client_message_id, fingerprint, created_at, updated_seq)
    SELECT md5('c' || i)::uuid, n + 1, n, md5('c' || i || '-' || n)::uuid, 'u' || (2 * i - n % 2), 'text', 2, 'k', '\x00',
    '\x00', 'client' || n, '\x00', now(), n + 1
    FROM generate_series($size + 1, $to) i, generate_series(1, 10) n;

INSERT INTO events (stream_id, seq, xact, kind, actor_id, message_id, created_at)
    SELECT md5('c' || i)::uuid, n + 1, pg_current_xact_id(), 'chat:message_received', 'u' || (2 * i - n % 2),
    md5('c' || i || '-' || n)::uuid, now()
    FROM generate_series($size + 1, $to) i, generate_series(0, 10) n;

INSERT INTO messages (conversation_id, seq, number, id, sender_id, message_type, version, key_id, nonce, ciphertext,
    client_message_id, fingerprint, created_at, updated_seq)
    SELECT md5('deep')::uuid, n + 31, n + 30, md5('deep-' || (n + 30))::uuid, 'friend1', 'text', 2, 'k', '\x00', '\x00',
    'deep' || n, '\x00', now(), n + 31 FROM generate_series($size + 1, $to) n;

INSERT INTO events (stream_id, seq, xact, kind, actor_id, message_id, created_at)
    SELECT md5('deep')::uuid, n + 31, pg_current_xact_id(), 'chat:message_received', 'friend1',
    md5('deep-' || (n + 30))::uuid, now() FROM generate_series($size + 1, $to) n;

UPDATE conversations SET last_seq = $to + 31, last_number = $to + 30, last_message_seq = $to + 31,
    last_xact = pg_current_xact_id() WHERE id = md5('deep')::uuid;

INSERT INTO personal_streams (user_id, stream_id, last_seq, last_xact)
    SELECT 'u' || i, md5('p' || i)::uuid, 1, pg_current_xact_id() FROM generate_series($size + 1, $to) i;

INSERT INTO blocked_relationships (blocker_id, blocked_id)
    SELECT 'u' || i, 'u' || i + 7 FROM generate_series($size + 1, $to) i;

INSERT INTO conversation_blocks SELECT md5('c' || i)::uuid, 'u' || 2 * i, now()
    FROM generate_series($size + 1, $to) i WHERE i % 5 = 0;

INSERT INTO message_deletions SELECT md5('c' || i)::uuid, 'u' || 2 * i, 3 FROM generate_series($size + 1, $to) i;

INSERT INTO reactions SELECT md5('c' || i)::uuid, md5('c' || i || '-1')::uuid, 'u' || 2 * i, '+', now()
    FROM generate_series($size + 1, $to) i;

INSERT INTO pins SELECT md5('c' || i)::uuid, md5('c' || i || '-1')::uuid, 'u' || 2 * i, now()
    FROM generate_series($size + 1, $to) i;

INSERT INTO requests (user_id, command, request_id, fingerprint, answer)
    SELECT 'u' || i, 'chat:message_edit', 'r', '\x00', '{}' FROM generate_series($size + 1, $to) i;

INSERT INTO user_follows SELECT 'u' || i, 'u' || i + 7 FROM generate_series($size + 1, $to) i;

INSERT INTO jwt_revocation SELECT 't' || i FROM generate_series($size + 1, $to) i;

INSERT INTO products SELECT 'product' || i, 'A product' FROM generate_series($size + 1, $to) i;

INSERT INTO imported_conversations SELECT 'messaging', 'c' || i, md5('c' || i)::uuid FROM generate_series($size + 1, $to) i;

INSERT INTO conversation_settings (conversation_id, user_id, archived, archived_seq)
    SELECT md5('c' || i)::uuid, 'u' || 2 * i, i % 3 = 0, 11 FROM generate_series($size + 1, $to) i;

INSERT INTO revivals SELECT md5('c' || i)::uuid, 11, now() FROM generate_series($size + 1, $to) i;

INSERT INTO search_segments
    SELECT md5('c' || i)::uuid, 0, 10, false, now(), now(), 'k', '1', '\x00' FROM generate_series($size + 1, $to) i;
INSERT INTO files (id, conversation_id, owner_id, message_id, state, size, version, key_id, nonce, about, content, created_at,
    expires_at, worker)
    SELECT md5('cf' || i || n)::uuid, md5('c' || i)::uuid, 'u' || 2 * i, CASE WHEN n < 3 THEN md5('c' || i || '-1')::uuid END,
    CASE n WHEN 4 THEN 'scanning' ELSE 'ready' END, 9, 3, 'k', '\x00', '\x00', md5('cc' || i || n)::uuid, now(), now(),
    md5('worker')::uuid
    FROM generate_series($size + 1, $to) i, generate_series(1, 4) n;

INSERT INTO file_objects SELECT md5('cc' || i || n)::uuid, CASE n WHEN 4 THEN now() + interval '1 hour' END
    FROM generate_series($size + 1, $to) i, generate_series(1, 4) n;

INSERT INTO file_usage SELECT 'u' || i, date_trunc('hour', now()), 9 FROM generate_series($size + 1, $to) i;

INSERT INTO push_devices SELECT md5('device' || i)::uuid, 'u' || i, 'webpush', decode(md5('device' || i), 'hex'), '\x00', now()
    FROM generate_series($size + 1, $to) i;

INSERT INTO push_notices (target, user_id, conversation_id, provider, from_seq, to_seq, begun_at, due_at)
    SELECT md5('device' || i)::uuid::text, 'u' || i, md5('c' || i)::uuid, 'webpush', 1, 11, now(), now() + interval '1 hour'
    FROM generate_series($size + 1, $to) i;

INSERT INTO consumer_streams (consumer, stream_id, done_seq, last_seq, due_at)
    SELECT 'push', md5('c' || i)::uuid, 1, 11, now() + interval '1 hour' FROM generate_series($size + 1, $to) i;
