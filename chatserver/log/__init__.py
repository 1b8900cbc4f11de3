"""The event log, from which all else follows.

`Log` reads events as the pushes that they are now, `Changes` is the one path of every change, `LogReader` finds
what nobody told of, `Recovery` sends a connecting client what it missed, `LogConsumer` gives a `Consumer` its
events later (`back_off` says when again after failures), and `Retention` forgets what is old.
"""

from chatserver.log.changes import Appended, Changes, to_conversation, to_person
from chatserver.log.consumers import Consumer, LogConsumer, back_off
from chatserver.log.log import Log
from chatserver.log.offset import Pids
from chatserver.log.reader import LogReader
from chatserver.log.recovery import Recovery
from chatserver.log.recovery_plan import Plan
from chatserver.log.retention import Retention
from chatserver.log.verdicts import check, refusal

__all__ = [
    "Appended",
    "Changes",
    "Consumer",
    "Log",
    "LogConsumer",
    "LogReader",
    "Pids",
    "Plan",
    "Recovery",
    "Retention",
    "back_off",
    "check",
    "refusal",
    "to_conversation",
    "to_person",
]
