"""The words of this door, as the reference tells of them: made from the tables, and the prose around them."""

from typing import Any

from chatserver.doors.marketplace.words import ASKED, NOTIFICATIONS, PUSH_ROWS, TOPIC
from chatserver.doors.words import Ask, Fields, Hidden, Maybe, Shown
from chatserver.reference import shapes, words
from chatserver.reference.vocabularies import (
    AskedMessage,
    FieldOf,
    FieldTaken,
    HiddenPush,
    Shape,
    ToldMessage,
    Vocabulary,
)
from chatserver.schemas.marketplace import (
    ROUTES,
    MarketConversation,
    MarketFailure,
    MarketMessage,
)

_SUMMARY = (
    "Clients of the marketplace system (REST and STOMP, conversations about products, "
    "`marketplace-api.md`) connect as they are: what changes for them is the address. Put "
    "`/marketplace` before the paths that they know: `/api/messages` is `/marketplace/api/messages`, "
    "and `/ws` is `/marketplace/ws`. The clients of all doors see the same messages. "
    "`chatserver import marketplace` moves the old database in."
)
_CONNECTING = (
    "**Tokens.** The token is the main back end's JWT: in `Authorization: Bearer <token>`, or in the "
    "cookie `token`. STOMP's CONNECT takes it in the header `Authorization` or `token`. The cookie "
    "counts for pages of the origins that `CORS_ALLOWED_ORIGINS` lists by name, and of the server's "
    "own; else anybody's page could use it. `*` lists no origin by name: then pages of other origins "
    "have SockJS by WebSocket alone, since its client sends cookies with every request.",
    "**STOMP** 1.0, 1.1 and 1.2 is spoken at `/marketplace/ws`: over a WebSocket there (and at "
    "`/marketplace/ws/websocket`, as Spring's clients have it), and over SockJS, by WebSocket, XHR "
    "streaming, EventSource and XHR polling. SockJS needs a load balancer that keeps a client with one "
    "process. Its JSONP, htmlfile and iframe transports are off: they have other pages run what we "
    "answer.",
    "CONNECTED has `version`, `heart-beat` (`10000,30000`) and `user-name`, the user's id. A client "
    "that agreed to beats and is silent for 90 s is closed. A new session tells what happens from then "
    "on: those who come back ask the routes for what they missed.",
    "**Subscriptions.** `/topic/conversation.<id>` of one's own conversations, with the id in lower "
    "case, and `/user/queue/notifications`; 1,000 of them at most. After the RECEIPT of a SUBSCRIBE "
    "nothing is missed. A MESSAGE has its `destination` as it was subscribed to, and a `message-id` "
    "that is the same in each copy. Acknowledgements are not needed, whatever `ack` says.",
    "**Receipts.** Every frame that asks for a RECEIPT gets one, a SEND after its commit. What is sent "
    "on one connection is done in its order.",
    "**Errors.** ERROR has a `message`, a `code` where there is one, and `retry-after` (seconds) where "
    "that helps; its body says more. Every ERROR ends the connection, a refused SEND's or SUBSCRIBE's "
    "too. Transactions are refused.",
    "Close codes: 1000 after DISCONNECT, 1001 where the server stops, 1002 after an ERROR, 1008 after "
    "one that says why the session ends, 1009 for a message over `MAX_PAYLOAD_SIZE`, and 1013 for "
    "clients that should come back in a moment.",
)
_DIFFERENCES = (
    "**Asking creates nothing.** `GET messages` for a pair without a conversation is an empty array. "
    "The first message creates the conversation, as the document's text says (a line of its checklist "
    "says otherwise).",
    "**A list ends.** A page of messages has the newest 100, a list of conversations 200. The header "
    '`Link` (`<?…>; rel="next"`) has the address of the next page, and is read by pages of other '
    "origins.",
    "**A product need not be given.** A conversation without one has `productId` null.",
    "**Groups** of the main door do not appear, and cannot be named.",
    "**Erased messages** are left out; edited ones have their new text.",
    "**End-to-end encrypted messages** have an empty `text` and `contentEncrypted`.",
    "**Unblocking** answers who blocks now: `blockedBy` is null where nobody does.",
    "**Times** have milliseconds.",
    "**A refusal** has the document's status. Its body is the one of a Spring Boot application, with "
    "our `code`, `details` and `fields` beside that.",
    "**Once.** `Idempotency-Key` makes every change over REST safe to repeat, and `clientMessageId` a "
    "SEND. A message that was sent before comes with `Idempotency-Replayed: true`.",
    "**A notification of a message** is the whole message, not a preview of it.",
    "**USER_TYPING** comes to the topic and to the queue of the other person, and not to those who "
    "type.",
    "**MESSAGE_READ** comes to the queue of the person who wrote the messages. Of over 200 that were "
    "read at once it names those among the newest 1,000.",
    "**`SINGLE_SESSION`** is not for stock clients of STOMP: that has no word for staying away, so "
    "two devices of a person would close each other every few seconds.",
    "**A SEND to a topic** is an ERROR: what is told there is what was posted.",
    "**Limits** are those of the main door: a message counts as a message whichever way it comes.",
)


def _fields(fields: Fields) -> tuple[FieldOf, ...]:
    return tuple(
        FieldOf(name=name, optional=isinstance(source, Maybe)) for name, source in fields.items()
    )


def _asked(ask: Ask) -> AskedMessage:
    names = {
        ours: source if isinstance(source, str) else ours for ours, source in ask.takes.items()
    }
    takes = tuple(FieldTaken(name=name, ours=ours) for ours, name in names.items())
    return AskedMessage(
        type=ask.type.removeprefix("/app/"),
        destination=ask.type,
        aliases=(),
        command=ask.command,
        # Whether somebody types, the destination says.
        takes=tuple(taken for taken in takes if taken.name != "isTyping"),
        answer=None,
        answers=(),
    )


def _told(shown: Shown) -> ToldMessage:
    queue_alone = shown.type == "MESSAGE_READ"
    return ToldMessage(
        push=shown.push,
        personal=shown.personal,
        type=shown.type,
        fields=_fields(shown.fields),
        destinations=(NOTIFICATIONS,) if queue_alone else (f"{TOPIC}<id>", NOTIFICATIONS),
    )


def _shape(name: str, kind: type[Any]) -> Shape:
    rows = tuple(
        (field, words.kind(schema)) for field, schema in shapes.given(kind)["properties"].items()
    )
    return Shape(name=name, doc=shapes.doc(kind), fields=rows)


DESCRIBED = Vocabulary(
    name="marketplace",
    title="Moving from the marketplace system",
    protocol="stomp",
    address="/marketplace/ws",
    summary=_SUMMARY,
    connecting=_CONNECTING,
    differences=_DIFFERENCES,
    routes=tuple((f"{route.method} {route.path}", route.doc) for route in ROUTES),
    asked=tuple(map(_asked, ASKED)),
    told=tuple(_told(row) for row in PUSH_ROWS if isinstance(row, Shown)),
    untold=tuple(
        HiddenPush(push=row.push, personal=row.personal, why=row.why)
        for row in PUSH_ROWS
        if isinstance(row, Hidden)
    ),
    shapes=(
        _shape("A marketplace message", MarketMessage),
        _shape("A marketplace conversation", MarketConversation),
        _shape("A marketplace refusal", MarketFailure),
    ),
)
