"""Sends by Web Push (RFC 8030), as a server that push services know by its key (VAPID, RFC 8292)."""

import time
from collections import OrderedDict
from urllib.parse import urlsplit

import jwt
import orjson

from chatserver.config import VapidKeys
from chatserver.push.encryption import encrypt
from chatserver.push.outcome import Notice, PushOutcome, fate_of
from chatserver.push.outside import Outside, is_allowed

# How long a push service keeps a message for a device that is away (s).
_TTL = 24 * 3600
# A token is good for 12 of the 24 hours that it may be, and a new one is made after 6.
_TOKEN_LIFETIME, _TOKEN_KEPT = 12 * 3600, 6 * 3600
_MOST_TOKENS = 1_000


class WebPush:
    """Sends to subscriptions. A conversation's newest message takes the place of those not shown yet (Topic)."""

    def __init__(self, keys: VapidKeys, outside: Outside, *, private: bool) -> None:
        self._keys = keys
        self._outside = outside
        self._private = private
        self._tokens: OrderedDict[str, tuple[float, str]] = OrderedDict()

    async def send(self, notice: Notice) -> PushOutcome:
        """See `Provider`."""
        target = notice.target
        # What was added under other settings is judged by these.
        if target is None or not is_allowed(target.address, private=self._private):
            return PushOutcome("refused")
        try:
            body = encrypt(orjson.dumps(notice.data), target.p256dh, target.auth)
        except ValueError:
            return PushOutcome("refused")
        headers = {
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(_TTL),
            "Urgency": "high",
            "Topic": notice.conversation_id.hex,
            "Authorization": f"vapid t={self._token(target.address)}, k={self._keys.public}",
        }
        answer = await self._outside.post(target.address, body, headers)
        return fate_of(answer.status, answer.retry_after)

    async def close(self) -> None:
        """See `Provider`."""
        await self._outside.close()

    def _token(self, endpoint: str) -> str:
        parts = urlsplit(endpoint)
        origin, now = f"{parts.scheme}://{parts.netloc}", time.time()
        made_at, token = self._tokens.get(origin, (0.0, ""))
        if not made_at <= now < made_at + _TOKEN_KEPT:
            claims = {"aud": origin, "exp": int(now) + _TOKEN_LIFETIME, "sub": self._keys.subject}
            token = jwt.encode(claims, self._keys.private, algorithm="ES256")
            self._tokens[origin] = (now, token)
            while len(self._tokens) > _MOST_TOKENS:
                self._tokens.popitem(last=False)
        return token
