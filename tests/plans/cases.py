"""Every statement that a client can cause, once, with the most that it may touch, whatever the statistics say.

`rows` counts what scans of tables read, in vain or not; `blocks` the pages of tables and indexes. Both are bounds
for one run as `me` of `world.py`, the same at any size of the world. A query of `sql/queries` that stands neither
here nor in `NOT_ON_A_PATH` fails the test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.plans.world import MINE, SAID, named

_ME = "me"
_TALK = named("mine1")
_OTHER = named("mine2")
_FEW = named("few")
_CROWD = named("crowd")
_MESSAGE = named("mine1-9")
_OWN = named("mine1-10")
_TALKS = [named(f"mine{n}") for n in range(1, MINE + 1)]
_PAGE = [named(f"mine1-{n}") for n in range(1, SAID + 1)]
_NEW = named("new")
_NIL = UUID(int=0)
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_NOW = datetime(2100, 1, 1, tzinfo=UTC)
# A conversation of mine that grows with the world.
_DEEP = named("deep")
_DEEP_PAGE = [named(f"deep-{n}") for n in range(1, SAID + 1)]
# The form that the title of a group has at rest.
_SEALED = "s1.00000000." + "A" * 30


@dataclass(frozen=True, slots=True)
class Case:
    """One statement with arguments, and the bounds."""

    args: tuple[object, ...]
    rows: int
    blocks: int


def _post(many: int) -> tuple[list[object], ...]:
    """Messages of mine, in as many conversations as there are."""
    return (
        [_TALKS[n % MINE] for n in range(many)],
        [_ME] * many,
        [named(f"new{n}") for n in range(many)],
        ["text"] * many,
        [2] * many,
        ["k"] * many,
        [b"0" * 12] * many,
        [b"0" * 100] * many,
        [None] * many,
        [f"id{n}" for n in range(many)],
        [b"0" * 32] * many,
        [False] * many,
    )


_FILES = [named(f"file{n}") for n in range(1, 21)]
_UNSENT = [named(f"file{n}") for n in range(15, 21)]


def _finished(file: str, based_on: bytes | None) -> tuple[object, ...]:
    """A file that is ready now, and its message where it has one."""
    return (
        named(file),
        named("worker"),
        "ready",
        9,
        named("content1"),
        None,
        3,
        "k",
        b"1",
        b"1",
        based_on,
        3,
        "k",
        b"1",
        b"1",
    )


CASES: Mapping[str, tuple[Case, ...]] = {
    # -- conversations
    "open_direct": (Case((named("new"), _ME, "newcomer", "", 100, 5000), 2 * MINE + 20, 120),),
    "nobody_follows": (Case((_ME, "friend1"), 4, 8),),
    "find_direct": (Case((_ME, "friend1", ""), 2, 8),),
    "membership": (Case((_ME, _TALK), 2, 8),),
    "hidden_seq": (Case((_ME, _TALK), 1, 8),),
    "direct_counterpart": (Case((_ME, _TALK), 1, 8),),
    "typing_audience": (Case((_ME, _TALK, 100), 4, 16),),
    "conversation_count": (
        Case((_ME, None, False), 3 * (MINE + 3), 260),
        Case((_ME, False, None), 2 * (MINE + 3), 200),
    ),
    "conversation_page": (
        Case((_ME, 50, 0, None, None, None, False), 3 * (MINE + 3), 260),
        Case((_ME, 50, 0, None, None, False, None), 2 * (MINE + 3), 200),
    ),
    "conversation_cards": (Case((_ME, [*_TALKS, _CROWD]), MINE * (SAID + 10), MINE * 50),),
    "conversations_for_push": (Case((_TALKS,), MINE, 8 * MINE),),
    "conversations_about": (Case((_TALKS,), MINE, 8 * MINE),),
    "last_said_at": (Case((_TALKS, [9] * MINE, [0] * MINE), MINE, 8 * MINE),),
    "participants_of": (Case(([*_TALKS, _CROWD],), 2 * MINE + 100, 200),),
    # -- groups
    "create_group": (
        Case((_NEW, _ME, _SEALED, None, ["friend1", "friend2"], 50, 50, 5000), 60, 160),
    ),
    "add_members": (Case((_ME, _CROWD, ["friend1", "friend2"], 100, 5000), 60, 160),),
    "remove_member": (Case((_ME, _CROWD, "u1"), 12, 60),),
    "leave_group": (Case(("friend1", _FEW), 8, 60),),
    "set_member_role": (Case((_ME, _CROWD, "u1", "admin", "group:member_promoted"), 12, 60),),
    "permit_member": (Case((_ME, _CROWD, "u1", True), 12, 60),),
    "transfer_group": (Case((_ME, _CROWD, "u1"), 12, 90),),
    "update_group": (Case((_ME, _CROWD, _SEALED, None, None), 8, 40),),
    "group_count": (Case((_ME,), 2 * (MINE + 3), 200),),
    "group_page": (Case((_ME, 50, 0, None, None), 2 * (MINE + 3), 200),),
    "participants_named": (Case((_ME, _CROWD, ["u1", "u2"]), 6, 30),),
    "members_page": (Case((_ME, _CROWD, 50, 0), 60, 120),),
    "members_among": (Case((_CROWD, ["u1", "u2"]), 4, 20),),
    # -- the log
    "events_after": (Case((_DEEP, 5, 10), 20, 50),),
    "events_between": (Case((_DEEP, 5, 15), 10, 30),),
    "visible_events_among": (
        Case((_ME, [_TALK, _DEEP], [1, 1], [SAID, SAID]), 6 * SAID, 16 * SAID),
    ),
    "shown_messages": (
        Case((_ME, _TALKS, [named(f"mine{n}-9") for n in range(1, MINE + 1)]), 8 * MINE, 24 * MINE),
    ),
    "shown_messages_of": (Case((_ME, _DEEP, _DEEP_PAGE), 8 * SAID, 12 * SAID),),
    "ended_among": (Case((_CROWD, ["u1", "u2"], 0), 4, 20),),
    "messages_of": (Case((_DEEP, _DEEP_PAGE), 6 * SAID, 12 * SAID),),
    "message_at": (Case((_DEEP, 3, _ME), 8, 30),),
    "personal_events_between": (Case((_ME, 0, 3), 4, 16),),
    # -- what changes messages
    "edit_message": (Case((_ME, _OWN, b"\0", 2, "k", b"1", b"1"), 12, 90),),
    "erase_message": (Case((_ME, _OWN), 60, 420),),
    "delete_message_for_self": (Case((_ME, _MESSAGE), 10, 60),),
    "add_reaction": (Case((_ME, _MESSAGE, "x", 50), 12, 90),),
    "remove_reaction": (Case((_ME, _MESSAGE, None), 12, 90),),
    "set_pin": (Case((_ME, named("mine1-20"), True, 50), 28, 100),),
    "hide_conversation": (Case((_ME, _TALK), 10, 60),),
    "mark_unread": (Case((_ME, _TALK), 10, 60),),
    "set_conversation_settings": (
        Case((_ME, _TALK, "none", True, None, True, True), 10, 60),
        Case((_ME, _TALK, None, False, None, False, None), 10, 60),
    ),
    "set_conversation_block": (Case((_ME, _TALK, True), 10, 60),),
    "set_user_block": (Case((_ME, "friend1", True), 12, 90),),
    # -- messages
    "post_message": (Case(tuple(column[0] for column in _post(1)), 3, 60),),
    "post_messages": (
        Case(_post(4), 16, 240),
        Case(_post(MINE), 4 * MINE, 60 * MINE),
    ),
    # -- files
    "create_file": (
        Case(
            (_ME, _NEW, _TALK, 9, 3, "k", b"0", b"0", _NIL, 900, 9, 10**9),
            80,
            240,
        ),
        # What is full waits for one of the hours.
        Case((_ME, _NEW, _TALK, 9, 3, "k", b"0", b"0", None, 900, 9, 100), 80, 240),
    ),
    "file_of_owner": (Case((_ME, named("file1")), 1, 8),),
    "files_to_send": (Case((_ME, _TALK, _FILES), 20, 80),),
    "files_for": (Case((_ME, _FILES), 140, 400),),
    "begin_upload": (Case((named("file13"), _NEW), 2, 30),),
    "end_upload": (Case((named("file13"), named("content20")), 8, 60),),
    "begin_scanning": (
        Case((named("file13"), named("content13"), _NEW, 60, 3, "k", b"1", b"1"), 2, 40),
    ),
    "finish_file": (
        Case(_finished("file14", None), 12, 90),
        Case(_finished("file1", b"\0"), 12, 90),
    ),
    "delete_file": (Case((_ME, named("file12")), 8, 60),),
    "write_down_object": (Case((_NEW, 60), 1, 20),),
    "doom_object": (Case((named("content1"),), 2, 30),),
    "forget_object": (Case((named("content1"),), 2, 30),),
    "post_message_with_files": (
        Case((*(column[0] for column in _post(1)), _UNSENT, [b"\0"] * 6), 40, 240),  # type: ignore[index]
    ),
    "message_by_id": (Case((_ME, named("deep-9")), 8, 30),),
    "unknown_message": (Case((_PAGE,), SAID, 8 * SAID),),
    "history_bounds": (Case((_ME, _DEEP), 8, 20),),
    "history_before": (Case((_ME, _DEEP, SAID, 20), 8 * 20, 12 * 20),),
    "history_after": (Case((_ME, _DEEP, 1, 20), 8 * 20, 12 * 20),),
    "history_numbered": (Case((_ME, _DEEP, 0, 20), 8 * 20, 12 * 20),),
    "message_numbered": (Case((_DEEP, 3), 1, 8),),
    "last_messages": (Case((_ME, [*_TALKS, _CROWD, _DEEP]), 8 * MINE, 40 * MINE),),
    "pins": (Case((_ME, _TALK, 10, 0), 80, 160),),
    "pin_count": (Case((_ME, _TALK), 40, 80),),
    # -- search
    "search_conversations": (
        Case((_ME, None, None, None, 1000), 2 * (MINE + 3), 200),
        # All of them have moved since.
        Case((_ME, _LONG_AGO, _NOW, _NIL, 1000), 20 * (MINE + 3), 60 * (MINE + 3)),
    ),
    "search_segments": (Case((_TALKS, [0] * MINE, [0] * MINE, None, None), MINE, 8 * MINE),),
    "search_messages": (
        Case((_TALKS, [1] * MINE, [SAID] * MINE), MINE * SAID, MINE * (SAID + 10)),
        Case(([_DEEP], [1], [SAID]), SAID, SAID + 10),
    ),
    "search_shown": (
        Case((_ME, [_DEEP] * SAID, list(range(1, SAID + 1))), 12 * SAID, 20 * SAID),
        Case((_ME, _TALKS, [9] * MINE), 12 * MINE, 40 * MINE),
    ),
    "forget_segment": (Case((_TALK, 0, b"\0"), 1, 16),),
    # -- people
    "blocks_beside": (Case((_ME, "friend1", 100), 2, 24),),
    "avatars": (Case(([_ME, "friend1"],), 2, 12),),
    "users": (Case(([_ME, "friend1"],), 2, 12),),
    "authenticate": (Case(([_ME, "friend1"], ["jti", None]), 4, 20),),
    "contacts": (Case(([_ME], 100), 5 * MINE, 16 * MINE),),
    "are_contacts": (Case((_ME, "friend1", 100), 5 * MINE, 16 * MINE),),
    "no_longer_valid": (Case(([_ME], ["jti"]), 4, 20),),
    # -- receipts
    "messages_read": (Case((_DEEP, _ME, 2**62, 20), 20, 60),),
    "mark_receipts": (
        Case(([_ME], ["read"], [None], [None], [1], [named("mine1-25")]), 12, 60),
        Case(([_ME], ["delivered"], [_TALK], [20], [], []), 24, 60),
        Case(([_ME], ["read"], [_TALK], [20], [], []), 24, 60),
        Case(
            (
                [_ME] * MINE,
                ["read"] * MINE,
                [None] * MINE,
                [None] * MINE,
                list(range(1, MINE + 1)),
                [named(f"mine{n}-25") for n in range(1, MINE + 1)],
            ),
            12 * MINE,
            60 * MINE,
        ),
    ),
    "advance_delivered": (Case(([_ME], [_TALK], [20]), 24, 60),),
    "advance_personal": (Case(([_ME], [2]), 4, 20),),
    # -- connecting
    "streams_of": (
        Case(([_ME], [None], [None], None), 3 * MINE + 10, 12 * MINE),
        Case(([_ME], ["1:1:"], [None], None), 12 * MINE + 10, 40 * MINE),
    ),
    "changed_read_states": (Case((_ME, "1:1:", _NIL, 200), 5 * MINE, 16 * MINE),),
    "hidden_messages": (Case((_ME, _TALK, _PAGE), 4 * SAID, 8 * SAID),),
    "read_states": (Case((_ME, _TALKS), MINE * (SAID + 10), MINE * 50),),
    # -- devices
    "add_push_device": (Case((_ME, _NEW, "webpush", [b"new"], b"0", 20), 8, 40),),
    "push_devices_of": (Case((_ME,), 4, 12),),
    "remove_push_device": (Case((_ME, named("device")), 4, 30),),
    # -- what is notified in the background
    "claim_streams": (Case(("push", 8, timedelta(seconds=10)), 24, 120),),
    "consumed_events": (Case((_DEEP, 5, 20, ["chat:message_received"], 10), 24, 40),),
    "finish_stream": (Case(("push", _TALK, 1, 5, None), 4, 20),),
    "push_audience": (
        Case((_TALK, False, "", 500), 3, 20),
        Case((_CROWD, False, "", 500), 4, 20),
        Case((_CROWD, True, "", 10), 12, 60),
    ),
    "note_messages": (
        Case(
            (
                _TALK,
                [_ME, "friend1"],
                10,
                31,
                datetime.now(UTC),
                timedelta(seconds=5),
                ["webpush", "hook"],
                [12],
                [_ME],
                [14],
            ),
            12,
            80,
        ),
    ),
    "claim_notices": (Case(("webpush", 2, timedelta(seconds=10)), 60 * MINE, 120 * MINE),),
    "settle_notice": (
        Case((str(named("device")), _ME, _TALK, 0, 31, timedelta(seconds=5)), 4, 20),
    ),
    "put_off_notices": (
        Case(([str(named("device"))], [_ME], [_TALK], [0], timedelta(seconds=1)), 8, 40),
    ),
    "defer_notice": (Case((str(named("device")), _ME, _TALK, 0, timedelta(seconds=5)), 8, 40),),
    "forget_push_device": (Case((named("device"), b"device", b"0"), 4, 30),),
    # -- requests
    "claim_request": (Case((_ME, "chat:message_edit", "new", b"0"), 1, 20),),
    "kept_answer": (Case((_ME, "chat:message_edit", "r1"), 1, 8),),
    "forget_answers": (Case((_ME, 5), 32, 80),),
    "keep_answer": (Case((_ME, "chat:message_edit", "r1", {"a": 1}), 1, 20),),
}

# What no client's command runs, and why it may cost what it costs.
NOT_ON_A_PATH: Mapping[str, str] = {
    "alive": "asks nothing of any table",
    "snapshot": "asks nothing of any table",
    "epoch": "at start-up",
    "became_visible": "once a second for each process; its bound is what became visible",
    "revivals": "once a second for each process, of a table that is almost empty",
    "revive": "in the background, fifty people at a time",
    "read_log": "once a second over all processes; its bound is what became visible, in steps",
    "prune_events": "in the background, a bounded batch of the oldest",
    "prune_requests": "in the background, a bounded batch of the oldest",
    "revocations_are_told": "at start-up",
    "search_gaps": "in the background; its bound is a 256th of a conversation's messages",
    "keep_segment": "in the background; its bound is 256 messages",
    "search_everywhere": "chatserver search build",
    "search_total": "chatserver search build",
    "keep_scanning": "in the background, of the files that a process looks at",
    "take_over_scanning": "in the background, one of those that nobody looks at",
    "drop_unclaimed_files": "in the background, a bounded batch of the oldest",
    "doomed_objects": "in the background, a bounded batch of the oldest",
    "delete_group": "by its owner, once: proportional to the members, whom it removes",
    "mentionable": "proportional to the group's members, before any lock: names may have no index",
    "can_write": "asked by a readiness probe, of a table of one row",
    "open_generation": "where a history has ended",
    "doctor_push": "chatserver doctor",
    "doctor_newest": "chatserver doctor",
    "doctor_open_schemas": "chatserver doctor",
    "doctor_room": "chatserver doctor",
    "doctor_server": "chatserver doctor",
    "doctor_directory": "chatserver doctor",
    "doctor_bound": "chatserver doctor",
    "doctor_ask_directory": "chatserver doctor",
    "doctor_somebody": "chatserver doctor",
    "doctor_keys": "chatserver doctor",
    "doctor_search": "chatserver doctor",
}
