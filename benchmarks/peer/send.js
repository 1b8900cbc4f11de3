// Sends a message in a transaction of its own.
import { randomUUID } from 'node:crypto';
import { pool, statement, transaction } from './database.js';
import { notFound } from './errors.js';
import { seal } from './vault.js';

const MEMBER = statement(
  'member',
  'SELECT 1 FROM conversation_participants WHERE conversation_id = $1 AND user_id = $2',
);
const NEXT_SEQ = statement(
  'next_seq',
  `UPDATE conversations SET last_seq = last_seq + 1, last_message_at = now()
   WHERE id = $1 RETURNING last_seq, last_message_at`,
);
const INSERT = statement(
  'insert_message',
  `INSERT INTO messages (id, conversation_id, seq, sender_id, content_encrypted, client_message_id, created_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7)`,
);
export const SENT_BEFORE = statement(
  'sent_before',
  `SELECT id, seq, created_at FROM messages
   WHERE conversation_id = $1 AND sender_id = $2 AND client_message_id = $3`,
);

const DUPLICATE = '23505';

/** Commits a message; returns its id, seq and time, and whether it was there already. */
export async function send(sender, { conversationId, content, clientMessageId }) {
  const id = randomUUID();
  const sealed = seal(content);
  try {
    return await transaction(async (client) => {
      const member = await client.query(MEMBER([conversationId, sender.id]));
      if (member.rowCount === 0) throw notFound();
      const { rows } = await client.query(NEXT_SEQ([conversationId]));
      const { last_seq: seq, last_message_at: createdAt } = rows[0];
      await client.query(INSERT([id, conversationId, seq, sender.id, sealed, clientMessageId, createdAt]));
      return { id, seq, createdAt, duplicate: false };
    });
  } catch (error) {
    if (error.code === DUPLICATE && clientMessageId !== null) {
      return await sentBefore(sender, conversationId, clientMessageId);
    }
    throw error;
  }
}

/** The message that was sent under a client's id before. */
export async function sentBefore(sender, conversationId, clientMessageId) {
  const { rows } = await pool.query(SENT_BEFORE([conversationId, sender.id, clientMessageId]));
  const [{ id, seq, created_at: createdAt }] = rows;
  return { id, seq, createdAt, duplicate: true };
}
