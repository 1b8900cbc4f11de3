// Made by `chatserver reference` from the tables in schemas/; changes here are lost.
//
//   import { io, type Socket } from "socket.io-client";
//   import type { Auth, ClientToServerEvents, ServerToClientEvents } from "./events";
//
//   const auth: Auth = { token };
//   const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io(url, { auth });

/** A time as ISO 8601 in UTC with milliseconds and Z. */
export type Time = string;

/** A conversation's or message's id. Ids of people and products are strings of the main back end's making. */
export type Uuid = string;

/** What goes into the CONNECT packet. */
export interface Auth {
  token: string;
  /** Up to which seq everything has arrived, by conversation; `me` is the personal log. */
  positions?: { epoch: string; me?: number; [conversationId: string]: number | string | undefined };
  /** The `offset` of `chat:conversation_list`: connect from there. */
  since?: string;
  /** false: pushes carry no offset, for handlers that take one argument. */
  recovery?: boolean;
}

/** What a refused connection's `connect_error` has as its `data`. */
export type Refusal = Failure;

/** Every command is answered exactly once. */
export type Ack<Given = unknown> =
  | ({ success: true } & Given)
  | { success: false; error: Failure };

type Answer<Given> = (ack: Ack<Given>) => void;

/** Where the log stood: socket.io-client sends the last one back by itself when it reconnects. */
export type Offset = string;

export type ErrorCode =
  | "AUTH_REQUIRED"
  | "AUTH_FAILED"
  | "USER_BLOCKED"
  | "RATE_LIMIT_EXCEEDED"
  | "EDIT_WINDOW_EXPIRED"
  | "PERMISSION_DENIED"
  | "RESOURCE_NOT_FOUND"
  | "MAX_CONNECTIONS_EXCEEDED"
  | "VALIDATION_ERROR"
  | "UNKNOWN_COMMAND"
  | "PAYLOAD_TOO_LARGE"
  | "CONFLICT"
  | "IDEMPOTENCY_CONFLICT"
  | "UNAVAILABLE"
  | "INTERNAL_ERROR";

/** Names a conversation to change something in. */
export interface ChangeOfConversation {
  requestId?: string | null;
  conversationId: Uuid;
}

/** Names one of your files. */
export interface ChangeOfFile {
  requestId?: string | null;
  fileId: Uuid;
}

/** Names a message to change something about. */
export interface ChangeOfMessage {
  requestId?: string | null;
  messageId: Uuid;
}

/** Whether the caller blocks the direct conversation from now on. */
export interface ConversationBlock {
  requestId?: string | null;
  conversationId: Uuid;
  block: boolean;
}

/** The other person of the direct conversation, and the product that it is about. */
export interface ConversationFind {
  recipientId: string;
  productId?: string | null;
}

/** A page of conversations: of both types or of one, archived or not; null lists both. At most one of offset and cursor. */
export interface ConversationListAsk {
  limit?: number | null;
  offset?: number | null;
  cursor?: string | null;
  type?: "direct" | "group" | null;
  archived?: boolean | null | null;
}

/** The person to talk to, and the product to talk about. */
export interface ConversationOpen {
  requestId?: string | null;
  recipientId: string;
  productId?: string | null;
}

/** Changes the settings that are given. `mutedUntil` null ends the mute. At least one of level, mutedUntil, archived and favourite. */
export interface ConversationSettingsSet {
  requestId?: string | null;
  conversationId: Uuid;
  level?: "all" | "mentions" | "none" | null;
  mutedUntil?: Time | null | null;
  archived?: boolean | null;
  favourite?: boolean | null;
}

/** The role that the member falls to. */
export interface Demote {
  requestId?: string | null;
  conversationId: Uuid;
  userId: string;
  role?: "member" | "moderator" | null;
}

/** No fields. */
export type Empty = Record<string, never>;

/** What is to be uploaded. `size` is in bytes, `duration` in ms; `waveform` is for voice messages. `type` is a hint: what the file is, its bytes say. Of `name` the path is dropped. Width and height go together; a waveform goes with a duration. */
export interface FileCreate {
  requestId?: string | null;
  conversationId: Uuid;
  name: string;
  size: number;
  type: string;
  width?: number | null;
  height?: number | null;
  duration?: number | null;
  waveform?: number[] | null;
}

/** Which files. */
export interface FileLinksAsk {
  fileIds: Uuid[];
}

/** The conversation that this connection has open in front of its user; null is none. */
export interface FocusSet {
  requestId?: string | null;
  conversationId: Uuid | null;
}

/** A text for all members. `requestId` does what `clientMessageId` does, where that is not given. */
export interface GroupAnnounce {
  requestId?: string | null;
  conversationId: Uuid;
  content: string;
  clientMessageId?: string | null;
}

/** A new group of the caller and the people named; repetitions and the caller count once. `maxMembers` is 50 where nothing is said, and at most `GROUP_MAX_MEMBERS`. */
export interface GroupCreate {
  requestId?: string | null;
  title: string;
  description?: string | null;
  participantIds?: string[] | null;
  maxMembers?: number | null;
}

/** A page of one's groups: 200 where nothing is said, and at most. At most one of offset and cursor. */
export interface GroupListAsk {
  limit?: number | null;
  offset?: number | null;
  cursor?: string | null;
}

/** Changes the fields that are given. An empty description removes it. At least one of title, description and maxMembers. */
export interface GroupUpdate {
  requestId?: string | null;
  conversationId: Uuid;
  title?: string | null;
  description?: string | null;
  maxMembers?: number | null;
}

