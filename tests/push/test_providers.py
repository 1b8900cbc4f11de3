"""What each provider is sent, and what its answers mean."""

import asyncio
import base64
import socket
import threading
from datetime import UTC, datetime
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from chatserver.config import base64url
from chatserver.log import back_off
from chatserver.push.encryption import MOST_PLAIN, check_keys, encrypt
from chatserver.push.hook import id_of, signature
from chatserver.push.outcome import Notice, fate_of
from chatserver.push.outside import Outside, PublicResolver, is_allowed, is_public
from tests.conftest import Connect
from tests.push.conftest import Notifying, Person, payload, subscribe
from tests.support.patience import PATIENCE
from tests.support.push_services import Browser, Call, PushServices
from tests.support.talks import opened, said


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_example_of_the_rfc() -> None:
    """RFC 8291, section 5: the same keys and salt give the same body, byte for byte."""
    private = int.from_bytes(_raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        _raw(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ),
        _raw("BTBZMqHH6r4Tts7J_aSIgg"),
        salt=_raw("DGv6ra1nlYgDCS1FRnbzlw"),
        own=derive_private_key(private, SECP256R1()),
    )
    assert base64url(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w"
        "EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_a_message_is_not_too_long() -> None:
    """As much as a push service takes is read by the browser; a byte more is refused."""
    browser = Browser("https://push.example.net/x")
    text = b'"' + b"x" * (MOST_PLAIN - 2) + b'"'
    body = encrypt(text, browser.public, _raw(browser.subscription["keys"]["auth"]))
    assert len(body) == 4096
    assert browser.read(body) == "x" * (MOST_PLAIN - 2)
    with pytest.raises(ValueError, match="4,096"):
        encrypt(text + b"x", browser.public, b"0" * 16)


def test_keys_that_are_none() -> None:
    """A point that is not on the curve, or a secret of another length, is no subscription's."""
    good = Browser("https://push.example.net/x").public
    check_keys(good, b"0" * 16)
    for p256dh, auth in (
        (good, b"0" * 15),
        (good[:-1] + bytes([good[-1] ^ 1]), b"0" * 16),
        (b"", b"0" * 16),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - the library's own words
            check_keys(p256dh, auth)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "255.255.255.255", "224.0.0.1", "192.0.2.1", "198.18.0.1", "240.0.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
        *("::127.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b:1::a00:1", "fec0::1"),
        *("2002:7f00:1::", "2002:a00:1::", "not an address", ""),
    ],
)
def test_what_is_not_public(address: str) -> None:
    """Addresses of this machine, of networks inside and of no network are refused, in whatever form."""
    assert not is_public(address)


