"""Chooses the command that a REST request means, where several share a route."""

from collections.abc import Sequence
from typing import Any

from chatserver.core.errors import invalid
from chatserver.schemas.table import Choice
from chatserver.schemas.wire import camel


def choose(payload: dict[str, Any], choices: Sequence[Choice]) -> Choice | None:
    """Return which command of a route a payload chooses, and remove the choosing field from the payload.

    Args:
        payload: the request's fields; it may have the choosing field in either casing.
        choices: how each command of the route is chosen; empty where the route has one command.

    Returns:
        The choice, or None where there is nothing to choose.

    Raises:
        ChatError: VALIDATION_ERROR for a value that chooses nothing, or two values that differ.
    """
    if not choices:
        return None
    field = choices[0].field
    given = [payload.pop(name) for name in (field, camel(field)) if name in payload]
    words = {_word(value) for value in given if value is not None}
    if len(words) > 1:
        raise invalid(camel(field), "Given twice, in both casings, with different values.")
    by_word = {_word(choice.value): choice for choice in choices}
    chosen = by_word.get(words.pop()) if words else next(filter(_is_default, choices), None)
    if chosen is None:
        raise invalid(camel(field), f"Must be one of: {', '.join(sorted(by_word))}.")
    return chosen


def _is_default(choice: Choice) -> bool:
    return choice.default


def _word(value: object) -> str:
    """Return a choice's value as the query has it, which knows no booleans; "" for what chooses nothing."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else ""