/** The newest page, or one at an offset, before a seq, or after one. At most one of offset, beforeSeq and afterSeq. */
export interface HistoryAsk {
  conversationId: Uuid;
  limit?: number | null;
  offset?: number | null;
  beforeSeq?: number | null;
  afterSeq?: number | null;
}

/** One person, or several. Either userId or userIds. */
export interface MemberAdd {
  requestId?: string | null;
  conversationId: Uuid;
  userId?: string | null;
  userIds?: string[] | null;
}

/** Names a member of a group. */
export interface MemberChange {
  requestId?: string | null;
  conversationId: Uuid;
  userId: string;
}

/** A page of a group's members: the highest roles first, then those who have been members longest. */
export interface MembersAsk {
  conversationId: Uuid;
  limit?: number | null;
  offset?: number | null;
}

/** For everyone (by the sender, or in a group by a moderator or a higher role), or for the caller alone. */
export interface MessageDelete {
  requestId?: string | null;
  messageId: Uuid;
  deleteForEveryone?: boolean | null;
}

/** The new text, or end-to-end ciphertext where the message had that. Everything else of the message stays. Either content or contentEncrypted. */
export interface MessageEdit {
  requestId?: string | null;
  messageId: Uuid;
  content?: string | null;
  contentEncrypted?: string | null;
}

/** To a conversation, or to a person (about a product); text or end-to-end ciphertext, files, or files with it. `messageType` is `text` by itself; with files it is `image` where all are images, `voice` where it is one sound with a duration, else `file`. One of conversationId and recipientId; productId goes with recipientId; content or contentEncrypted, or neither with files; each file once. */
export interface MessageSend {
  conversationId?: Uuid | null;
  recipientId?: string | null;
  productId?: string | null;
  content?: string | null;
  contentEncrypted?: string | null;
  messageType?: "text" | "image" | "file" | "voice" | null;
  clientMessageId?: string | null;
  replyToMessageId?: Uuid | null;
  metadata?: Record<string, unknown> | null;
  fileIds?: Uuid[] | null;
}

/** Names a conversation. */
export interface OfConversation {
  conversationId: Uuid;
}

/** Names a user. */
export interface OfUser {
  requestId?: string | null;
  userId: string;
}

/** Whether the member may add members from now on. */
export interface Permit {
  requestId?: string | null;
  conversationId: Uuid;
  userId: string;
  canAddMembers: boolean;
}

/** Whose pictures; the answer has them in the same order. */
export interface PicturesAsk {
  items: ({ type: "user" | "community"; id: string | number })[];
}

/** A page of a conversation's pinned messages: 200 where nothing is said, and at most. */
export interface PinsAsk {
  conversationId: Uuid;
  limit?: number | null;
  offset?: number | null;
}

/** The role that the member rises to. */
export interface Promote {
  requestId?: string | null;
  conversationId: Uuid;
  userId: string;
  role?: "admin" | "moderator" | null;
}

/** A device: a `subscription` of Web Push, or a `token` of Firebase. A subscription for webpush, a token for fcm, and not the other. */
export interface PushDeviceAdd {
  requestId?: string | null;
  provider: "webpush" | "fcm";
  subscription?: { endpoint: string; expirationTime: number | null; keys: { p256dh: string; auth: string } } | null;
  token?: string | null;
  name?: string | null;
}

/** The device to remove. */
export interface PushDeviceRemove {
  requestId?: string | null;
  deviceId: Uuid;
}

/** A reaction such as an emoji. Variation selectors do not count: `❤` is `❤️`. */
export interface ReactionAdd {
  requestId?: string | null;
  messageId: Uuid;
  reaction: string;
}

/** The caller's reaction, whichever it is, or only where it is the one named. */
export interface ReactionRemove {
  requestId?: string | null;
  messageId: Uuid;
  reaction?: string | null;
}

/** One message, several, or everything in a conversation up to a seq. Of several those are passed over that are erased, or that you have hidden or deleted for yourself. One of messageId, messageIds, and conversationId with upToSeq. */
export interface Receipt {
  requestId?: string | null;
  messageId?: Uuid | null;
  messageIds?: Uuid[] | null;
  conversationId?: Uuid | null;
  upToSeq?: number | null;
}

/** A newer token of the same user. */
export interface Refresh {
  requestId?: string | null;
  token: string;
}

/** A change: the same `requestId` again has no second effect and answers the original ack. */
export interface Retryable {
  requestId?: string | null;
}

/** What to look for: all of it must occur in a text as it stands, in whatever case. Of all your conversations or of one, by anybody or by one person, between two times, which are not included. At least 2 characters, or one that is an ideograph, kana or Hangul; blanks at the ends do not count. */
export interface SearchAsk {
  query: string;
  conversationId?: Uuid | null;
  senderId?: string | null;
  before?: Time | null;
  after?: Time | null;
  limit?: number | null;
  cursor?: string | null;
}

/** Everything that happened after a seq. */
export interface SyncAsk {
  conversationId: Uuid;
  afterSeq: number;
  limit?: number | null;
}

/** Whether the caller is typing; a lone true expires after 3 s. */
export interface Typing {
  requestId?: string | null;
  conversationId: Uuid;
  isTyping: boolean;
}

/** Whether anybody blocks the conversation itself, and who: the caller where they do. */
export interface BlockState {
  blocked: boolean;
  blockedBy: string | null;
}

