"""How a door says in another system's words what all doors say: rows of tables, checked when they are loaded.

`Shown` and `Hidden` say what becomes of each push, `Ask` what each message of a client asks; `Pushes` and `Asks`
are such rows, ready for use. Their fields are made of `Source`s: a path in what is shown, or what `sources` has
besides.
"""

from chatserver.doors.words.asks import Ask, Asked, Asks
from chatserver.doors.words.files import files
from chatserver.doors.words.pushes import Hidden, Pushes, Shown, is_direct, is_group
from chatserver.doors.words.sources import (
    Computed,
    Each,
    Fact,
    Fields,
    Fixed,
    Maybe,
    Source,
    WordsError,
)

__all__ = [
    "Ask",
    "Asked",
    "Asks",
    "Computed",
    "Each",
    "Fact",
    "Fields",
    "Fixed",
    "Hidden",
    "Maybe",
    "Pushes",
    "Shown",
    "Source",
    "WordsError",
    "files",
    "is_direct",
    "is_group",
]