async def test_names_that_lead_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names whose servers do not answer keep nobody from a name that led somewhere the last time."""
    answer, free = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443)), threading.Event()

    def look_up(host: str, *_args: object, **_options: object) -> list[object]:
        if host != "push.example.net":
            free.wait(PATIENCE)
        return [answer]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    resolver = PublicResolver()
    await resolver.resolve("push.example.net", 443)
    stuck = [asyncio.create_task(resolver.resolve(f"{n}.example.org", 443)) for n in range(40)]
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE / 2):
        (found,) = await resolver.resolve("push.example.net", 443)
    assert found["host"] == "8.8.8.8"
    free.set()
    await asyncio.gather(*stuck)
    await resolver.close()


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_what_is_public(address: str) -> None:
    """Addresses of the Internet are let through."""
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://fcm.googleapis.com/fcm/send/x", True),
        ("https://updates.push.services.mozilla.com/wpush/v2/x", True),
        ("https://push.example.net:8443/x", True),
        ("https://push.example.net:443/x", True),
        ("http://push.example.net/x", False),
        ("https://push.example.net:8080/x", False),
        ("https://push.example.net:22/x", False),
        ("https://push.example.net:x/", False),
        ("https://localhost/x", False),
        ("https://127.0.0.1/x", False),
        ("https://127.1/x", False),
        ("https://2130706433/x", False),
        ("https://0177.0.0.1/x", False),
        ("https://[::1]/x", False),
        ("https://[::ffff:8.8.8.8]/x", False),
        ("https://8.8.8.8/x", False),
        ("https://user@push.example.net/x", False),
        ("https://push.example.net/x#y", False),
        ("https:///x", False),
        ("file:///etc/passwd", False),
    ],
)
def test_which_places_clients_may_name(url: str, allowed: bool) -> None:
    """A client names a push service by https, a name, and port 443 or 8443; nothing else."""
    assert is_allowed(url, private=False) is allowed


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost.", "127.0.0.1", "127.1", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"],
)
async def test_a_name_that_leads_inside(services: PushServices, host: str) -> None:
    """A name that leads to this machine is not connected to, though the same is there without the rule."""
    port = services.url.rpartition(":")[2]
    guarded = Outside(public=True, at_once=1)
    try:
        with pytest.raises((OSError, aiohttp.ClientError)):
            await guarded.post(f"http://{host}:{port}/hook", b"", {})
    finally:
        await guarded.close()
    assert services.calls == []


async def test_nobody_is_sent_elsewhere(services: PushServices) -> None:
    """A redirect is not followed."""
    outside = Outside(public=False, at_once=1)
    try:
        answer = await outside.post(f"{services.url}/elsewhere", b"", {})
    finally:
        await outside.close()
    assert answer.status == 307
    assert fate_of(307, None).fate == "later"


@pytest.mark.parametrize(
    ("status", "retry_after", "fate", "wait"),
    [
        (201, None, "accepted", 0),
        (404, None, "gone", 0),
        (410, None, "gone", 0),
        (400, None, "refused", 0),
        (413, None, "refused", 0),
        (403, None, "later", 0),
        (429, "17", "later", 17),
        (503, "99999999", "later", 3600),
        (500, "-1", "later", 0),
        (500, "Wed, 21 Oct 2026 07:28:00 GMT", "later", 0),
        (429, "9" * 400, "later", 0),
    ],
)
def test_what_a_status_means(status: int, retry_after: str | None, fate: str, wait: float) -> None:
    """Accepted, gone, refused or later; and nobody makes us wait for longer than an hour."""
    assert fate_of(status, retry_after) == (fate, wait)


def test_how_long_is_waited() -> None:
    """One second, two, four, and so on, up to five minutes, however often it fails."""
    assert [back_off(n) for n in (0, 1, 2, 8, 9, 10_000)] == [1, 2, 4, 256, 300, 300]


def test_the_signature_is_the_standards() -> None:
    """The example of Standard Webhooks' own verification test."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(
        secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_id_of_a_call() -> None:
    """It is made of what is told: the same for the same message and person, and another for any other."""

    def notice(user_id: str, seq: int) -> Notice:
        return Notice(
            user_id=user_id,
            conversation_id=UUID(int=1),
            seq=seq,
            said_at=datetime.now(UTC),
            target=None,
            data={},
        )

    assert id_of(notice("a", 1)) == id_of(notice("a", 1))
    assert len({id_of(notice("a", 1)), id_of(notice("b", 1)), id_of(notice("a", 2))}) == 3


async def test_the_hook_is_told_of_everybody(
    notifying: Notifying, person: Person, connect: Connect, services: PushServices
) -> None:
    """The hook is told of people without devices too, one call each; a 500 is tried again under the same id."""
    alice, bob, carol = [await person(name) for name in ("alice", "bob", "carol")]
    refused: list[Call] = []

    def answer(call: Call) -> tuple[int, dict[str, str]]:
        if call.to == "bob" and not refused:
            refused.append(call)
            return 500, {}
        return 204, {}

    services.answer = answer
    async with notifying(**services.hook_variables) as server:
        a = await connect(alice, server.url)
        made = await a.do("group:create", title="x", participantIds=[bob.id, carol.id])
        message = await said(a, made["conversation"]["id"], "hello")
        calls = await services.expect(2)
    assert {call.to: call.data for call in calls} == {
        name: payload(message) | {"userId": name} for name in ("bob", "carol")
    }
    ids = {call.to: call.headers["webhook-id"] for call in calls}
    assert ids["bob"] == refused[0].headers["webhook-id"] != ids["carol"]


async def test_a_call_keeps_its_message_until_it_is_taken(
    notifying: Notifying, person: Person, connect: Connect, services: PushServices
) -> None:
    """What comes after a call that failed is told by the next one: in order, and none in another's place."""
    alice, bob = await person("alice"), await person("bob")
    services.answer = lambda _: (503, {})
    async with notifying(**services.hook_variables) as server:
        a = await connect(alice, server.url)
        talk = await opened(a, bob)
        first = await said(a, talk, "one")
        await services.until(lambda: len(services.calls) == 1)
        second = await said(a, talk, "two")
        services.answer = lambda _: (200, {})
        calls = await services.expect(2)
    assert [call.data["messageId"] for call in services.calls] == [
        first["id"],
        first["id"],
        second["id"],
    ]
    assert len({call.headers["webhook-id"] for call in calls}) == 2