/** A conversation as one member sees it. `unread_count` stops at 1,000. `either_follows` is null for a group. */
export interface Conversation {
  id: Uuid;
  type: "direct" | "group";
  title: string | null;
  description: string | null;
  product: Product | null;
  created_by: string;
  max_members: number | null;
  member_count: number;
  is_active: boolean;
  settings: Record<string, unknown>;
  created_at: Time;
  last_message_at: Time | null;
  last_seq: number;
  last_message: Message | null;
  either_follows: boolean | null;
  unread_count: number;
  is_blocked: boolean;
  blocked_by_me: boolean;
  my_role: "owner" | "admin" | "moderator" | "member";
  my_settings: ConversationSettings;
  participants: Participant[];
}

/** Whether the conversation `isBlocked` now, by a block of its own or one between its two people; and by whom: the one who acted where they do. */
export interface ConversationBlocked {
  blocked: boolean;
  blockedBy: string | null;
  conversationId: Uuid;
  seq: number;
}

/** A direct conversation that the person takes part in from now on. */
export interface ConversationCreated {
  conversationId: Uuid;
  seq: number;
  conversation: SharedConversation;
  by: string;
}

/** The id of the conversation; null where there is none. */
export interface ConversationFound {
  conversationId: Uuid | null;
}

/** One conversation. */
export interface ConversationGiven {
  conversation: Conversation;
}

/** What a person changed for themselves alone, perhaps on another device: everything up to this seq. */
export interface ConversationOwnView {
  conversationId: Uuid;
  upToSeq: number;
  personalSeq: number;
}

/** Conversations, the most recently active first. Pass `offset` as `auth.since` to connect from here. */
export interface ConversationPage {
  conversations: Conversation[];
  total: number;
  pagination: CursorPage;
  offset: string;
}

/** What one member has set of a conversation for themselves. `level` says which messages notify: where it was never set, `all` in a conversation of up to 100 members and `mentions` in a larger one. Until `muted_until`, none do. An archived conversation is listed apart. */
export interface ConversationSettings {
  level: "all" | "mentions" | "none";
  muted_until: Time | null;
  archived: boolean;
  favourite: boolean;
}

/** The settings as they are now. */
export interface ConversationSettingsGiven {
  settings: ConversationSettings;
}

/** The settings as they were then. */
export interface ConversationSettingsUpdated {
  conversationId: Uuid;
  settings: ConversationSettings;
  personalSeq: number;
}

/** Where a page of a moving list stands. `nextCursor` asks for the page behind it; null at the end. */
export interface CursorPage {
  limit: number;
  offset: number;
  hasMore: boolean;
  nextCursor: string | null;
}

/** The server stops; come back after so many milliseconds. */
export interface Draining {
  reconnectAfterMs: number;
}

/** The session ends soon: refresh it. */
export interface Expiring {
  expiresAt: Time;
}

/** What went wrong, with all that a client needs to react. `message` is for people and `details` says more; `fields` maps a field to what is wrong with it; the same ask may succeed later where it is `retryable`, after `retryAfter` seconds; `errorId` finds the server's log line. */
export interface Failure {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  details?: string;
  fields?: Record<string, string[]>;
  retryAfter?: number;
  errorId?: string;
}

/** A file. `duration` is in ms, `preview` a small picture as a data URL; what nobody knows is null. `url` and `thumb_url` are addresses at this server, for requests with a token. */
export interface File {
  id: Uuid;
  name: string;
  size: number;
  type: string;
  state: "uploading" | "scanning" | "ready" | "refused";
  width: number | null;
  height: number | null;
  duration: number | null;
  waveform: number[] | null;
  preview: string | null;
  url: string;
  thumb_url: string | null;
}

/** The file, and where to upload it. */
export interface FileCreated {
  file: File;
  upload: Upload;
}

/** A file as the doors of other systems show it; `url` is an address for requests with the token. */
export interface FileElsewhere {
  name: string;
  size: number;
  type: string;
  url: string;
}

/** The file as it is now. */
export interface FileGiven {
  file: File;
}

/** Addresses that hold for a minute, for one person, without a token: for pages' pictures and players. */
export interface FileLink {
  url: string;
  thumb_url: string | null;
  expires_at: Time;
}

/** Links by the ids of their files; those that you may not see are left out. */
export interface FileLinks {
  links: Record<string, FileLink>;
}

/** A file that was sent while it was looked at is ready, or refused. Null where its message was erased. */
export interface FileUpdated {
  conversationId: Uuid;
  seq: number;
  messageId: Uuid;
  file: File | null;
}

/** Something happened to the group, which is shown as it stood then, without its members. */
export interface GroupEvent {
  conversationId: Uuid;
  seq: number;
  conversation: SharedConversation;
  by: string;
}

/** Groups, the most recently active first. `total` counts all. */
export interface GroupPage {
  groups: Conversation[];
  total: number;
  pagination: CursorPage;
}

/** Messages, oldest first. `total` counts all that the caller can see. */
export interface History {
  messages: Message[];
  pagination: HistoryPage;
  total: number;
}

/** Where a page of history stands. `nextBeforeSeq` asks for the page before it; null at the beginning. */
export interface HistoryPage {
  limit: number;
  offset: number;
  hasMore: boolean;
  nextBeforeSeq: number | null;
}

/** The limits that the client should respect. */
export interface Limits {
  maxMessageLength: number;
  maxPayloadBytes: number;
  messagesPerMinute: number;
  typingIntervalMs: number;
  maxFileSize: number;
  maxFilesPerMessage: number;
}

