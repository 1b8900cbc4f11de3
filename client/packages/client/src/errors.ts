import type { ErrorCode, Failure } from "./events.js";

/**
 * A code of the server's, or one of the client's own: `NO_ANSWER` (the link was away for longer than the ask was to
 * wait), `OUTBOX_FULL`, or `DISCARDED` (the message was taken out of the outbox).
 */
export type ChatErrorCode = ErrorCode | "NO_ANSWER" | "OUTBOX_FULL" | "DISCARDED";

type Reason = Omit<Failure, "code"> & { code: ChatErrorCode };

/** Why something was not done. The fields are those of the server's `Failure`. */
export class ChatError extends Error {
  override readonly name = "ChatError";
  readonly code: ChatErrorCode;
  /** Whether the same ask may succeed later: after `retryAfter` seconds, where it is given. */
  readonly retryable: boolean;
  readonly retryAfter: number | undefined;
  readonly details: string | undefined;
  /** What is wrong with which field. */
  readonly fields: Record<string, string[]> | undefined;
  /** Finds the line in the server's log. */
  readonly errorId: string | undefined;

  constructor(reason: Reason) {
    super(reason.message);
    this.code = reason.code;
    this.retryable = reason.retryable;
    this.retryAfter = reason.retryAfter;
    this.details = reason.details;
    this.fields = reason.fields;
    this.errorId = reason.errorId;
  }
}

/** Nobody has answered in time. The work may be done all the same. */
export function noAnswer(): ChatError {
  return new ChatError({
    code: "NO_ANSWER",
    message: "The server did not answer",
    retryable: true,
  });
}
