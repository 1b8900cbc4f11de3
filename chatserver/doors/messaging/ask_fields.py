"""Fields that many messages take, and that many answers have."""

from chatserver.core.times import iso_now
from chatserver.doors.messaging import answers
from chatserver.doors.words import Computed, Fact, Fields, Maybe

ASKED = Fact("asked")
NOW: Fields = {"timestamp": Fact("now")}
# A message, and where it is: as it was asked.
PLACE: Fields = {
    "conversationId": Maybe(Computed(answers.place, ASKED)),
    "groupId": Maybe(Computed(answers.group, ASKED)),
}
OF_MESSAGE: Fields = {"messageId": Computed(answers.message_id, ASKED), **PLACE}
OF_GROUP: Fields = {"groupId": Computed(answers.group, ASKED)}
OF_MEMBER: Fields = {**OF_GROUP, "userId": Computed(lambda asked: asked["userId"], ASKED)}
SENT: Fields = {
    "messageId": "messageId",
    "message": Maybe(Computed(answers.message, "message", ASKED)),
    "duplicate": Maybe(Computed(answers.if_true, "duplicate")),
    "timestamp": Computed(lambda at: at or iso_now(), "message.created_at"),
}
PAGE: Fields = {
    **PLACE,
    "messages": Computed(answers.page, "messages", ASKED),
    "pagination": {
        "limit": "pagination.limit",
        "offset": "pagination.offset",
        "hasMore": "pagination.hasMore",
    },
    **NOW,
}

REQUEST = {"requestId": "requestId"}
MESSAGE = {"messageId": "messageId", **REQUEST}
SAID = {
    "content": "content",
    "contentEncrypted": "contentEncrypted",
    "messageType": "messageType",
    "metadata": "metadata",
    "replyToMessageId": "replyToMessageId",
    "clientMessageId": "clientMessageId",
}
PAGED = {"limit": "limit", "offset": "offset"}
CONVERSATION = {"conversationId": "conversationId"}
GROUP = {"conversationId": "groupId"}
MEMBER = {**GROUP, "userId": "userId", **REQUEST}