/** A durable push as it would be sent now. */
export type LoggedEvent = { event: "chat:message_received"; data: MessageReceived } | { event: "chat:message_edited"; data: MessageEdited } | { event: "chat:message_deleted"; data: MessageDeleted } | { event: "chat:reaction_added"; data: ReactionAdded } | { event: "chat:reaction_removed"; data: ReactionRemoved } | { event: "chat:message_pinned"; data: MessagePinned } | { event: "chat:message_unpinned"; data: MessagePinned } | { event: "chat:file_updated"; data: FileUpdated } | { event: "chat:conversation_created"; data: ConversationCreated } | { event: "group:created"; data: GroupEvent } | { event: "group:info_updated"; data: GroupEvent } | { event: "group:deleted"; data: GroupEvent } | { event: "group:member_added"; data: MemberAdded } | { event: "group:member_removed"; data: MemberEvent } | { event: "group:member_left"; data: MemberEvent } | { event: "group:member_promoted"; data: MemberRole } | { event: "group:member_demoted"; data: MemberRole } | { event: "group:member_updated"; data: MemberUpdated } | { event: "group:owner_changed"; data: MemberRole } | { event: "chat:conversation_blocked"; data: ConversationBlocked };

/** Somebody is a member now. Only they get `conversation`, as it stood when they were added. */
export interface MemberAdded {
  conversationId: Uuid;
  seq: number;
  user: Named;
  by: string;
  role: "owner" | "admin" | "moderator" | "member";
  conversation?: SharedConversation;
}

/** Something happened to a member; `by` is the person who did it, who may be the member. */
export interface MemberEvent {
  conversationId: Uuid;
  seq: number;
  user: Named;
  by: string;
}

/** The member. */
export interface MemberGiven {
  participant: Participant;
}

/** Members. `total` counts all. */
export interface MemberPage {
  participants: Participant[];
  total: number;
  pagination: Page;
}

/** A member has this role. */
export interface MemberRole {
  conversationId: Uuid;
  seq: number;
  user: Named;
  by: string;
  role: "owner" | "admin" | "moderator" | "member";
}

/** Whether a member may add members. */
export interface MemberUpdated {
  conversationId: Uuid;
  seq: number;
  user: Named;
  by: string;
  role: "owner" | "admin" | "moderator" | "member";
  canAddMembers: boolean;
}

/** The member added, where one was named, or the members, where several were. */
export interface MembersGiven {
  participant?: Participant;
  participants?: Participant[];
}

/** A mention in a group's message: of one person (`user`), or of all (`everyone`, without a person). */
export interface Mention {
  type: "user" | "everyone";
  user_id: string | null;
  username: string | null;
}

/** A message mentions the person, by name or as one of all. */
export interface Mentioned {
  conversationId: Uuid;
  messageId: Uuid;
  mentionedBy: string;
  mentionedByUsername: string;
  message: Message;
}

/** A message. An end-to-end encrypted one has `content_encrypted` and no `content`; an erased one neither. One with `files` may have no text either. `recipient_id` is null in a group. `updated_seq` is the seq of the last event that changed the message, its own at first: of two showings the higher one is the newer. `status` is `sent`, `delivered` or `read`, as the recipient of a direct message has it. */
export interface Message {
  id: Uuid;
  conversation_id: Uuid;
  seq: number;
  sender_id: string;
  sender_username: string;
  recipient_id: string | null;
  content: string | null;
  content_encrypted: string | null;
  message_type: "text" | "image" | "file" | "voice" | "system";
  client_message_id: string | null;
  reply_to_message_id: Uuid | null;
  mentions: Mention[];
  reactions: Reaction[];
  metadata: Record<string, unknown>;
  is_announcement: boolean;
  is_pinned: boolean;
  is_edited: boolean;
  is_deleted: boolean;
  created_at: Time;
  edited_at: Time | null;
  updated_seq: number;
  files: File[];
  status: "sent" | "delivered" | "read";
}

/** The message is erased for everyone. */
export interface MessageDeleted {
  conversationId: Uuid;
  seq: number;
  messageId: Uuid;
  deleteForEveryone: true;
  deletedBy: string;
}

/** The person deleted the message for themselves, perhaps on another device. */
export interface MessageDeletedForSelf {
  conversationId: Uuid;
  messageId: Uuid;
  deleteForEveryone: false;
  personalSeq: number;
}

/** The message as it is now; a tombstone if it was erased since. */
export interface MessageEdited {
  conversationId: Uuid;
  seq: number;
  messageId: Uuid;
  message: Message;
}

/** The message. Where you may not see it any more, the same request again answers with its id alone. */
export interface MessageGiven {
  message: Message;
  messageId?: Uuid;
  duplicate?: true;
}

/** The person who pinned the message, or removed its pin. */
export interface MessagePinned {
  conversationId: Uuid;
  seq: number;
  messageId: Uuid;
  by: string;
}

/** The message itself, with its conversation's id in the envelope's casing as well. */
export interface MessageReceived {
  id: Uuid;
  conversation_id: Uuid;
  seq: number;
  sender_id: string;
  sender_username: string;
  recipient_id: string | null;
  content: string | null;
  content_encrypted: string | null;
  message_type: "text" | "image" | "file" | "voice" | "system";
  client_message_id: string | null;
  reply_to_message_id: Uuid | null;
  mentions: Mention[];
  reactions: Reaction[];
  metadata: Record<string, unknown>;
  is_announcement: boolean;
  is_pinned: boolean;
  is_edited: boolean;
  is_deleted: boolean;
  created_at: Time;
  edited_at: Time | null;
  updated_seq: number;
  files: File[];
  status: "sent" | "delivered" | "read";
  conversationId: Uuid;
}

