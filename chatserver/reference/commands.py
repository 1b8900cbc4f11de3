"""What is true of every command, and what of one: its errors, its limit, and who may ask it."""

from chatserver.errors import MEANINGS, ErrorCode
from schemas.authorisation import RULES
from schemas.base import key_field
from schemas.table import Command
from schemas.wire import Loader

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
}


def own_errors(command: Command) -> list[ErrorCode]:
    """The codes that this command may be refused with, beside those that any may be."""
    codes = {ErrorCode(code) for code in command.errors}
    if key_field(Loader(command.takes).fields):
        codes.add(ErrorCode.IDEMPOTENCY_CONFLICT)
    return [code for code in ErrorCode if code in codes]


def errors_by_status(command: Command, *more: ErrorCode) -> dict[int, list[ErrorCode]]:
    """All codes that the command may be refused with over REST, by their HTTP status."""
    codes = {*ALWAYS, *own_errors(command), *more}
    found: dict[int, list[ErrorCode]] = {}
    for code in ErrorCode:
        if code in codes:
            found.setdefault(MEANINGS[code].status, []).append(code)
    return dict(sorted(found.items()))


def outcomes(command: Command) -> list[tuple[str, tuple[str, ...]]]:
    """What becomes of a command, about what, in the order of `ROLES`: ``ok``, or the code of the error."""
    return [(rule.about, rule.outcomes) for rule in RULES if rule.command == command.name]
