"""The facts about commands: their errors, their limits, and who may run them."""

from chatserver.core.errors import MEANINGS, ErrorCode
from chatserver.schemas.authorisation import RULES
from chatserver.schemas.base import key_field
from chatserver.schemas.table import Command
from chatserver.schemas.wire import Loader

# Any command may be refused so, whatever it is.
ALWAYS = (
    ErrorCode.VALIDATION_ERROR,
    ErrorCode.AUTH_REQUIRED,
    ErrorCode.PAYLOAD_TOO_LARGE,
    ErrorCode.RATE_LIMIT_EXCEEDED,
    ErrorCode.UNAVAILABLE,
    ErrorCode.INTERNAL_ERROR,
)
LIMITS = {
    "none": "Not limited.",
    "command": "Counts as a command: `COMMAND_RATE_LIMIT` per minute and user.",
    "message": "Counts as a message: `MESSAGE_RATE_LIMIT` per minute and user, twice that for long texts.",
    "search": "Counts as a command, and as a search: `SEARCH_RATE_LIMIT` per minute and user.",
}


def own_errors(command: Command) -> list[ErrorCode]:
    """Return the codes with which this command may be refused, beside those of all commands."""
    codes = {ErrorCode(code) for code in command.errors}
    if key_field(Loader(command.takes).fields):
        codes.add(ErrorCode.IDEMPOTENCY_CONFLICT)
    return [code for code in ErrorCode if code in codes]


def errors_by_status(command: Command, *more: ErrorCode) -> dict[int, list[ErrorCode]]:
    """Return all codes with which the command may be refused over REST, by their HTTP status."""
    codes = {*ALWAYS, *own_errors(command), *more}
    found: dict[int, list[ErrorCode]] = {}
    for code in ErrorCode:
        if code in codes:
            found.setdefault(MEANINGS[code].status, []).append(code)
    return dict(sorted(found.items()))


def outcomes(command: Command) -> list[tuple[str, tuple[str, ...]]]:
    """Return a command's outcomes in the order of `ROLES`, by what it is about: ``ok``, or the error's code."""
    return [(rule.about, rule.outcomes) for rule in RULES if rule.command == command.name]