/** `duplicate`: the same `clientMessageId` was sent before, and this is that message as it is now. `message` is left out of a duplicate that you may not see any more. */
export interface MessageSent {
  messageId: Uuid;
  duplicate: boolean;
  message: Message;
}

/** Messages up to a seq were received or read. `messageIds` is empty where they are over 200. In a direct conversation up to 20 messages are told of one by one, each as `messageId`. In a group of over 100 members the reader's own devices alone are told of what was read. To them it also comes without any message: nothing was new, but the conversation is no longer marked as unread. */
export interface MessageStatusUpdated {
  conversationId: Uuid;
  upToSeq: number;
  messageIds: Uuid[];
  status: "delivered" | "read";
  userId: string;
  timestamp: Time;
  messageId?: Uuid;
  deliveredBy?: string;
  readBy?: string;
}

/** A person by id and name. */
export interface Named {
  user_id: string;
  username: string;
}

/** Carries only the offset, which is the push's last argument. */
export type NewerOffset = Record<string, never>;

/** The contacts who are online. */
export interface Online {
  users: Person[];
}

/** The contacts who are online, counted. */
export interface OnlineList {
  users: Person[];
  count: number;
}

/** Where a page stands in its list. */
export interface Page {
  limit: number;
  offset: number;
  hasMore: boolean;
}

/** A member of a conversation. `read_seq` is the highest seq read. */
export interface Participant {
  user_id: string;
  username: string;
  display_name: string;
  avatar_url: string | null;
  role: "owner" | "admin" | "moderator" | "member";
  joined_at: Time;
  delivered_seq: number;
  read_seq: number;
}

/** A user as presence and sessions name them. */
export interface Person {
  userId: string;
  username: string;
  displayName: string;
}

/** One picture. `default`: there is none, so show a stand-in. `error`: the server could not find out now. */
export interface Picture {
  type: "user" | "community";
  id: string | number;
  hasPicture: boolean;
  default: boolean;
  url?: string;
  error?: "UNAVAILABLE";
}

/** `status` is always "ok": a picture that fails does not fail the others. */
export interface Pictures {
  items: Picture[];
  timestamp: Time;
  status: "ok";
}

/** Pinned messages, the most recently pinned first. `total` counts all that the caller can see. */
export interface Pins {
  messages: Message[];
  total: number;
  pagination: Page;
}

/** `timestamp` is the server's time in ms since 1970. */
export interface Pong {
  timestamp: number;
}

/** What a conversation is about, as the directory has it. */
export interface Product {
  id: string;
  title: string | null;
  image: string | null;
}

/** A device of one's own that is notified. Where it is reached is not shown. */
export interface PushDevice {
  id: Uuid;
  provider: "webpush" | "fcm";
  name: string | null;
  created_at: Time;
}

/** The device. */
export interface PushDeviceGiven {
  device: PushDevice;
}

/** All of one's own, the first added first. */
export interface PushDevices {
  devices: PushDevice[];
}

/** One person's reaction to a message; a person has at most one. */
export interface Reaction {
  user_id: string;
  username: string;
  reaction: string;
}

/** Replaces the reaction that the person had, if any. */
export interface ReactionAdded {
  conversationId: Uuid;
  seq: number;
  messageId: Uuid;
  reaction: Reaction;
}

/** The person has no reaction any more. */
export interface ReactionRemoved {
  conversationId: Uuid;
  seq: number;
  messageId: Uuid;
  userId: string;
}

/** `reaction` as it is shown to all, however it was typed. `removed`: it stood already, so asking for it again took it away. */
export interface ReactionSet {
  reaction: string;
  removed: boolean;
}

/** Of both people in a direct conversation, of oneself in a group. `unreadCount` stops at 1,000. */
export interface ReadState {
  conversationId: Uuid;
  unreadCount: number;
  participants: ReadStateOf[];
}

/** What one person has received, and read: the highest seq, and every range of seqs, both ends included. */
export interface ReadStateOf {
  userId: string;
  deliveredSeq: number;
  readSeq: number;
  readRanges: ([number, number])[];
}

/** When the session ends now. */
export interface Refreshed {
  expiresAt: Time;
}

/** The role that the member has now. */
export interface RoleGiven {
  role: "owner" | "admin" | "moderator" | "member";
}

/** What was found so far, the newest first. With a `cursor` there may be more: ask again with it. A page ends after `limit` results, about a mebibyte, or some work, so it may have few results or none. `complete` says whether everything was looked through. */
export interface SearchPage {
  results: SearchResult[];
  cursor: string | null;
  complete: boolean;
}

/** A message and where its text has the query: ranges [from, to) in UTF-16 units, the first 100. */
export interface SearchResult {
  message: Message;
  ranges: ([number, number])[];
}

/** The session has begun; everything that the client missed was emitted before this. */
export interface SessionReady {
  user: Person;
  connectionId: string;
  recovered: boolean;
  limited: boolean;
  resync: string[];
  replayed: number;
  serverTime: Time;
  expiresAt: Time;
  limits: Limits;
  epoch: string;
}

