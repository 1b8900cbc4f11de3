"""The words of this door, as the reference tells of them: made from the tables, and the prose around them."""

from collections.abc import Mapping

from chatserver.doors.messaging.asks import ROWS
from chatserver.doors.messaging.hidden import HIDDEN
from chatserver.doors.messaging.pushes import SHOWN
from chatserver.doors.messaging.reading import Kind, kinds
from chatserver.doors.words import Ask, Fields, Maybe
from chatserver.reference.vocabularies import (
    AskedMessage,
    FieldOf,
    FieldTaken,
    HiddenPush,
    Shape,
    ToldMessage,
    Vocabulary,
)

_SUMMARY = (
    "Clients of the messaging system (JSON over a WebSocket, `messaging-api.md`) connect as they are: what "
    "changes for them is the address. The WebSocket is at `/messaging/ws`, and at `/` as they know it; HTTP "
    "routes have `/messaging` before them. The clients of all doors see the same messages. "
    "`chatserver import messaging` moves the old database in."
)
_CONNECTING = (
    "The server sends `connected` with `requiresAuth`. The client sends `authenticate` (or `auth`, or "
    "`connect`) with the main back end's JWT as `token`, within `CONNECT_TIMEOUT` (10 s), and gets "
    "`connected` with `user` and `queuedEvents`, or an `auth_error`, after which it may try again on the same "
    "connection. What it sends right behind `authenticate` is done after it, in its order. Later another "
    "`authenticate` continues the session with a newer token.",
    "`queuedEvents` are what the person's devices have not received, new messages among them: each as it "
    "would have been told, as it is now, and without what was erased. Past 1,000 of them `limited` is true, "
    "and `resync` names the conversations to load anew. What does not fit into one message comes behind it. "
    "Where the server was killed, or a connection was lost without a word, what came in the last seconds "
    "before may come again, with the ids that it had.",
    "Close codes: 1000 after `CONNECTION_TIMEOUT` (5 minutes) without a message from the client (`ping` is "
    "one), 1001 where the server stops, 1003 for a message that is not text, 1007 for text that is not UTF-8, "
    "1008 for whoever is not let in, or no longer (an `auth_error` or `error` says why before that, but for "
    "an address with too many connections, or too often), 1009 for a message over `MAX_PAYLOAD_SIZE`, and "
    "1013 for whoever should come back in a moment.",
    "A refusal is an `error` with `message`, `details` and `code`, and with `retryAfter` (seconds), "
    "`requiresAuth`, `errorId` and `fields` (what is wrong with each) where there is such a thing. Every "
    "field may be given in either casing. Sends take a `clientMessageId`, all other changes a `requestId`: "
    "the same id again has no second effect and gets the same answer.",
)
_DIFFERENCES = (
    "**The acting connection has its answer alone.** It is not told of its own change once more; the same "
    "person's other connections are told.",
    "**New messages are queued.** They come in `queuedEvents`, too: nothing has to be loaded to see them.",
    "**A conversation is `conv_<a>_<b>`**, the lower id first, numbers by their value; either order is "
    "understood. Where an id has an underscore the two could not be told apart, and a conversation about a "
    "product has the same two people: these are named by their UUID, which is understood everywhere. Messages "
    "have UUIDs.",
    "**A person has several connections.** A new one closes the older ones where `SINGLE_SESSION` is set.",
    "**The id of a message says which conversation it is of.** `conversationId` or `groupId` beside it is "
    "repeated in the answer, and may be left out.",
    "**Roles** are `owner`, `admin`, `moderator` and `member`; the creator of a group is its owner. That a "
    "group has another owner is told as `member_promoted`.",
    "**Announcements** are told as `new_group_message` with `isAnnouncement`.",
    "**`unpin_message`** is answered `message_unpinned`; the document names no answer.",
    "**`add_reaction`** of the same reaction again removes it, and is answered `reaction_removed`.",
    "**Typing** is told in conversations of two people alone, and to somebody with whom there is none yet to "
    "nobody.",
    "**`user_offline`** goes to contacts, after a minute; so does `user_online`, which the document lacks.",
    "**`get_online_users`** lists contacts, on all processes.",
    "**`get_user_groups`** lists 200 groups; `pagination.nextCursor`, sent as `cursor`, asks for those behind "
    "them. `joinedAt` is null where one is not among a group's first hundred members.",
    "**Erased messages** are on no page, which may be shorter than its limit. A `limit` beyond 200 is cut to "
    "that.",
    "**End-to-end encrypted messages** have an empty `content` and `contentEncrypted`.",
    "**Messages that were read** at once are told one by one, of over 200 those among the newest 1,000.",
    "**`GET /messaging/api/conversations`** lists direct conversations; `pagination` has `hasMore` and "
    "`total`, too.",
    "**Limits** are those of the main door: a message counts as a message whichever way it comes.",
)
_ROUTES = (
    ("GET /messaging/ws", "The WebSocket; so is `GET /` with an upgrade."),
    (
        "GET /messaging/api/conversations",
        "The direct conversations of the bearer, with `limit` (50, at most 200) and `offset`.",
    ),
    (
        "POST /messaging/api/profile-pictures/batch",
        "The pictures of up to 50 people and communities, as at [the main door](@user#userprofile_pictures).",
    ),
    ("GET /messaging/health", "As `/health`; and so `ready`, `live` and `metrics`."),
)
_SAID = (
    ("id", "a UUID"),
    ("senderId", "who sent it"),
    ("username", "the name of who sent it"),
    ("content", "the text; empty where it is end-to-end encrypted, or there are only files"),
    ("timestamp", "when it was sent"),
    ("replyToMessageId", "the message that it answers, or null"),
    (
        "reactions",
        "`{userId, username, reaction}` of each; left out where there is none, but on pages",
    ),
    ("contentEncrypted", "what only its readers can read; left out elsewhere"),
    ("clientMessageId", "the sender's own id of it; left out where there is none"),
    ("messageType", "`image`, `file` or `voice`; left out for a text"),
    (
        "files",
        "`{name, size, type, url}` of each, `url` for requests with the token; left out where there is none",
    ),
    ("metadata", "as it was sent; left out where there is none"),
    ("editedAt", "left out where it was not edited"),
    ("isPinned", "true; left out where it is not"),
)
_SHAPES = (
    Shape(
        name="A private message",
        doc="A message of two people, as it is now.",
        fields=(
            *_SAID,
            ("conversationId", "the conversation"),
            ("recipientId", "the other person"),
            ("isRead", "whether the recipient has read it"),
        ),
    ),
    Shape(
        name="A group message",
        doc="A message of a group, as it is now.",
        fields=(
            *_SAID,
            ("groupId", "the group"),
            ("mentions", "`{type, userId, username}` of each"),
            ("isAnnouncement", "true; left out where it is not"),
        ),
    ),
)


