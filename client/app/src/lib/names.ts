// What conversations and people are called.

import type { ConversationSettings, Message, Participant } from "@chatserver/client";
import type { ShownMessage, StoredConversation } from "@chatserver/zustand";

import { filesInWords } from "./files.js";

/** The other person of a direct conversation. */
export function otherOf(
  { type, participants }: StoredConversation,
  me: string | null,
): Participant | undefined {
  return type === "direct" ? participants.find(({ user_id: id }) => id !== me) : undefined;
}

/** What a conversation is called: the other person's name, or the group's title. */
export function titleOf(conversation: StoredConversation, me: string | null): string {
  if (conversation.type === "group") return conversation.title ?? "Group";
  return otherOf(conversation, me)?.display_name ?? "Conversation";
}

/** What somebody is called in a conversation. */
export function nameIn(
  conversation: StoredConversation | undefined,
  userId: string,
  username: string,
): string {
  const found = conversation?.participants.find(({ user_id: id }) => id === userId);
  return found?.display_name ?? username;
}

/** A message in one line. */
export function summaryOf(message: Message): string {
  if (message.is_deleted) return "Message deleted";
  if (message.content_encrypted !== null && message.content === null) return "Encrypted message";
  if (message.files.length) {
    const files = filesInWords(message.files);
    return message.content ? `${files}: ${message.content}` : files;
  }
  if (message.message_type === "image")
    return message.content ? `Picture: ${message.content}` : "Picture";
  return message.content ?? "";
}

/** How far an own message has come. In a group it counts as read once all others have read it. */
export function progressOf(
  message: ShownMessage,
  conversation: StoredConversation | undefined,
): "sending" | "failed" | "sent" | "delivered" | "read" {
  if (message.pending) return message.pending.state === "failed" ? "failed" : "sending";
  if (conversation?.type !== "group") return message.status;
  const others = conversation.participants.filter(({ user_id: id }) => id !== message.sender_id);
  if (!others.length || conversation.member_count > conversation.participants.length) return "sent";
  if (others.every(({ read_seq: seq }) => seq >= message.seq)) return "read";
  return others.every(({ delivered_seq: seq }) => seq >= message.seq) ? "delivered" : "sent";
}

/** Whether nothing in a conversation notifies now. */
export function isMuted({ muted_until: until }: ConversationSettings): boolean {
  return until !== null && Date.parse(until) > Date.now();
}

const ROLES = ["member", "moderator", "admin", "owner"] as const;

/** Whether a role is this one or a higher one. */
export function isAtLeast(role: Participant["role"], least: Participant["role"]): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}

/** How many members a group has. */
export function membersOf(count: number): string {
  return count === 1 ? "1 member" : `${count} members`;
}

/** Names as a sentence has them, no more than three. */
export function listed(names: readonly string[]): string {
  if (names.length <= 2) return names.join(" and ");
  return `${names.slice(0, 2).join(", ")} and ${names.length - 2} more`;
}
