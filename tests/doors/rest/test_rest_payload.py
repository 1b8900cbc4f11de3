"""Which command a REST request means, where several share one route."""

from typing import Any

import pytest

from chatserver.core.errors import ChatError
from chatserver.doors.rest.payload import choose
from chatserver.schemas.table import Choice

HIDE = Choice("for_everyone", False, default=True)
END = Choice("for_everyone", True)
WORDS = [Choice("status_type", "delivered"), Choice("status_type", "read")]


@pytest.mark.parametrize(
    ("payload", "meant"),
    [
        ({}, HIDE),
        ({"for_everyone": None}, HIDE),
        ({"for_everyone": False}, HIDE),
        ({"forEveryone": "false"}, HIDE),
        ({"for_everyone": "true"}, END),
        ({"forEveryone": True}, END),
        ({"for_everyone": True, "forEveryone": "true"}, END),
        ({"for_everyone": None, "forEveryone": True}, END),
    ],
)
def test_a_flag_chooses(payload: dict[str, Any], meant: Choice) -> None:
    """A flag chooses in either casing, as JSON or as a query has it, and is no field of the command."""
    given = {**payload, "other": 1}
    assert choose(given, [HIDE, END]) is meant
    assert given == {"other": 1}


@pytest.mark.parametrize(
    "payload",
    [
        *({"for_everyone": value} for value in (1, 0, "", "yes", "True", [], {}, 1.0)),
        {"for_everyone": True, "forEveryone": False},
        {"for_everyone": "false", "forEveryone": True},
    ],
)
def test_what_is_no_choice_is_refused(payload: dict[str, Any]) -> None:
    """Nothing is guessed: another value, or two that differ, is VALIDATION_ERROR naming the field."""
    with pytest.raises(ChatError) as refused:
        choose(payload, [HIDE, END])
    assert (refused.value.code, list(refused.value.fields or ())) == (
        "VALIDATION_ERROR",
        ["forEveryone"],
    )


def test_a_choice_without_a_default_is_asked_for() -> None:
    """Where no command is meant by itself, the request has to say which, and is told the words."""
    assert choose({"statusType": "read"}, WORDS) is WORDS[1]
    with pytest.raises(ChatError) as refused:
        choose({}, WORDS)
    assert refused.value.fields == {"statusType": ["Must be one of: delivered, read."]}
