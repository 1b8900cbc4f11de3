"""What notifications are sent to, in a test: a push service that decrypts, Firebase, and the owner's hook."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.support.patience import PATIENCE

HOOK_SECRET = b"a secret of the tests, 32 bytes."
HOOK_VARIABLE = f"whsec_{base64.b64encode(HOOK_SECRET).decode()}"


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser:
    """A browser that has subscribed: it alone can read what is pushed to it."""

    def __init__(self, endpoint: str) -> None:
        self._key: EllipticCurvePrivateKey = generate_private_key(SECP256R1())
        self._auth = b"sixteen bytes..."
        self.endpoint = endpoint
        self.public = self._key.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )

    @property
    def subscription(self) -> dict[str, Any]:
        """As `PushSubscription.toJSON()` gives it."""
        keys = {"p256dh": _text(self.public), "auth": _text(self._auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def read(self, body: bytes) -> Any:
        """The JSON of a push message (RFC 8291, from the receiver's end)."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        theirs, record = body[21 : 21 + length], body[21 + length :]
        assert length == 65
        assert len(record) <= size <= 4096
        secret = self._key.exchange(
            ECDH(), EllipticCurvePublicKey.from_encoded_point(SECP256R1(), theirs)
        )
        info = b"WebPush: info\0" + self.public + theirs
        keying = HKDF(SHA256(), 32, self._auth, info).derive(secret)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(keying)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(keying)
        plain = AESGCM(key).decrypt(nonce, record, None)
        return orjson.loads(plain.rstrip(b"\0").removesuffix(b"\2"))


@dataclass(frozen=True, slots=True)
class Call:
    """What came: to whom (an endpoint's name, a token, or a user), what it says, and its headers."""

    to: str
    data: dict[str, Any]
    headers: dict[str, str]
    status: int


Answer = Callable[[Call], tuple[int, dict[str, str]]]


def accept(_call: Call) -> tuple[int, dict[str, str]]:
    """Accept whatever comes."""
    return 201, {}


@dataclass
class PushServices:
    """All three, on one port. `answer` decides what each call is told; `calls` has them all."""

    vapid_public_key: str
    url: str = ""
    answer: Answer = accept
    calls: list[Call] = field(default_factory=list)
    browsers: dict[str, Browser] = field(default_factory=dict)
    # While it is clear, answers wait; for those named in `stuck`, whatever it is.
    open: asyncio.Event = field(default_factory=asyncio.Event)
    stuck: set[str] = field(default_factory=set)
    # What Firebase calls an error; None where somebody between says it.
    fcm_code: str | None = "UNREGISTERED"
    tokens_given: int = 0
    # How many calls wait for their answers.
    waiting: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _rsa: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )

    def browser(self, name: str) -> Browser:
        """A browser with a subscription of that name."""
        self.browsers[name] = Browser(f"{self.url}/push/{name}")
        return self.browsers[name]

    @property
    def accepted(self) -> list[Call]:
        """The calls that were accepted."""
        return [call for call in self.calls if call.status < 300]

    @property
    def fcm_credentials(self) -> str:
        """A service account, as JSON."""
        pem = self._rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return orjson.dumps(
            {
                "type": "service_account",
                "project_id": "chat-test",
                "client_email": "chat@example.com",
                "private_key": pem.decode(),
                "token_uri": f"{self.url}/token",
            }
        ).decode()

    @property
    def hook_variables(self) -> dict[str, str]:
        """The settings of a server that tells the hook."""
        return {"PUSH_HOOK_URL": f"{self.url}/hook", "PUSH_HOOK_SECRET": HOOK_VARIABLE}

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until what came makes something true."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(holds), PATIENCE)
            except TimeoutError:
                raise AssertionError(f"not so: {self.calls}") from None

    async def expect(self, count: int = 1) -> list[Call]:
        """Wait until so many calls were accepted; gives them."""
        await self.until(lambda: len(self.accepted) >= count)
        return self.accepted

    async def _came(self, to: str, data: Any, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.waiting += 1
        async with self._changed:
            self._changed.notify_all()
        try:
            await (self.open.wait() if to not in self.stuck else asyncio.Event().wait())
        finally:
            self.waiting -= 1
        status, more = self.answer(Call(to, data, headers, 0))
        self.calls.append(Call(to, data, headers, status))
        async with self._changed:
            self._changed.notify_all()
        details = [{"errorCode": self.fcm_code}] if self.fcm_code else []
        body = orjson.dumps({"error": {"details": details}})
        return web.Response(status=status, headers=more, body=body if status >= 400 else b"")

    async def push(self, request: web.Request) -> web.Response:
        """Take a Web Push (RFC 8030), of a server that proves who it is (RFC 8292)."""
        name = request.match_info["name"]
        scheme, _, rest = request.headers["Authorization"].partition(" ")
        told = dict(part.strip().split("=", 1) for part in rest.split(","))
        assert (scheme, told["k"]) == ("vapid", self.vapid_public_key)
        key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _raw(told["k"]))
        claims = jwt.decode(told["t"], key, algorithms=["ES256"], audience=self.url)
        assert claims["sub"].startswith("mailto:")
        assert request.headers["Content-Encoding"] == "aes128gcm"
        assert int(request.headers["TTL"]) > 0
        assert len(request.headers["Topic"]) <= 32
        return await self._came(name, self.browsers[name].read(await request.read()), request)

    async def token(self, request: web.Request) -> web.Response:
        """Give an access token for an assertion (RFC 7523)."""
        form = await request.post()
        assertion = str(form["assertion"])
        claims = jwt.decode(
            assertion, self._rsa.public_key(), algorithms=["RS256"], audience=f"{self.url}/token"
        )
        assert claims["scope"].endswith("/auth/firebase.messaging")
        self.tokens_given += 1
        return web.json_response({"access_token": f"at{self.tokens_given}", "expires_in": 3600})

    async def fcm(self, request: web.Request) -> web.Response:
        """Take a message of Firebase Cloud Messaging."""
        assert request.headers["Authorization"] == f"Bearer at{self.tokens_given}"
        message = (await request.json())["message"]
        assert all(isinstance(value, str) for value in message["data"].values())
        return await self._came(message["token"], message, request)

    async def redirect(self, _request: web.Request) -> web.Response:
        """Point to the hook."""
        return web.Response(status=307, headers={"Location": f"{self.url}/hook"})

    async def hook(self, request: web.Request) -> web.Response:
        """Take a webhook, whose signature is right (Standard Webhooks)."""
        body, headers = await request.read(), request.headers
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = base64.b64encode(hmac.new(HOOK_SECRET, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{digest}"
        told = orjson.loads(body)
        assert told["type"] == "chat.push"
        return await self._came(told["data"]["userId"], told["data"], request)


@asynccontextmanager
async def push_services(vapid_public_key: str) -> AsyncIterator[PushServices]:
    """Serve all three on loopback."""
    services = PushServices(vapid_public_key)
    services.open.set()
    application = web.Application()
    application.add_routes(
        [
            web.post("/push/{name}", services.push),
            web.post("/token", services.token),
            web.post("/v1/projects/chat-test/messages:send", services.fcm),
            web.post("/hook", services.hook),
            web.post("/elsewhere", services.redirect),
        ]
    )
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    services.url = f"http://127.0.0.1:{port}"
    try:
        yield services
    finally:
        services.open.set()
        await runner.cleanup()
