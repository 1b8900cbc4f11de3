"""What the documents of other systems have no word for: these scenarios are not played at their doors."""

from collections.abc import Mapping

_POSITIONS = "Its clients say nothing of where they stand."
_EVERY_ERROR_CLOSES = "Every ERROR ends the connection: nothing else is asked over it."
_NOT_SHOWN = "The document shows nothing of who is online."
_BY_REST = "What is read is asked by REST, which no connection's order holds."

MESSAGING: Mapping[str, str] = {
    "test_who_goes": "Nothing says that somebody wants to be seen as gone.",
    "test_by_positions": _POSITIONS,
    "test_by_an_offset": _POSITIONS,
    "test_from_another_history": _POSITIONS,
    "test_what_was_read_meanwhile": "Messages are loaded with their isRead.",
}
MARKETPLACE: Mapping[str, str] = {
    "test_what_is_wrong": _EVERY_ERROR_CLOSES,
    "test_who_comes": _NOT_SHOWN,
    "test_who_goes": _NOT_SHOWN,
    "test_one_lane": _BY_REST,
    "test_what_was_missed": "Nothing is replayed: those who come back ask by REST.",
    "test_by_positions": _POSITIONS,
    "test_by_an_offset": _POSITIONS,
    "test_from_another_history": _POSITIONS,
    "test_what_was_read_meanwhile": "Messages are loaded with their read.",
}
