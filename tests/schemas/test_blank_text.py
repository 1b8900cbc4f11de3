"""What shows nothing is empty, whatever its characters are called."""

import pytest

from tests.conftest import Connect, User
from tests.support.groups import create
from tests.support.talks import opened, said

BLANKS = ("\u200b", "\u200d", "\ufeff", "\u2060", "\u2800", "\u3164", "\xad", "\ufe0f", "\u034f")


@pytest.mark.parametrize(
    "blank", [*BLANKS, "".join(BLANKS), " \u200b\n\u115f", "\U000e0020"], ids=ascii
)
async def test_what_shows_nothing_is_refused(
    blank: str, connect: Connect, alice: User, bob: User
) -> None:
    """Messages, edits, announcements, titles and reactions of characters that show nothing are refused by name."""
    a = await connect(alice)
    talk, group = await opened(a, bob), await create(a, bob)
    sent = await said(a, talk, "hello")
    for command, field, payload in (
        ("chat:message_send", "content", {"conversationId": talk}),
        ("chat:message_send", "content", {"recipientId": bob.id}),
        ("chat:message_edit", "content", {"messageId": sent["id"]}),
        ("chat:reaction_add", "reaction", {"messageId": sent["id"]}),
        ("chat:reaction_remove", "reaction", {"messageId": sent["id"]}),
        ("group:announce", "content", {"conversationId": group}),
        ("group:create", "title", {}),
        ("group:update", "title", {"conversationId": group}),
    ):
        error = await a.refused(command, **payload, **{field: blank})
        assert (error["code"], list(error["fields"])) == ("VALIDATION_ERROR", [field])
    ack = await a.do("group:update", conversationId=group, description=blank)
    assert ack["conversation"]["description"] == "", "a description may be empty, and this one is"


@pytest.mark.parametrize("text", ["👨\u200d👩\u200d👧", "می\u200cخواهم", "\u200b.", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"])
async def test_what_is_seen_passes_as_it_is(
    text: str, connect: Connect, alice: User, bob: User
) -> None:
    """Characters that show nothing are part of a text that shows something."""
    a = await connect(alice)
    talk, group = await opened(a, bob), await create(a, bob)
    assert (await said(a, talk, text))["content"] == text
    ack = await a.do("group:update", conversationId=group, title=text, description=text)
    shown = ack["conversation"]
    assert (shown["title"], shown["description"]) == (text, text)
