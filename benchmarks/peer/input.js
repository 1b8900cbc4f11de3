// What clients send, checked.
import { invalid } from './errors.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const MOST_CONTENT = 10_000;
const MOST_PAGE = 200;

export function conversationId(value) {
  if (typeof value !== 'string' || !UUID.test(value)) throw invalid('conversationId must be a UUID');
  return value.toLowerCase();
}

export function messageInput(data) {
  if (data === null || typeof data !== 'object') throw invalid('the payload must be an object');
  const content = data.content;
  if (typeof content !== 'string' || content.length < 1 || content.length > MOST_CONTENT) {
    throw invalid(`content must be a text of 1 to ${MOST_CONTENT} characters`);
  }
  const clientMessageId = data.clientMessageId ?? data.client_message_id ?? null;
  if (clientMessageId !== null && (typeof clientMessageId !== 'string' || clientMessageId.length > 64)) {
    throw invalid('clientMessageId must be a text of at most 64 characters');
  }
  return {
    conversationId: conversationId(data.conversationId ?? data.conversation_id),
    content,
    clientMessageId,
  };
}

const whole = (value, name, fallback, most) => {
  if (value === undefined || value === null) return fallback;
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0 || number > most) {
    throw invalid(`${name} must be a whole number of at most ${most}`);
  }
  return number;
};

export function pageInput(data) {
  if (data === null || typeof data !== 'object') throw invalid('the payload must be an object');
  return {
    conversationId: conversationId(data.conversationId ?? data.conversation_id),
    limit: whole(data.limit, 'limit', 50, MOST_PAGE),
    offset: whole(data.offset, 'offset', 0, Number.MAX_SAFE_INTEGER),
    beforeSeq: whole(data.beforeSeq ?? data.before_seq, 'beforeSeq', null, Number.MAX_SAFE_INTEGER),
  };
}
