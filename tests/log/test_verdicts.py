"""The verdicts of the database, and what they mean."""

import re
from pathlib import Path

import pytest

from chatserver.core.errors import ChatError
from chatserver.log.verdicts import DONE, REFUSALS, Subject, check

_SQL = "\n".join(
    file.read_text()
    for file in sorted((Path(__file__).parents[2] / "sql" / "migrations").glob("*.sql"))
)

# The functions that judge each subject; those that they call for it, too.
_JUDGES: dict[Subject, tuple[str, ...]] = {
    "post": ("post_message", "post_together", "claim_files"),
    "announcement": ("post_message", "post_together", "claim_files"),
    "new conversation": ("open_direct", "check_opening"),
    "message": (
        "edit_message",
        "erase_message",
        "delete_message_for_self",
        "add_reaction",
        "remove_reaction",
        "set_pin",
    ),
    "receipt": ("mark_conversation", "judge_named", "mark_receipts"),
    "conversation": ("hide_conversation", "mark_unread", "set_conversation_block"),
    "user block": ("set_user_block",),
    "group": (
        "create_group",
        "check_opening",
        "lock_group",
        "lock_member",
        "add_members",
        "remove_member",
        "leave_group",
        "set_member_role",
        "permit_member",
        "transfer_group",
        "update_group",
        "delete_group",
    ),
}

# Words that never leave the database or the service that asked.
_NEVER_TOLD = {
    "message": {"stale"},  # an edit is made again
    "receipt": {"own"},  # passed over
    "conversation": {"changed"},  # becomes 'done'
    # The one is of announcements alone; after the other the message is made again.
    "post": {"not_permitted", "file_stale"},
    "announcement": {"file_stale"},
}


def _verdicts(function: str) -> set[str]:
    """The verdicts that a function's newest definition gives."""
    bodies: list[str] = re.findall(
        rf"^CREATE (?:OR REPLACE )?FUNCTION {function}\(.*?^\$(?:\w*)\$;$", _SQL, re.M | re.S
    )
    assert bodies, function
    body = re.sub(r"--.*", "", bodies[-1])
    words: list[str] = []
    # What is given at once …
    words += re.findall(r"verdict(?:s\[n\])? := '(\w+)'", body)
    words += re.findall(r"RETURN (?:QUERY SELECT )?'(\w+)'", body)
    # … and by cases.
    for cases in re.findall(r"verdict := (.*?);", body, re.S) + re.findall(
        r"\bCASE\b((?:(?!\bCASE\b).)*?)END AS verdict", body, re.S
    ):
        words += re.findall(r"(?:THEN|ELSE) '(\w+)'", cases)
    return set(words)


@pytest.mark.parametrize("subject", _JUDGES)
def test_every_verdict_has_a_meaning(subject: Subject) -> None:
    """Whatever a change's function answers was done, or has its error in the table; and no error waits in vain."""
    given = set[str]().union(*map(_verdicts, _JUDGES[subject]))
    told = given - _NEVER_TOLD.get(subject, set()) - DONE
    assert told, "no refusal was found in the SQL: does this test still read it?"
    assert told == set(REFUSALS[subject])


def test_what_was_done_passes() -> None:
    """A verdict of success refuses nothing, whatever it is about."""
    for verdict in DONE:
        check("group", {"verdict": verdict})  # type: ignore[arg-type]


def test_the_field_is_that_of_the_caller() -> None:
    """An error about people names the field in which the caller named them."""
    row = {"verdict": "unknown", "people": ["ghost", "shade"]}
    with pytest.raises(ChatError) as raised:
        check("group", row, "participantIds")  # type: ignore[arg-type]
    assert raised.value.fields == {
        "participantIds": ["User not found: ghost", "User not found: shade"]
    }
