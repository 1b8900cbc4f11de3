"""Sends by Firebase Cloud Messaging, version 1 of its HTTP API, which reaches Android and, through Apple, iOS."""

import asyncio
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import orjson

from chatserver.config import FcmCredentials
from chatserver.push.outcome import Notice, PushOutcome, fate_of
from chatserver.push.outside import Outside

_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_GOOGLE = "https://oauth2.googleapis.com"
_FCM = "https://fcm.googleapis.com"
# An access token is renewed so long before it ends (s).
_EARLY = 300.0
_TTL = 24 * 3600
# What an alert says that tells nothing of the message.
_SHOWN = {"message": "New message", "mention": "You were mentioned"}


class Fcm:
    """Sends to tokens. Of a conversation the newest message takes the place of those not shown yet.

    Messages go to Firebase; where the credentials name another token server, as an emulator's do, to that one.
    """

    def __init__(self, credentials: FcmCredentials, outside: Outside) -> None:
        self._credentials = credentials
        self._outside = outside
        parts = urlsplit(credentials.token_uri)
        origin = f"{parts.scheme}://{parts.netloc}"
        base = _FCM if origin == _GOOGLE else origin
        self._url = f"{base}/v1/projects/{credentials.project_id}/messages:send"
        self._token, self._ends_at = "", 0.0
        self._renewing = asyncio.Lock()

    async def send(self, notice: Notice) -> PushOutcome:
        """See `Provider`."""
        if notice.target is None:
            return PushOutcome("refused")
        token = await self._access()
        if not token:
            return PushOutcome("later")
        answer = await self._outside.post(
            self._url,
            orjson.dumps({"message": _message(notice, notice.target.address)}),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            read=True,
        )
        if answer.status == 401:
            self._ends_at = 0.0
        if answer.status == 404 and _code(answer.body) != "UNREGISTERED":
            return PushOutcome(
                "later"
            )  # no such project, which is our own mistake, or somebody between
        return fate_of(answer.status, answer.retry_after)

    async def close(self) -> None:
        """See `Provider`."""
        await self._outside.close()

    async def _access(self) -> str:
        """Return an access token (RFC 7523); empty where there is none to be had now."""
        async with self._renewing:
            now = time.time()
            if now < self._ends_at - _EARLY:
                return self._token
            account = self._credentials
            claims = {
                "iss": account.client_email,
                "scope": _SCOPE,
                "aud": account.token_uri,
                "iat": int(now),
                "exp": int(now) + 3600,
            }
            assertion = jwt.encode(claims, account.private_key, algorithm="RS256")
            answer = await self._outside.post(
                account.token_uri,
                urlencode({"grant_type": _GRANT, "assertion": assertion}).encode(),
                {"Content-Type": "application/x-www-form-urlencoded"},
                read=True,
            )
            if answer.status != 200:
                return ""
            try:
                given = orjson.loads(answer.body)
                token, lifetime = given["access_token"], float(given["expires_in"])
            except (ValueError, KeyError, TypeError):
                return ""
            if not isinstance(token, str) or not (token.isascii() and token.isprintable()):
                return ""
            self._token, self._ends_at = token, now + min(lifetime, 3600.0)
            return token


def _message(notice: Notice, token: str) -> dict[str, Any]:
    """Return the message: data for the app, and what the system shows by itself.

    Data holds texts alone. Without content Android's system shows nothing: the app does. To iOS it is an alert in
    any case: Apple takes no badge in the background, and drops what comes there when it likes. An extension of the
    app may replace what it says (``mutable-content``).
    """
    talk, data = str(notice.conversation_id), notice.data
    has_content = "preview" in data
    aps: dict[str, Any] = {
        "badge": data["badge"],
        "thread-id": talk,
        "sound": "default",
        "mutable-content": 1,
    }
    if not has_content:
        aps["alert"] = {"body": _SHOWN[data["kind"]]}
    message: dict[str, Any] = {
        "token": token,
        "data": {name: str(value) for name, value in data.items()},
        "android": {"collapse_key": talk, "priority": "high", "ttl": f"{_TTL}s"},
        "apns": {
            "headers": {
                "apns-collapse-id": talk,
                "apns-push-type": "alert",
                "apns-priority": "10",
            },
            "payload": {"aps": aps},
        },
    }
    if has_content:
        message["notification"] = {"title": data["sender"], "body": data["preview"]}
        message["android"]["notification"] = {"tag": talk}
    return message


def _code(body: bytes) -> str | None:
    """Return Firebase's own code of an error; None where it gives none."""
    try:
        details = orjson.loads(body)["error"]["details"]
        return next(str(item["errorCode"]) for item in details if "errorCode" in item)
    except (ValueError, KeyError, TypeError, StopIteration):
        return None