/** A conversation as all its members see it alike: what pushes carry, beside pushes of its messages. */
export interface SharedConversation {
  id: Uuid;
  type: "direct" | "group";
  title: string | null;
  description: string | null;
  product: Product | null;
  created_by: string;
  max_members: number | null;
  member_count: number;
  is_active: boolean;
  settings: Record<string, unknown>;
  created_at: Time;
  last_message_at: Time | null;
  last_seq: number;
}

/** `limited`: the log does not go back that far; load the conversation anew. */
export interface Synced {
  events: LoggedEvent[];
  hasMore: boolean;
  limited: boolean;
}

/** A sentence for people. */
export interface Tested {
  timestamp: number;
  message: string;
}

/** How many messages changed their state. */
export interface Updated {
  updatedCount: number;
}

/** Where the bytes go: the whole file as the body of one request with these headers, without a token. `url` is an address at this server, or a bucket's. */
export interface Upload {
  method: "PUT";
  url: string;
  headers: Record<string, string>;
  expiresAt: Time;
}

/** The user whom you blocked or unblocked, perhaps on another device. */
export interface UserBlocked {
  userId: string;
  personalSeq: number;
}

/** A contact came online or went offline. */
export interface UserStatusChanged {
  userId: string;
  status: "online" | "offline";
  timestamp: Time;
}

/** Somebody is typing, or has stopped. */
export interface UserTyping {
  conversationId: Uuid;
  userId: string;
  username: string;
  isTyping: boolean;
  timestamp: Time;
}