_CONVERSATION = "`conv_<a>_<b>`, `group_<uuid>` or a UUID"
# What a field must be, by how it is read; None: what its command says.
_READ: Mapping[Kind, str | None] = {
    "plain": None,
    "group": "`group_<uuid>`, or the UUID",
    "conversation": _CONVERSATION,
    "addressed": f"{_CONVERSATION}, or `recipientId`",
    "with": "the person with whom the conversation is",
    "repeated": f"{_CONVERSATION}; only repeated in the answer",
    "clamped": "cut to what the command allows",
}


def _fields(fields: Fields) -> tuple[FieldOf, ...]:
    return tuple(
        FieldOf(name=name, optional=isinstance(source, Maybe)) for name, source in fields.items()
    )


def _asked(ask: Ask) -> AskedMessage:
    ours = {theirs: name for name, theirs in ask.takes.items()}
    takes = tuple(
        FieldTaken(name=name, ours=ours.get(name), said=_READ[kind], is_number=kind == "clamped")
        for name, kind in kinds(ask).items()
    )
    return AskedMessage(
        type=ask.type,
        aliases=ask.aliases,
        command=ask.command,
        takes=takes,
        answer=ask.answer,
        answers=_fields(ask.answers),
    )


DESCRIBED = Vocabulary(
    name="messaging",
    title="Moving from the messaging system",
    address="/messaging/ws",
    summary=_SUMMARY,
    connecting=_CONNECTING,
    differences=_DIFFERENCES,
    routes=_ROUTES,
    asked=tuple(map(_asked, ROWS)),
    told=tuple(
        ToldMessage(
            push=shown.push,
            personal=shown.personal,
            type=shown.type,
            fields=_fields(shown.fields),
        )
        for shown in SHOWN
    ),
    untold=tuple(
        HiddenPush(push=hidden.push, personal=hidden.personal, why=hidden.why) for hidden in HIDDEN
    ),
    shapes=_SHAPES,
)
