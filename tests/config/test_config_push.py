"""The settings of notifications: what goes together, what is refused, and that no secret is shown."""

import base64
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chatserver.ops import vapid
from tests.config.samples import DEVELOPMENT, PRODUCTION, load, refusal

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
HOOK = {"PUSH_HOOK_URL": "https://push.example.com/chat", "PUSH_HOOK_SECRET": SECRET}


def _keys() -> dict[str, str]:
    pairs = dict(line.split("=", 1) for line in vapid.make().split())
    return {**pairs, "VAPID_SUBJECT": "mailto:ops@example.com"}


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="module")
def account() -> dict[str, str]:
    """A service account of Firebase."""
    return {
        "type": "service_account",
        "project_id": "chat-123",
        "client_email": "chat@chat-123.iam.gserviceaccount.com",
        "private_key": _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        "token_uri": "https://oauth2.googleapis.com/token",
    }


def test_nothing_is_configured_at_first() -> None:
    """Without any of them nobody is notified; the delay is five seconds, and nothing is said of content."""
    push = load(PRODUCTION).push
    assert (push.vapid, push.fcm, push.hook, push.delay) == (None, None, None, 5.0)
    assert (push.content, push.private_addresses) == (False, False)


def test_all_of_them(account: dict[str, str], tmp_path: Path) -> None:
    """Keys that `chatserver vapid` printed, an account as a file or as JSON, and a hook are read."""
    file = tmp_path / "account.json"
    file.write_bytes(orjson.dumps(account))
    keys = _keys()
    for credentials in (str(file), orjson.dumps(account).decode()):
        settings = load(
            PRODUCTION,
            **keys,
            **HOOK,
            FCM_CREDENTIALS=credentials,
            PUSH_DELAY="0",
            PUSH_CONTENT="on",
        )
        push = settings.push
        assert push.vapid is not None
        assert push.fcm is not None
        assert push.hook is not None
        assert push.vapid.public == keys["VAPID_PUBLIC_KEY"]
        assert push.fcm.project_id == "chat-123"
        assert (push.hook.secret, push.delay, push.content) == (bytes(range(32)), 0.0, True)
        for secret in (
            keys["VAPID_PRIVATE_KEY"],
            "BEGIN",
            repr(push.hook.secret),
            HOOK["PUSH_HOOK_URL"],
        ):
            assert secret not in repr(settings)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"VAPID_SUBJECT": ""}, "VAPID_SUBJECT"),
        ({"VAPID_SUBJECT": "ops@example.com"}, "VAPID_SUBJECT"),
        ({"VAPID_PUBLIC_KEY": ""}, "VAPID_PUBLIC_KEY"),
        ({"VAPID_PUBLIC_KEY": _keys()["VAPID_PUBLIC_KEY"]}, "VAPID_PUBLIC_KEY"),
        ({"VAPID_PUBLIC_KEY": "hunter2"}, "VAPID_PUBLIC_KEY"),
        ({"VAPID_PRIVATE_KEY": ""}, "VAPID_PRIVATE_KEY"),
        ({"VAPID_PRIVATE_KEY": "hunter2!"}, "VAPID_PRIVATE_KEY"),
        ({"VAPID_PRIVATE_KEY": "A" * 43}, "VAPID_PRIVATE_KEY"),
    ],
)
def test_keys_that_are_refused(changes: dict[str, str], named: str) -> None:
    """A half, two that do not belong together, or what is no key is refused by name, with how to make a pair."""
    said = refusal(PRODUCTION, **{**_keys(), **changes})
    assert said.startswith(named)
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("url", "secret", "named"),
    [
        ("", SECRET, "PUSH_HOOK_URL"),
        ("http://push.example.com/", SECRET, "PUSH_HOOK_URL"),
        ("https://user:hunter2@push.example.com/", SECRET, "PUSH_HOOK_URL"),
        ("https://push.example.com/#hunter2", SECRET, "PUSH_HOOK_URL"),
        ("https://push.example.com:0/", SECRET, "PUSH_HOOK_URL"),
        ("https://push.example.com:hunter2/", SECRET, "PUSH_HOOK_URL"),
        ("push.example.com", SECRET, "PUSH_HOOK_URL"),
        (HOOK["PUSH_HOOK_URL"], "", "PUSH_HOOK_SECRET"),
        (HOOK["PUSH_HOOK_URL"], "hunter2", "PUSH_HOOK_SECRET"),
        (HOOK["PUSH_HOOK_URL"], SECRET.removeprefix("whsec_"), "PUSH_HOOK_SECRET"),
        (HOOK["PUSH_HOOK_URL"], "whsec_aHVudGVyMg==", "PUSH_HOOK_SECRET"),
    ],
)
def test_hooks_that_are_refused(url: str, secret: str, named: str) -> None:
    """A hook in plain text, with a password, or without a secret that signs is refused; nothing of it is shown."""
    said = refusal(PRODUCTION, PUSH_HOOK_URL=url, PUSH_HOOK_SECRET=secret)
    assert said.startswith(named)
    assert "hunter2" not in said


def test_a_hook_of_a_developer() -> None:
    """In development the hook may be http, and push services at private addresses, which production refuses."""
    changes = {**HOOK, "PUSH_HOOK_URL": "http://127.0.0.1:4000/", "PUSH_PRIVATE_ADDRESSES": "on"}
    push = load(DEVELOPMENT, **changes).push
    assert push.hook is not None
    assert push.private_addresses
    said = refusal(PRODUCTION, PUSH_PRIVATE_ADDRESSES="on")
    assert said.startswith("PUSH_PRIVATE_ADDRESSES")


@pytest.mark.parametrize("wrong", range(8))
def test_accounts_that_are_refused(account: dict[str, str], tmp_path: Path, wrong: int) -> None:
    """What is no service account, or not there, is refused, and nothing of it is shown."""
    other = _pem(ec.generate_private_key(ec.SECP256R1()))
    credentials = [
        str(tmp_path / "hunter2.json"),
        str(tmp_path),
        '{"hunter2": 1}',
        "{hunter2",
        orjson.dumps({**account, "private_key": "hunter2"}).decode(),
        orjson.dumps({**account, "private_key": other}).decode(),
        orjson.dumps({**account, "project_id": "hunter2/../x"}).decode(),
        orjson.dumps({**account, "token_uri": "http://hunter2/"}).decode(),
    ][wrong]
    said = refusal(PRODUCTION, FCM_CREDENTIALS=credentials)
    assert said.startswith("FCM_CREDENTIALS")
    assert "hunter2" not in said