async def test_firebase(
    notifying: Notifying, person: Person, connect: Connect, services: PushServices
) -> None:
    """Firebase is sent data for a token, under one access token until that is refused; who is unknown goes."""
    alice, bob = await person("alice"), await person("bob")
    async with notifying(FCM_CREDENTIALS=services.fcm_credentials) as server:
        a, b = await connect(alice, server.url), await connect(bob, server.url)
        await b.do("push:device_add", provider="fcm", token="token-of-bob")
        talk = await opened(a, bob)
        message = await said(a, talk, "one")
        (call,) = await services.expect()
        assert call.data["data"] == {name: str(value) for name, value in payload(message).items()}
        assert call.data["android"]["collapse_key"] == talk
        # What Apple shows in any case, and what has a badge: in the background it would be dropped.
        assert call.data["apns"]["headers"] == {
            "apns-collapse-id": talk,
            "apns-push-type": "alert",
            "apns-priority": "10",
        }
        assert call.data["apns"]["payload"]["aps"] == {
            "alert": {"body": "New message"},
            "badge": 1,
            "sound": "default",
            "mutable-content": 1,
            "thread-id": talk,
        }
        assert "notification" not in call.data
        services.answer = lambda call: (
            401 if call.headers["authorization"].endswith("at1") else 200,
            {},
        )
        await said(a, talk, "two")
        await services.expect(2)
        assert services.tokens_given == 2
        services.answer = lambda _: (404, {})
        await said(a, talk, "three")
        await services.until(lambda: len(services.calls) == 4)
        await subscribe(b, services, "bob")
        services.answer = lambda _: (201, {})
        await said(a, talk, "four")
        calls = await services.expect(3)
        assert calls[-1].to == "bob"
        assert [d["provider"] for d in (await b.do("push:device_list"))["devices"]] == ["webpush"]


@pytest.mark.parametrize("code", [None, "NOT_FOUND"])
async def test_firebase_itself_says_who_is_gone(
    notifying: Notifying, person: Person, connect: Connect, services: PushServices, code: str | None
) -> None:
    """A 404 without the code of an unknown token is tried again, and the device stays."""
    alice, bob = await person("alice"), await person("bob")
    services.fcm_code = code
    answers = iter([404, 200])
    services.answer = lambda _: (next(answers), {})
    async with notifying(FCM_CREDENTIALS=services.fcm_credentials) as server:
        a, b = await connect(alice, server.url), await connect(bob, server.url)
        await b.do("push:device_add", provider="fcm", token="token-of-bob")
        await said(a, await opened(a, bob), "one")
        (call,) = await services.expect()
        assert len((await b.do("push:device_list"))["devices"]) == 1
    assert call.to == "token-of-bob"
    assert [call.status for call in services.calls] == [404, 200]


@pytest.mark.parametrize(("more", "read"), [(b"1}", b'{"a":1}'), (b"1" * 20_000, None)])
async def test_an_answer_in_pieces(
    monkeypatch: pytest.MonkeyPatch, more: bytes, read: bytes | None
) -> None:
    """A body that comes in pieces is read to its end, or to 16 KiB of it."""
    took = asyncio.Event()
    one_read = aiohttp.StreamReader.read

    async def noted(self: aiohttp.StreamReader, n: int = -1) -> bytes:
        piece = await one_read(self, n)
        took.set()
        return piece

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"a":')
        await asyncio.wait_for(took.wait(), PATIENCE)
        await response.write(more)
        return response

    monkeypatch.setattr(aiohttp.StreamReader, "read", noted)
    outside = Outside(public=False, at_once=1, timeout=PATIENCE)
    application = web.Application()
    application.router.add_post("/", answer)
    async with TestServer(application) as server:
        try:
            answered = await outside.post(str(server.make_url("/")), b"", {}, read=True)
        finally:
            await outside.close()
    assert answered.body == (read or (b'{"a":' + more)[: 16 * 1024])
