-- What is mine (`world.py`): twenty direct conversations of thirty messages, a small group, and a crowd to grow.
INSERT INTO chat_users (user_id, username) SELECT id, id FROM unnest(ARRAY['me', 'newcomer', 'stranger']
    || ARRAY(SELECT 'friend' || i FROM generate_series(1, 20) i)) AS u (id);
INSERT INTO conversations (id, type, user_low, user_high, created_by, member_count, created_at, last_message_at,
    last_message_seq, last_number, last_seq, last_xact)
SELECT md5('mine' || i)::uuid, 'direct', least('me', 'friend' || i), greatest('me', 'friend' || i), 'me', 2, now(),
    now(), 30 + 1, 30, 30 + 1, pg_current_xact_id()
FROM generate_series(1, 20) i;
INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at, delivered_seq, read_seqs)
SELECT md5('mine' || i)::uuid, p, 1, 'member', now(), 11, '{[1,12)}'
FROM generate_series(1, 20) i, unnest(ARRAY['me', 'friend' || i]) p;
INSERT INTO conversations (id, type, title, created_by, member_count, created_at, last_message_at, max_members,
    last_message_seq, last_number, last_seq, last_xact)
SELECT md5(name)::uuid, 'group', 's1.00000000.' || repeat('A', 30), 'me', many, now(), now(), 10000, 30 + 1, 30, 30 + 1,
    pg_current_xact_id()
FROM (VALUES ('few', 5 + 1), ('crowd', 1)) AS g (name, many);
INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at, can_add_members, in_group)
SELECT md5(g)::uuid, 'me', 1, 'owner', now(), true, true FROM unnest(ARRAY['few', 'crowd']) g;
INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at, in_group)
SELECT md5('few')::uuid, 'friend' || i, 1, 'member', now(), true FROM generate_series(1, 5) i;
INSERT INTO conversations (id, type, product_id, user_low, user_high, created_by, member_count, created_at, last_message_at,
    last_message_seq, last_number, last_seq, last_xact)
VALUES (md5('deep')::uuid, 'direct', 'deep', 'friend1', 'me', 'me', 2, now(), now(), 31, 30, 31, pg_current_xact_id());
INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at)
SELECT md5('deep')::uuid, p, 1, 'member', now() FROM unnest(ARRAY['me', 'friend1']) p;
-- All have been changed, which is dearer.
INSERT INTO messages (conversation_id, seq, number, id, sender_id, message_type, version, key_id, nonce, ciphertext,
    client_message_id, fingerprint, created_at, updated_seq)
SELECT md5(c)::uuid, n + 1, n, md5(c || '-' || n)::uuid,
    CASE n % 2 WHEN 0 THEN 'me' ELSE coalesce('friend' || substring(c FROM '[0-9]+'), 'friend1') END,
    'text', 2, 'k', '\x00', '\x00', 'client' || n, '\x00', now(), n + 1
FROM unnest(ARRAY['few', 'crowd', 'deep'] || ARRAY(SELECT 'mine' || i FROM generate_series(1, 20) i)) c,
    generate_series(1, 30) n;
INSERT INTO events (stream_id, seq, xact, kind, actor_id, message_id, created_at)
SELECT conversation_id, seq, pg_current_xact_id(), 'chat:message_received', sender_id, id, created_at FROM messages;
INSERT INTO events (stream_id, seq, xact, kind, actor_id, created_at)
SELECT id, 1, pg_current_xact_id(), 'group:created', created_by, created_at FROM conversations;
INSERT INTO personal_streams (user_id, stream_id, last_seq, last_xact)
VALUES ('me', md5('me')::uuid, 3, pg_current_xact_id());
INSERT INTO events (stream_id, seq, xact, kind, actor_id, payload, created_at)
SELECT md5('me')::uuid, n, pg_current_xact_id(), 'user:blocked', 'me', '{"userId": "x"}', now()
FROM generate_series(1, 3) n;
INSERT INTO blocked_relationships (blocker_id, blocked_id) VALUES ('me', 'stranger');
INSERT INTO pins SELECT md5('mine1')::uuid, md5('mine1-' || n)::uuid, 'me', now() FROM generate_series(1, 10) n;
INSERT INTO reactions SELECT md5('mine1')::uuid, md5('mine1-' || n)::uuid, 'me', '+', now() FROM generate_series(1, 10) n;
INSERT INTO message_deletions SELECT md5('mine1')::uuid, 'me', n FROM generate_series(2, 6) n;
INSERT INTO requests (user_id, command, request_id, fingerprint, answer)
SELECT 'me', 'chat:message_edit', 'r' || n, '\x00', jsonb_build_object('messageId', gen_random_uuid())
FROM generate_series(1, 10) n;
INSERT INTO search_segments SELECT md5('mine' || i)::uuid, 0, 20, false, now(), now(), 'k', '1', '\x00'
FROM generate_series(1, 20) i;
INSERT INTO files (id, conversation_id, owner_id, message_id, state, size, version, key_id, nonce, about, content, thumb,
    created_at, expires_at, worker)
SELECT md5('file' || n)::uuid, md5('mine1')::uuid, 'me', CASE WHEN n <= 10 THEN md5('mine1-10')::uuid END,
    CASE n WHEN 13 THEN 'uploading' WHEN 14 THEN 'scanning' ELSE 'ready' END, 9, 3, 'k', '\x00', '\x00',
    md5('content' || n)::uuid, md5('thumb' || n)::uuid, now(), now() + interval '1 hour', md5('worker')::uuid
FROM generate_series(1, 20) n;
INSERT INTO file_objects SELECT md5(kind || n)::uuid FROM unnest(ARRAY['content', 'thumb']) kind, generate_series(1, 20) n;
INSERT INTO file_usage SELECT 'me', date_trunc('hour', now()) - n * interval '1 hour', 9 FROM generate_series(0, 23) n;
INSERT INTO push_devices VALUES (md5('device')::uuid, 'me', 'webpush', 'device', '0', now());
INSERT INTO push_notices (target, user_id, conversation_id, provider, from_seq, to_seq, begun_at, due_at)
SELECT md5('device')::uuid::text, 'me', md5('mine1')::uuid, 'webpush', 1, 31, now(), now();
INSERT INTO consumer_streams (consumer, stream_id, done_seq, last_seq, due_at)
VALUES ('push', md5('mine1')::uuid, 1, 31, now());
INSERT INTO log_consumers VALUES ('push', pg_current_snapshot(), now() - interval '1 hour');