export interface ClientToServerEvents {
  /** Post a message to a conversation you take part in, or to a person. */
  "chat:message_send": (payload: MessageSend, ack: Answer<MessageSent>) => void;
  /** Change the text of your message, within 5 minutes of sending it. */
  "chat:message_edit": (payload: MessageEdit, ack: Answer<MessageGiven>) => void;
  /** Erase a message for everyone, or delete it for yourself alone. */
  "chat:message_delete": (payload: MessageDelete, ack: Answer<unknown>) => void;
  /** React to a message. The same reaction again removes it; another one replaces it. */
  "chat:reaction_add": (payload: ReactionAdd, ack: Answer<ReactionSet>) => void;
  /** Remove your reaction to a message, if there is one. */
  "chat:reaction_remove": (payload: ReactionRemove, ack: Answer<unknown>) => void;
  /** Pin a message. In a group moderators and higher roles may, in a direct conversation both people. */
  "chat:message_pin": (payload: ChangeOfMessage, ack: Answer<unknown>) => void;
  /** Remove the pin of a message, whoever set it. */
  "chat:message_unpin": (payload: ChangeOfMessage, ack: Answer<unknown>) => void;
  /** The pinned messages of a conversation, the last one pinned first. */
  "chat:pins": (payload: PinsAsk, ack: Answer<Pins>) => void;
  /** Begin to upload a file for a conversation. PUT its bytes to `upload.url`, then file:complete. */
  "file:create": (payload: FileCreate, ack: Answer<FileCreated>) => void;
  /** Say that a file is uploaded. What takes longer than two seconds to look at is `scanning`, and may be sent; chat:file_updated tells the end. */
  "file:complete": (payload: ChangeOfFile, ack: Answer<FileGiven>) => void;
  /** Delete a file of yours that was not sent. One that was goes with its message. */
  "file:delete": (payload: ChangeOfFile, ack: Answer<unknown>) => void;
  /** Addresses of files that hold for a minute without a token. Every ten count as a command. */
  "file:links": (payload: FileLinksAsk, ack: Answer<FileLinks>) => void;
  /** Say that your device has received messages. Each one named counts as a command. */
  "chat:message_delivered": (payload: Receipt, ack: Answer<Updated>) => void;
  /** Say that you have read messages: exactly those named. Each one named counts as a command. */
  "chat:message_read": (payload: Receipt, ack: Answer<Updated>) => void;
  /** Say that you are typing, or have stopped. Nothing is stored. */
  "chat:typing": (payload: Typing, ack: Answer<unknown>) => void;
  /** A page of a conversation's messages, oldest first. */
  "chat:history": (payload: HistoryAsk, ack: Answer<History>) => void;
  /** Everything that happened in a conversation after a seq, as it is shown now. */
  "chat:sync": (payload: SyncAsk, ack: Answer<Synced>) => void;
  /** Find messages by what they say: the conversations with the newest messages first, in each the newest first. Names of files and end-to-end encrypted texts are not searched. */
  "chat:search": (payload: SearchAsk, ack: Answer<SearchPage>) => void;
  /** Find or create the direct conversation with a person. */
  "chat:conversation_open": (payload: ConversationOpen, ack: Answer<ConversationGiven>) => void;
  /** Find your direct conversation with a person; none is created. */
  "chat:conversation_find": (payload: ConversationFind, ack: Answer<ConversationFound>) => void;
  /** Your conversations that are not archived, or those that are, the most recently active first. */
  "chat:conversation_list": (
    ...args: [payload: ConversationListAsk, ack: Answer<ConversationPage>] | [ack: Answer<ConversationPage>]
  ) => void;
  /** One of your conversations. */
  "chat:conversation_get": (payload: OfConversation, ack: Answer<ConversationGiven>) => void;
  /** Hide a conversation and its history so far, for you alone. A new message brings it back. */
  "chat:conversation_delete": (payload: ChangeOfConversation, ack: Answer<unknown>) => void;
  /** Show a conversation as unread to you, until you read in it or hide it. */
  "chat:conversation_mark_unread": (payload: ChangeOfConversation, ack: Answer<unknown>) => void;
  /** Set for yourself which messages of a conversation notify you, and where it is listed. */
  "chat:conversation_settings_set": (payload: ConversationSettingsSet, ack: Answer<ConversationSettingsGiven>) => void;
  /** Create a group; you are its owner. Each person named counts as a command. */
  "group:create": (payload: GroupCreate, ack: Answer<ConversationGiven>) => void;
  /** Your groups, the most recently active first, also those whose history you have hidden. */
  "group:list": (
    ...args: [payload: GroupListAsk, ack: Answer<GroupPage>] | [ack: Answer<GroupPage>]
  ) => void;
  /** Change a group's title, description or highest number of members, as an admin or its owner. */
  "group:update": (payload: GroupUpdate, ack: Answer<ConversationGiven>) => void;
  /** Post an announcement to a group, as an admin or its owner. */
  "group:announce": (payload: GroupAnnounce, ack: Answer<MessageSent>) => void;
  /** End a group of yours, for everyone: nobody is a member of it after that, or can read it. */
  "group:delete": (payload: ChangeOfConversation, ack: Answer<unknown>) => void;
  /** Add people to a group: all of them or none. Those who are members already stay as they are. Each counts as a message. For admins, the owner, and members with the permission. */
  "group:member_add": (payload: MemberAdd, ack: Answer<MembersGiven>) => void;
  /** Remove somebody of a lower role than yours from a group, as an admin or its owner. */
  "group:member_remove": (payload: MemberChange, ack: Answer<unknown>) => void;
  /** Leave a group. Its owner has to transfer it first. */
  "group:leave": (payload: ChangeOfConversation, ack: Answer<unknown>) => void;
  /** A page of a group's members: the highest roles first, then those who have been members longest. */
  "group:members": (payload: MembersAsk, ack: Answer<MemberPage>) => void;
  /** Give a member a higher role, as the owner. An admin may add members. */
  "group:promote": (payload: Promote, ack: Answer<RoleGiven>) => void;
  /** Give a member a lower role, as the owner. A member does not keep the permission to add members. */
  "group:demote": (payload: Demote, ack: Answer<RoleGiven>) => void;
  /** Give a member of a lower role the permission to add members, or take it, as an admin or the owner. */
  "group:permit": (payload: Permit, ack: Answer<MemberGiven>) => void;
  /** Make a member the owner of your group; you become an admin of it. */
  "group:transfer": (payload: MemberChange, ack: Answer<unknown>) => void;
  /** Count this connection as present again. Connecting does so by itself. */
  "presence:online": (
    ...args: [payload: Retryable, ack: Answer<Online>] | [ack: Answer<Online>]
  ) => void;
  /** Count this connection as gone, at once and without grace. */
  "presence:offline": (
    ...args: [payload: Retryable, ack: Answer<unknown>] | [ack: Answer<unknown>]
  ) => void;
  /** Say which conversation this connection has open in front of you: you are not notified of its messages, on any device. It ends with the connection. */
  "presence:focus": (payload: FocusSet, ack: Answer<unknown>) => void;
  /** Your contacts who are online. */
  "presence:list": (
    ...args: [payload: Empty, ack: Answer<OnlineList>] | [ack: Answer<OnlineList>]
  ) => void;
  /** Have a device notified of messages that you have not read. The same endpoint or token again is the same device, and whoever added it last has it. You have 20 at most. */
  "push:device_add": (payload: PushDeviceAdd, ack: Answer<PushDeviceGiven>) => void;
  /** Your devices that are notified. */
  "push:device_list": (
    ...args: [payload: Empty, ack: Answer<PushDevices>] | [ack: Answer<PushDevices>]
  ) => void;
  /** Have a device notified no longer. */
  "push:device_remove": (payload: PushDeviceRemove, ack: Answer<unknown>) => void;
  /** Block a direct conversation for both of you, or remove your own block. */
  "chat:conversation_block": (payload: ConversationBlock, ack: Answer<BlockState>) => void;
  /** Block a person: neither of you can send to the other, open a conversation with them or see their presence. Counts as ten messages, since all your conversations with them are told. */
  "user:block": (payload: OfUser, ack: Answer<unknown>) => void;
  /** Remove your own block of a person. Counts as ten messages. */
  "user:unblock": (payload: OfUser, ack: Answer<unknown>) => void;
  /** The profile pictures of up to 50 users and communities; a failure is that picture's alone. Each counts as a command. */
  "user:profile_pictures": (payload: PicturesAsk, ack: Answer<Pictures>) => void;
  /** Continue with a newer token of the same user; a token that is refused leaves the session as it is. */
  "session:refresh": (payload: Refresh, ack: Answer<Refreshed>) => void;
  /** Measure the time to the server and back. */
  "system:ping": (
    ...args: [payload: Empty, ack: Answer<Pong>] | [ack: Answer<Pong>]
  ) => void;
  /** Check that commands arrive. */
  "system:test": (
    ...args: [payload: Empty, ack: Answer<Tested>] | [ack: Answer<Tested>]
  ) => void;
}

