"""What the tables cannot say: how to connect, and what holds for every command."""

CONVENTIONS = (
    "**Casing.** Resources (`message`, `conversation`, `participant` …) are snake_case. Payloads, "
    "acks and pushes are camelCase, and so are their parts. REST bodies and queries are "
    "snake_case. Either casing of every field is accepted everywhere.",
    "**Ids.** Conversations and messages have UUIDs. Ids of people and products belong to the main"
    " back end: strings of 1 to 64 characters.",
    "**Times** are ISO 8601 in UTC with milliseconds and `Z`.",
    "**Null.** An optional field may be null, which is as if it were not there.",
    "**Unknown fields** are refused in development, and ignored and counted in production.",
    "**One answer.** Every command is acknowledged exactly once: `{success: true, …}`, or "
    "`{success: false, error}` with a [Failure](@resources#failure). A command sent without a "
    "callback gets its failure as the push [error](@session#error). Whether the ack or the push of"
    " one's own command comes first is unspecified; both come after the commit.",
    "**What one may not see does not exist**: another's conversation or message is "
    "`RESOURCE_NOT_FOUND`.",
    "**Once.** `chat:message_send` takes a `clientMessageId`, every other change a `requestId`; "
    "over REST the header `Idempotency-Key` is either. The same person and id again, at any time, "
    "from any device: no second effect, and the same answer, with resources as they are now. The "
    "same id with another payload is `IDEMPOTENCY_CONFLICT`. Only what was done is kept.",
    "**Order.** What happens in a conversation has the next `seq`. Durable pushes carry it, come "
    "in its order, and are replayed after a gap; what concerns a person alone has a `personalSeq` "
    "instead. They may come twice: drop what you have by `(conversationId, seq)`.",
    "**Limits.** Who asks for too much is refused with `RATE_LIMIT_EXCEEDED`, and `retryAfter` is the "
    "number of seconds after which the same ask is within the limits.",
    "**Deadline.** A command that takes too long is `UNAVAILABLE`, retryable. Ask again with the "
    "same id: that settles what became of it.",
)
CONNECTING = (
    "`io(url, {auth: {token}})`, at `/socket.io/`, by WebSocket or polling. The token is the main "
    "back end's JWT (HS256; `sub` or `userId`, `exp`, and `jti` where it is to be revocable). Who "
    "is refused gets a `connect_error` whose `data` is a [Failure](@resources#failure).",
    "A session lasts as long as its token. [session:expiring](@session#sessionexpiring) comes a minute "
    "before its end, and [session:refresh](@session#sessionrefresh) goes on with a newer token.",
    "What was missed is emitted first, then [session:ready](@session#sessionready).",
)
AUTH_FIELDS = (
    (
        "`token`",
        "string",
        "yes",
        "the JWT",
    ),
    (
        "`positions`",
        "object",
        "no",
        "`{epoch, me, <conversationId>: seq}`: up to where everything has arrived, `me` for the "
        "personal log; exact, nothing comes twice",
    ),
    (
        "`since`",
        "string",
        "no",
        "the `offset` of [chat:conversation_list](@chat#chatconversation_list): connect from that "
        "snapshot on",
    ),
    (
        "`recovery`",
        "boolean",
        "no",
        "`false`: pushes carry no offset, for handlers that take one argument",
    ),
)
RECOVERY = (
    "An unmodified socket.io-client (4.6 or later) recovers by itself: "
    "[session:ready](@session#sessionready) and each durable push after it carry an offset as "
    "their last argument, and the client sends the last one back when it reconnects. It then finds"
    " `socket.recovered === true`, and everything it missed has arrived, on any process, for as "
    "long as the log is kept (30 days).",
    "More than 1,000 missed events in one conversation, or 10,000 in all, or an offset older than "
    "the log: `limited` is true, and `resync` has the conversations to load anew (`me` is the "
    "personal log).",
    "A client that says nothing of where it stands gets what its user's devices have not received,"
    " at most 1,000 events, oldest first.",
)
MATRIX = (
    "What becomes of each command, where nothing else is wrong with it: `ok`, or the code of the "
    "refusal. What may not be seen does not exist.",
)
REST = (
    "`Authorization: Bearer <token>`. A route answers with one resource bare, with a list in an "
    "envelope, or with `{success: true}`; a failure is `{error}`, a [Failure](@resources#failure) "
    "whose fields are named in snake_case. Every command also answers at `POST "
    "/api/commands/<name>`: the payload in, the ack out, with the status of its code.",
    "**Paging** is by `limit` and `offset`; history also by `before_seq` and `after_seq`, which do"
    " not shift when something new is said: `pagination.nextBeforeSeq` asks for the page before. A"
    " `limit` over its maximum is refused.",
    "**ETags.** Every GET answers with one; asked with it in `If-None-Match`, the answer is 304 "
    "while nothing has changed. Answers are not to be stored by anybody else (`no-store`).",
    "**Idempotency.** `Idempotency-Key` on a change does what the body's own id does. A message "
    "sent before comes with `Idempotency-Replayed: true`.",
    "**Pages of other origins** (CORS) may ask where their origin is one of "
    "`CORS_ALLOWED_ORIGINS`, and read `ETag`, `Idempotency-Replayed` and `Retry-After`.",
    "**A method that a route does not have** is 405 with `Allow`; a body over `MAX_PAYLOAD_SIZE` "
    "is 413. A body is read as JSON whatever its Content-Type.",
    "As documents: `GET /api/openapi.json` ([OpenAPI 3.1](https://spec.openapis.org/oas/v3.1.1)), "
    "`GET /api/asyncapi.json` ([AsyncAPI "
    "3.0](https://www.asyncapi.com/docs/reference/specification/v3.0.0)), and this at `GET /docs`.",
)
