// Sends messages with group commit: what arrives while a batch is being committed is the next batch. No timer,
// so a message that comes alone is committed at once; and one statement per batch, so it is one round trip.
import { randomUUID } from 'node:crypto';
import { pool, statement } from './database.js';
import { notFound } from './errors.js';
import { send, sentBefore } from './send.js';
import { seal } from './vault.js';

const MOST_IN_BATCH = 500;

// Rows of people who are no members, and ids that were used before, come back without a seq. The counters are
// locked in one order, so that two processes cannot wait for each other.
const INSERT_BATCH = statement(
  'insert_batch',
  `WITH asked AS (
     SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[])
       WITH ORDINALITY AS a (id, conversation_id, sender_id, content_encrypted, client_message_id, position)
   ), locked AS (
     SELECT c.id, c.last_seq FROM conversations c
     WHERE c.id IN (SELECT a.conversation_id FROM asked a) ORDER BY c.id FOR UPDATE
   ), allowed AS (
     SELECT a.*, l.last_seq + row_number() OVER (PARTITION BY a.conversation_id ORDER BY a.position) AS seq
     FROM asked a
     JOIN locked l ON l.id = a.conversation_id
     JOIN conversation_participants p ON p.conversation_id = a.conversation_id AND p.user_id = a.sender_id
     WHERE NOT EXISTS (
       SELECT FROM messages m WHERE m.conversation_id = a.conversation_id AND m.sender_id = a.sender_id
         AND m.client_message_id = a.client_message_id)
   ), written AS (
     INSERT INTO messages (id, conversation_id, seq, sender_id, content_encrypted, client_message_id, created_at)
     SELECT id, conversation_id, seq, sender_id, content_encrypted, client_message_id, now() FROM allowed
   ), counted AS (
     UPDATE conversations c SET last_seq = n.seq, last_message_at = now()
     FROM (SELECT conversation_id, max(seq) AS seq FROM allowed GROUP BY conversation_id) n
     WHERE c.id = n.conversation_id
   )
   SELECT position, seq, now() AS created_at FROM allowed`,
);

let waiting = [];
let committing = false;

/** Commits a message together with others; as `send`. */
export function sendInBatch(sender, message) {
  return new Promise((resolve, reject) => {
    waiting.push({ id: randomUUID(), sealed: seal(message.content), sender, message, resolve, reject });
    if (!committing) {
      committing = true;
      // What comes in the same turn of the event loop comes along.
      setImmediate(commitAll);
    }
  });
}

async function commitAll() {
  while (waiting.length > 0) {
    const batch = waiting.splice(0, MOST_IN_BATCH);
    try {
      await commit(batch);
    } catch {
      // One of them spoils the batch: each for itself, so that it fails alone.
      await Promise.all(
        batch.map((entry) => send(entry.sender, entry.message).then(entry.resolve, entry.reject)),
      );
    }
  }
  committing = false;
}

async function commit(batch) {
  const { rows } = await pool.query(
    INSERT_BATCH([
      batch.map((entry) => entry.id),
      batch.map((entry) => entry.message.conversationId),
      batch.map((entry) => entry.sender.id),
      batch.map((entry) => entry.sealed),
      batch.map((entry) => entry.message.clientMessageId),
    ]),
  );
  const written = new Map(rows.map((row) => [row.position, row]));
  for (const [index, entry] of batch.entries()) {
    const row = written.get(index + 1);
    if (row) entry.resolve({ id: entry.id, seq: row.seq, createdAt: row.created_at, duplicate: false });
    else refuse(entry);
  }
}

/** No member, or a repeated send. */
function refuse({ sender, message, resolve, reject }) {
  const before =
    message.clientMessageId === null
      ? Promise.reject(notFound())
      : sentBefore(sender, message.conversationId, message.clientMessageId).catch(() => Promise.reject(notFound()));
  before.then(resolve, reject);
}