export interface ServerToClientEvents {
  /** A message was posted. */
  "chat:message_received": (data: MessageReceived, offset?: Offset) => void;
  /** The text of a message was changed. */
  "chat:message_edited": (data: MessageEdited, offset?: Offset) => void;
  /** A message was erased for everyone; a tombstone stands in its place. Or: You deleted a message for yourself alone. */
  "chat:message_deleted": (data: MessageDeleted | MessageDeletedForSelf, offset?: Offset) => void;
  /** Somebody reacted to a message, or changed their reaction. */
  "chat:reaction_added": (data: ReactionAdded, offset?: Offset) => void;
  /** Somebody removed their reaction to a message. */
  "chat:reaction_removed": (data: ReactionRemoved, offset?: Offset) => void;
  /** Somebody pinned a message. */
  "chat:message_pinned": (data: MessagePinned, offset?: Offset) => void;
  /** Somebody removed the pin of a message. */
  "chat:message_unpinned": (data: MessagePinned, offset?: Offset) => void;
  /** What became of a file that was sent while it was looked at. */
  "chat:file_updated": (data: FileUpdated, offset?: Offset) => void;
  /** Somebody mentioned you in a group: @username, @everyone or @all. The message comes as well. */
  "chat:mentioned": (data: Mentioned) => void;
  /** Messages were received or read by somebody. */
  "chat:message_status_updated": (data: MessageStatusUpdated) => void;
  /** While connecting: what was received and read in a conversation since the client was connected last. */
  "chat:read_state": (data: ReadState) => void;
  /** Somebody is typing, or has stopped. */
  "chat:user_typing": (data: UserTyping) => void;
  /** A direct conversation was opened with you, or by you on another device. One whose `seq` is above 1 was moved in from another system: load its history. */
  "chat:conversation_created": (data: ConversationCreated, offset?: Offset) => void;
  /** You hid a conversation with its history up to a seq; a later message brings it back. */
  "chat:conversation_deleted": (data: ConversationOwnView, offset?: Offset) => void;
  /** You marked a conversation as unread: it shows at least one until you read in it or hide it. */
  "chat:conversation_marked_unread": (data: ConversationOwnView, offset?: Offset) => void;
  /** Your settings of a conversation have changed: by you, perhaps on another device, or by a message, your own too, that has brought it back from the archive. */
  "chat:conversation_settings_updated": (data: ConversationSettingsUpdated, offset?: Offset) => void;
  /** A group was created with you. One whose `seq` is above 1 was moved in from another system: load its history. */
  "group:created": (data: GroupEvent, offset?: Offset) => void;
  /** A group has another title, description or highest number of members. */
  "group:info_updated": (data: GroupEvent, offset?: Offset) => void;
  /** A group has ended; you hear nothing of it after this. */
  "group:deleted": (data: GroupEvent, offset?: Offset) => void;
  /** Somebody was added. */
  "group:member_added": (data: MemberAdded, offset?: Offset) => void;
  /** Somebody was removed; if it is you, you hear nothing of the group after it. */
  "group:member_removed": (data: MemberEvent, offset?: Offset) => void;
  /** Somebody left. */
  "group:member_left": (data: MemberEvent, offset?: Offset) => void;
  /** Somebody has a higher role; an admin may add members. */
  "group:member_promoted": (data: MemberRole, offset?: Offset) => void;
  /** Somebody has a lower role; a member may not add members any more. */
  "group:member_demoted": (data: MemberRole, offset?: Offset) => void;
  /** Somebody may add members from now on, or may not any more. */
  "group:member_updated": (data: MemberUpdated, offset?: Offset) => void;
  /** A group has another owner; the previous owner, ``by``, is an admin now. */
  "group:owner_changed": (data: MemberRole, offset?: Offset) => void;
  /** A contact came online or went offline, or a block between you has come (`offline`) or gone. */
  "user:status_changed": (data: UserStatusChanged) => void;
  /** Somebody blocked a direct conversation or its other person, or removed that block. */
  "chat:conversation_blocked": (data: ConversationBlocked, offset?: Offset) => void;
  /** You blocked a person. */
  "user:blocked": (data: UserBlocked, offset?: Offset) => void;
  /** You unblocked a person. */
  "user:unblocked": (data: UserBlocked, offset?: Offset) => void;
  /** The session has begun. */
  "session:ready": (data: SessionReady, offset?: Offset) => void;
  /** The token expires in a minute, or less: send a newer one by session:refresh. */
  "session:expiring": (data: Expiring) => void;
  /** A newer offset, as the last argument; it covers everything that was pushed. At most once a second, after something durable was pushed; not with `recovery: false`. */
  "session:offset": (data: NewerOffset) => void;
  /** The server stops; reconnect after a while. */
  "session:draining": (data: Draining) => void;
  /** A command sent without an ack callback failed. */
  "error": (data: Failure) => void;
}

/** The commands that are done once, however often they are sent under the same `requestId`; `chat:message_send` takes a
 * `clientMessageId` for that. */
export const CHANGES: ReadonlySet<string> = new Set<keyof ClientToServerEvents>([
  "chat:message_send",
  "chat:message_edit",
  "chat:message_delete",
  "chat:reaction_add",
  "chat:reaction_remove",
  "chat:message_pin",
  "chat:message_unpin",
  "file:create",
  "file:complete",
  "file:delete",
  "chat:message_delivered",
  "chat:message_read",
  "chat:typing",
  "chat:conversation_open",
  "chat:conversation_delete",
  "chat:conversation_mark_unread",
  "chat:conversation_settings_set",
  "group:create",
  "group:update",
  "group:announce",
  "group:delete",
  "group:member_add",
  "group:member_remove",
  "group:leave",
  "group:promote",
  "group:demote",
  "group:permit",
  "group:transfer",
  "presence:online",
  "presence:offline",
  "presence:focus",
  "push:device_add",
  "push:device_remove",
  "chat:conversation_block",
  "user:block",
  "user:unblock",
  "session:refresh",
]);
