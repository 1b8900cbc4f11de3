"""The reference's prose, which no table holds: how to connect, and what holds for every command."""

CONVENTIONS = (
    "**Casing.** Resources (`message`, `conversation`, `participant` …) are snake_case. Payloads, "
    "acks and pushes are camelCase, and so are the objects inside them. REST bodies and queries are "
    "snake_case. Either casing of every field is accepted everywhere.",
    "**Ids.** Conversations and messages have UUIDs. Ids of people and products belong to the main"
    " back end: strings of 1 to 64 characters.",
    "**Times** are ISO 8601 in UTC with milliseconds and `Z`.",
    "**Null.** An optional field may be null; that means the same as leaving it out.",
    "**Unknown fields** are refused in development, and ignored and counted in production.",
    "**One answer.** Every command is acknowledged exactly once: `{success: true, …}`, or "
    "`{success: false, error}` with a [Failure](@resources#failure). A command sent without a "
    "callback gets its failure as the push [error](@session#error). Whether the ack or the push of"
    " one's own command comes first is unspecified; both come after the commit.",
    "**What you may not see does not exist for you**: a conversation or message of others is "
    "`RESOURCE_NOT_FOUND`.",
    "**Once.** `chat:message_send` takes a `clientMessageId`, every other change a `requestId`; "
    "over REST the header `Idempotency-Key` stands for either. When the same person sends the same id again, at "
    "any time and from any device, it has no second effect and gets the same answer, with resources as they are "
    "now. The same id with another payload is `IDEMPOTENCY_CONFLICT`. Only successes are remembered.",
    "**Order.** Every event of a conversation has the next `seq`. Durable pushes carry it, arrive "
    "in its order, and are replayed after a gap; events that concern one person alone have a `personalSeq` "
    "instead. A push may come twice: drop those that you already have, by `(conversationId, seq)`.",
    "**Your own changes.** On one connection changes run one after another, in the order in which they "
    "came, and a query waits for the changes before it, so that it shows them. Queries run at the same "
    "time; `system:ping` and `chat:typing` wait for nothing.",
    "**Limits.** A command that exceeds a limit is refused with `RATE_LIMIT_EXCEEDED`; `retryAfter` is the "
    "number of seconds after which the same command is within the limits.",
    "**Deadline.** A command that takes too long is `UNAVAILABLE`, retryable. Send it again with the "
    "same id: the answer then tells whether it was done.",
)
CONNECTING = (
    "`io(url, {auth: {token}})`, at `/socket.io/`, by WebSocket or polling. The token is the main "
    "back end's JWT (HS256; `sub` or `userId`, `exp`, and `jti` where it is to be revocable). A client "
    "that is refused for good gets a `connect_error` whose `data` is a [Failure](@resources#failure). "
    "Where trying again may help (`UNAVAILABLE`, `MAX_CONNECTIONS_EXCEEDED`, `RATE_LIMIT_EXCEEDED`), "
    "the transport is closed instead (a WebSocket with 1013 and the code), and a stock client comes "
    "back by itself.",
    "Before the server ends a session it says why, by [error](@session#error) or "
    "[session:draining](@session#sessiondraining); earlier commands are still answered.",
    "A session lasts as long as its token. [session:expiring](@session#sessionexpiring) comes a minute "
    "before its end, and [session:refresh](@session#sessionrefresh) continues it with a newer token.",
    "The server first emits what the client missed, then [session:ready](@session#sessionready).",
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
        "`{epoch, me, <conversationId>: seq}`: the last seq that has arrived, `me` for the "
        "personal log; exact, so nothing comes twice",
    ),
    (
        "`since`",
        "string",
        "no",
        "the `offset` of [chat:conversation_list](@chat#chatconversation_list): get everything after "
        "that snapshot",
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
    "A client that gives no position gets what its user's devices have not received,"
    " at most 1,000 events, oldest first.",
)
MATRIX = (
    "The outcome of each command for each role, where nothing else is wrong with it: `ok`, or the code of the "
    "refusal. What a person may not see does not exist for them.",
)
REST = (
    "`Authorization: Bearer <token>`. A route answers with one resource by itself, with a list in an "
    "envelope, or with `{success: true}`; a failure is `{error}`, a [Failure](@resources#failure) "
    "whose fields are named in snake_case. Every command also answers at `POST "
    "/api/commands/<name>`: the payload in, the ack out, with the status of its code.",
    "**Paging** is by `limit` and `offset`; history also by `before_seq` and `after_seq`, which do"
    " not shift when a new message comes: `pagination.nextBeforeSeq` asks for the page before. A"
    " `limit` over its maximum is refused.",
    "**ETags.** Every GET answers with one; send it back in `If-None-Match`, and the answer is 304 "
    "while nothing has changed. No cache on the way may store an answer (`no-store`).",
    "**Idempotency.** `Idempotency-Key` on a change does what the id in the body does. A message "
    "that was sent before comes with `Idempotency-Replayed: true`.",
    "**Pages of other origins** (CORS) may use the API if their origin is one of "
    "`CORS_ALLOWED_ORIGINS`. They may send headers of their own (those of tracing scripts, say) and a load "
    "balancer's cookies, and read `ETag`, `Idempotency-Replayed`, `Link` and `Retry-After`.",
    "**A method that a route does not have** is 405 with `Allow`; a body over `MAX_PAYLOAD_SIZE` "
    "is 413. A body is read as JSON whatever its Content-Type.",
    "As documents: `GET /api/openapi.json` ([OpenAPI 3.1](https://spec.openapis.org/oas/v3.1.1)), "
    "`GET /api/asyncapi.json` ([AsyncAPI "
    "3.0](https://www.asyncapi.com/docs/reference/specification/v3.0.0)), and this at `GET /docs`.",
)
