// Messages and conversations as a server shows them, without one.

import type { Conversation, Message } from "@chatserver/client";

/** Who is signed in. */
export const ME = "alice";
export const TIME = "2026-01-01T00:00:00.000Z";

/** A message of Bob's. */
export function message(conversationId: string, seq: number): Message {
  return {
    id: `${conversationId}-${seq}`,
    conversation_id: conversationId,
    seq,
    sender_id: "bob",
    sender_username: "bob",
    recipient_id: ME,
    content: `${seq}`,
    content_encrypted: null,
    message_type: "text",
    client_message_id: null,
    reply_to_message_id: null,
    mentions: [],
    reactions: [],
    metadata: {},
    is_announcement: false,
    is_pinned: false,
    is_edited: false,
    is_deleted: false,
    created_at: TIME,
    edited_at: null,
    updated_seq: seq,
    files: [],
    status: "sent",
  };
}

/** A conversation with three messages. */
export function conversation(id: string): Conversation {
  return {
    id,
    type: "direct",
    title: null,
    description: null,
    product: null,
    created_by: ME,
    max_members: null,
    member_count: 2,
    is_active: true,
    settings: {},
    created_at: TIME,
    last_message_at: TIME,
    last_seq: 3,
    last_message: message(id, 3),
    either_follows: false,
    unread_count: 0,
    is_blocked: false,
    blocked_by_me: false,
    my_role: "member",
    my_settings: { level: "all", muted_until: null, archived: false, favourite: false },
    participants: [],
  };
}
