"""Tells the owner's own push system, by a signed POST (Standard Webhooks 1.0, symmetric)."""

import base64
import hashlib
import hmac
import time

import orjson

from chatserver.config import HookSettings
from chatserver.core.times import iso
from chatserver.push.outcome import Notice, PushOutcome
from chatserver.push.outside import Outside


class Hook:
    """Sends to one URL, for all people. Whatever is no 2xx is tried again under the same `webhook-id`."""

    def __init__(self, settings: HookSettings, outside: Outside) -> None:
        self._settings = settings
        self._outside = outside

    async def send(self, notice: Notice) -> PushOutcome:
        """See `Provider`."""
        body = orjson.dumps(
            {
                "type": "chat.push",
                "timestamp": iso(notice.said_at),
                "data": {"userId": notice.user_id, **notice.data},
            }
        )
        webhook_id, moment = id_of(notice), str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": moment,
            "webhook-signature": signature(self._settings.secret, webhook_id, moment, body),
        }
        answer = await self._outside.post(self._settings.url, body, headers)
        return PushOutcome("accepted" if 200 <= answer.status < 300 else "later")

    async def close(self) -> None:
        """See `Provider`."""
        await self._outside.close()


def id_of(notice: Notice) -> str:
    """Return the id of a call: made of what it tells, so it is the same in every process, and after a crash."""
    told = f"{notice.conversation_id}\x00{notice.seq}\x00{notice.user_id}".encode()
    return f"msg_{hashlib.sha256(told).hexdigest()[:32]}"


def signature(secret: bytes, webhook_id: str, moment: str, body: bytes) -> str:
    """Return the header `webhook-signature`."""
    signed = b"%b.%b.%b" % (webhook_id.encode(), moment.encode(), body)
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
