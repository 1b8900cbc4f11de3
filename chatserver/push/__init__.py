"""Notifications: tells people's devices of messages that they have not read.

`Devices` keeps where people are reached. `Notifier` reads the log and notes who may have to be told; a `Sender`
for each provider (`WebPush`, `Fcm`, `Hook`) judges what is due and sends it. docs/NOTIFICATIONS.md has it all.
"""

from chatserver.push.devices import Devices
from chatserver.push.fcm import Fcm
from chatserver.push.hook import Hook
from chatserver.push.notifier import Notifier
from chatserver.push.outcome import Provider, ProviderName
from chatserver.push.outside import Outside
from chatserver.push.sender import FATES, InFocus, Sender
from chatserver.push.targets import PushTargets
from chatserver.push.webpush import WebPush

__all__ = [
    "FATES",
    "Devices",
    "Fcm",
    "Hook",
    "InFocus",
    "Notifier",
    "Outside",
    "Provider",
    "ProviderName",
    "PushTargets",
    "Sender",
    "WebPush",
]
