"""Finds the names that a text mentions: what follows an ``@``, in each way in which it may be read."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice

from chatserver.chat.code_spans import code_spans
from chatserver.schemas.characters import IGNORABLE

# A message mentions no more names than this; further names are only text.
MOST = 50
# No more ``@`` than this are looked at: nobody writes a text that names so many people.
_MOST_SIGNS = 500
EVERYONE = ("everyone", "all")

# The ``@`` that is typed, the full-width one, and the small one.
_AT = re.compile("[@\uff20\ufe6b]")
# Inside a name, and not at its end: "@ann." is Ann at the end of a sentence.
_JOINTS = ".-"
_LONGEST = 64
_JOINERS = "\u200c\u200d"
# What belongs to the character before it: marks that take no space, or some, and joiners. (What encloses it makes
# something else of it: a keycap is no digit.)
_ATTACHED = ("Mn", "Mc", "Cf")
# Between a letter and an "@" they make an address of them; without the letter they are marks around a mention.
_BINDING = "_-+"
# Letters with case, and digits: what addresses are made of. In scripts with case words are kept apart by spaces.
_BOUND = ("Lu", "Ll", "Lt", "Nd")
# Letters without case. They may touch a mention, and so it may end before and behind any of them.
_LOOSE = ("Lo", "Lm")
# An address of the web, as far as it can go: ASCII without blanks, quotation marks and angle brackets.
_ADDRESS = re.compile(r"://[!#-;=?-~]*")
_IGNORED = re.compile(f"[{IGNORABLE}]")


def fold(name: str) -> str:
    """Return a name as names are compared: by NFKC_Casefold (Unicode Standard, section 3.13, D147)."""
    if name.isascii():
        return name.lower()
    folded = unicodedata.normalize("NFKC", name).casefold()
    return _IGNORED.sub("", unicodedata.normalize("NFKC", folded))


def may_name(text: str) -> bool:
    """Return whether a text has any ``@``."""
    return "@" in text or (not text.isascii() and _AT.search(text) is not None)


def names_in(text: str) -> list[tuple[str, ...]]:
    """Return what follows each ``@`` of a text, once each: the names that it may be, folded, the longest first.

    ``@ann-marie.`` may be "ann-marie" or "ann", ``@bobさん`` "bobさん" or "bob", ``@bob_`` "bob_" or "bob".
    At most `MOST`, among the first 500 signs. Nothing that stands in code or is part of an address. One walk over
    the text, whatever is in it.
    """
    found: dict[str, tuple[str, ...]] = {}
    ats = [match.start() for match in islice(_AT.finditer(text), _MOST_SIGNS)]
    stretches = [*code_spans(text), *(match.span() for match in _ADDRESS.finditer(text))]
    elsewhere = {
        at
        for start, stop in stretches
        for at in ats[bisect_left(ats, start) : bisect_left(ats, stop)]
    }
    seen: set[str] = set()
    # Where the name before ended: in "@ann/@bob" both are meant.
    ended = -1
    for at in ats:
        if len(found) == MOST:
            break
        if at in elsewhere or (
            _is_bound(text, at) and not (at - 1 == ended and text[ended] == "/")
        ):
            continue
        end = _name_end(text, at + 1)
        name = text[at + 1 : end].rstrip(_JOINTS)
        if not name or _is_in_address(text, end):
            continue
        ended = at + 1 + len(name)
        if name not in seen:
            seen.add(name)
            readings = tuple(dict.fromkeys(filter(None, _readings(name))))
            if readings:
                found.setdefault(readings[0], readings)
    return list(found.values())


def _name_end(text: str, start: int) -> int:
    end = start
    while end < len(text) and _is_in_name(text[end]):
        end += 1
    return end


def _is_in_name(character: str) -> bool:
    # Letters, digits, underscores and the marks on letters, of any script (UAX #31, XID_Continue), and what joins
    # letters or keeps them from joining.
    return character in _JOINTS or f"_{character}".isidentifier() or character in _JOINERS


def _is_bound(text: str, at: int) -> bool:
    """Return whether an ``@`` is part of something that begins before it: an address, a path, another name."""
    before = at - 1
    while before >= 0 and text[before] in _BINDING:
        before -= 1
    while before >= 0 and unicodedata.category(text[before]) in ("Mn", "Mc"):
        before -= 1
    if before < 0:
        return False
    character = text[before]
    return (
        character == "/" or bool(_AT.match(character)) or unicodedata.category(character) in _BOUND
    )


def _is_in_address(text: str, end: int) -> bool:
    """Return whether a name that ends there is the first half of an address, whose other half has a dot."""
    if end == len(text) or not _AT.match(text, end):
        return False
    return "." in text[end + 1 : _name_end(text, end + 1)].strip(_JOINTS)


def _readings(name: str) -> Iterator[str]:
    """Return the names that one may be read as: itself, and its beginnings up to where a name may end."""
    # Whether a name may end before a row of underscores depends on what is behind them, and on nothing farther.
    known = _LONGEST + 1
    while known < len(name) and name[known - 1] == "_":
        known += 1
    name = name[:known]
    is_loose: list[bool] = []
    for character in name:
        category = unicodedata.category(character)
        is_attached = category in _ATTACHED and bool(is_loose)
        is_loose.append(is_loose[-1] if is_attached else category in _LOOSE)
    may_end = True
    for end in range(len(name), 0, -1):
        if end < len(name):
            following = name[end]
            may_end = (
                following in _JOINTS
                # Underscores may be marks around it.
                or (following == "_" and may_end)
                or (
                    (is_loose[end] or is_loose[end - 1])
                    and unicodedata.category(following) not in _ATTACHED
                )
            )
        if may_end and end <= _LONGEST and name[end - 1] not in _JOINTS:
            reading = fold(name[:end])
            # "@all-hands" means the hands.
            if not (reading in EVERYONE and name[end : end + 1] in tuple(_JOINTS)):
                yield reading
