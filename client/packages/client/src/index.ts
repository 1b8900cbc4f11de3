export { createChat, type Chat } from "./chat.js";
export type { SocketSettings } from "./connection.js";
export { ChatError, type ChatErrorCode } from "./errors.js";
export type * from "./events.js";
export type { ChatEvents, ChatOptions, Listed } from "./options.js";
export type { FileAbout, UploadOptions } from "./upload.js";
export type { Draft, OutboxEntry, Sending } from "./entry.js";
export { indexedDb, memory, type ChatStorage } from "./storage.js";
export type { Answer, Asked, Command, Payload, Push, PushData, Status } from "./types.js";
