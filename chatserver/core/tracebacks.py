"""Describes exceptions for the log: where they came from and of which kind, and nothing that a client sent.

The text of an exception may quote anything: a key, a line of a request, a row. The functions and lines are what
helps to mend a mistake, and they are code alone.
"""

import os
import re
import ssl
import traceback

# A bound on what one line may cost: exceptions in one chain, and lines of each.
_MOST_LINKS = 8
_MOST_FRAMES = 60

# What a database says of an error, beside its text: names of its own.
_NAMES = ("sqlstate", "constraint_name", "table_name", "column_name")
_NAME = re.compile(r"\w{1,63}")

# A library's own words end where it begins to quote.
_OWN_WORDS = re.compile(r"[^\n'\"`<>(){}\[\]:=]{0,200}")

_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"


def named(error: BaseException) -> str:
    """Return the kind of an exception, with the details that no client wrote: codes, and names in the database."""
    details = [
        value
        for name in _NAMES
        if isinstance(value := getattr(error, name, None), str) and _NAME.fullmatch(value)
    ]
    if isinstance(error, ssl.SSLError):
        details += [word for word in (str(error.reason),) if _NAME.fullmatch(word)]
    elif isinstance(error, OSError) and isinstance(error.errno, int):
        details.append(os.strerror(error.errno))
    kind = type(error).__qualname__
    return f"{kind} ({', '.join(details)})" if details else kind


def described(error: BaseException) -> str:
    """Return a traceback with those of its causes, as Python writes them, but without the exceptions' texts."""
    parts: list[str] = []
    seen: set[int] = set()
    link: BaseException | None = error
    joint = ""
    while link is not None and id(link) not in seen and len(seen) < _MOST_LINKS:
        seen.add(id(link))
        parts.append(_one(link) + joint)
        if link.__cause__ is not None:
            link, joint = link.__cause__, _CAUSE
        else:
            link, joint = (None if link.__suppress_context__ else link.__context__), _CONTEXT
    return "".join(reversed(parts)).rstrip("\n")


def _one(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__, -_MOST_FRAMES)
    head = "Traceback (most recent call last):\n" if frames else ""
    lines = [head, *traceback.format_list(frames), named(error), "\n"]
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions[:_MOST_LINKS]:
            lines += [f"  {line}\n" for line in described(inner).splitlines()]
    return "".join(lines)


def own_words(message: object) -> str:
    """Return the beginning of a library's message, up to what it may quote."""
    if not isinstance(message, str):
        return type(message).__qualname__
    found = _OWN_WORDS.match(message)
    return found[0].strip() if found else ""
