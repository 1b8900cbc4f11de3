// The message service: sending and reading.
import { config } from './config.js';
import { sendInBatch } from './batch.js';
import { pool, statement } from './database.js';
import { notFound } from './errors.js';
import { send } from './send.js';
import { open } from './vault.js';

const COLUMNS = `m.id, m.conversation_id, m.seq, m.sender_id, u.username AS sender_username, m.content_encrypted,
  m.message_type, m.client_message_id, m.is_edited, m.is_deleted, m.created_at`;

// The reader's membership is part of the statement: a page is one round trip.
const MEMBER = 'EXISTS (SELECT FROM conversation_participants p WHERE p.conversation_id = $1 AND p.user_id = $2)';
const PAGE_BEFORE = statement(
  'page_before',
  `SELECT ${COLUMNS} FROM messages m JOIN users u ON u.id = m.sender_id
   WHERE m.conversation_id = $1 AND m.seq < $4 AND ${MEMBER} ORDER BY m.seq DESC LIMIT $3`,
);
const PAGE_OFFSET = statement(
  'page_offset',
  `SELECT ${COLUMNS} FROM messages m JOIN users u ON u.id = m.sender_id
   WHERE m.conversation_id = $1 AND ${MEMBER} ORDER BY m.seq DESC LIMIT $3 OFFSET $4`,
);
const IS_MEMBER = statement(
  'is_member',
  'SELECT 1 FROM conversation_participants WHERE conversation_id = $1 AND user_id = $2',
);

const store = config.groupCommit ? sendInBatch : send;

/** Commits a message and returns it as clients see it. */
export async function post(sender, input) {
  const { id, seq, createdAt, duplicate } = await store(sender, input);
  const message = {
    id,
    conversation_id: input.conversationId,
    seq,
    sender_id: sender.id,
    sender_username: sender.username,
    content: input.content,
    message_type: 'text',
    client_message_id: input.clientMessageId,
    is_edited: false,
    is_deleted: false,
    created_at: createdAt.toISOString(),
    status: 'sent',
  };
  return { message, duplicate };
}

/** A row as clients see it. Written out: a spread takes five times as long. */
function resource(row) {
  return {
    id: row.id,
    conversation_id: row.conversation_id,
    seq: row.seq,
    sender_id: row.sender_id,
    sender_username: row.sender_username,
    content: open(row.content_encrypted),
    message_type: row.message_type,
    client_message_id: row.client_message_id,
    is_edited: row.is_edited,
    is_deleted: row.is_deleted,
    created_at: row.created_at.toISOString(),
    status: 'sent',
  };
}

/** A page of a conversation, oldest first. */
export async function history(reader, { conversationId, limit, offset, beforeSeq }) {
  const page = beforeSeq === null ? PAGE_OFFSET : PAGE_BEFORE;
  const { rows } = await pool.query(page([conversationId, reader.id, limit + 1, beforeSeq ?? offset]));
  if (rows.length === 0) {
    const member = await pool.query(IS_MEMBER([conversationId, reader.id]));
    if (member.rowCount === 0) throw notFound();
  }
  const hasMore = rows.length > limit;
  if (hasMore) rows.pop();
  const messages = rows.reverse().map(resource);
  const nextBeforeSeq = hasMore ? messages[0].seq : null;
  return { messages, pagination: { limit, offset, hasMore, nextBeforeSeq } };
}
