import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatserver.core.errors import ChatError, ErrorCode
from chatserver.sessions.tokens import Claims, TokenVerifier, issue_token

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = 1_800_000_000
verifier = TokenVerifier(SECRET)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands at NOW."""
    monkeypatch.setattr(time, "time", lambda: float(NOW))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(
    payload: object, header: object = None, secret: bytes = SECRET, digest: Any = "sha256"
) -> str:
    """A token of any payload (bytes are taken as they are), signed by hand."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    head = json.dumps({"alg": "HS256", "typ": "JWT"} if header is None else header).encode()
    signed = f"{b64(head)}.{b64(raw)}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), digest))}"


def token(**claims: object) -> str:
    return sign({"sub": "123", "exp": NOW + 60, **claims})


def refusal(bad: object) -> ChatError:
    with pytest.raises(ChatError) as caught:
        verifier.verify(bad)
    return caught.value


def test_other_library() -> None:
    """A token that another library signed is read as it was meant."""
    made = jwt.encode({"sub": "1234567890", "jti": "j", "exp": NOW + 1}, SECRET, "HS256")
    assert verifier.verify(made) == Claims(user_id="1234567890", jti="j", expires_at=NOW + 1)


def test_rfc_7515_signature() -> None:
    """A token with the signature of RFC 7515's example A.1 gets past it, and has expired since."""
    key = base64.urlsafe_b64decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
    )
    example = (
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
    with pytest.raises(ChatError) as caught:
        TokenVerifier(key).verify(example)
    assert caught.value.details == "Session expired. Please log in again."


def test_issued_token() -> None:
    """A token we issue is one we accept, with an id of its own and the lifetime asked for."""
    claims = verifier.verify(issue_token(SECRET, "ann", lifetime=60))
    assert (claims.user_id, claims.expires_at) == ("ann", NOW + 60)
    assert claims.jti
    assert claims.jti != verifier.verify(issue_token(SECRET, "ann")).jti
    assert verifier.verify(issue_token(SECRET, "ann", jti="mine")).jti == "mine"
    assert verifier.verify(issue_token(SECRET, "ann")).expires_at == NOW + 86_400


def test_issued_token_is_standard() -> None:
    """A token we issue has a subject, an id, and the moments of issue and expiry."""
    claims = orjson.loads(base64.urlsafe_b64decode(issue_token(SECRET, "ann").split(".")[1] + "=="))
    assert set(claims) == {"sub", "jti", "iat", "exp"}
    assert (claims["sub"], claims["iat"]) == ("ann", NOW)


@pytest.mark.parametrize(
    ("claims", "user_id"),
    [
        ({"sub": "123"}, "123"),
        ({"sub": 123}, "123"),
        ({"sub": 2**63}, "9223372036854775808"),
        ({"userId": "u"}, "u"),
        ({"userId": 7}, "7"),
        ({"sub": None, "userId": "u"}, "u"),
        ({"sub": "7", "userId": 7}, "7"),
        ({"sub": "x" * 64}, "x" * 64),
        ({"sub": "ünï-\U0001f44b"}, "ünï-\U0001f44b"),
    ],
)
def test_user_id(claims: dict[str, object], user_id: str) -> None:
    """The user is named by `sub`, else by `userId`, as text or as a number."""
    assert verifier.verify(sign({"exp": NOW + 60, **claims})).user_id == user_id


@pytest.mark.parametrize(("jti", "read"), [("a", "a"), (5, "5"), (None, None), ("x" * 255,) * 2])
def test_jti(jti: object, read: str | None) -> None:
    """A token's id is optional, and text or a number."""
    assert verifier.verify(token(jti=jti)).jti == read
    assert verifier.verify(sign({"sub": "1", "exp": NOW + 60})).jti is None


ACCEPTED: list[tuple[str, list[object]]] = [
    ("exp", [NOW - 29, NOW + 0.5, 253_402_300_799]),
    ("nbf", [NOW + 30, None, 0]),
    ("iat", [NOW + 10_000, "yesterday"]),
    ("aud", ["somebody"]),
    ("iss", [5]),
]


@pytest.mark.parametrize(("claim", "value"), [(c, v) for c, vs in ACCEPTED for v in vs])
def test_accepted(claim: str, value: object) -> None:
    """Clocks may differ by 30 seconds, and claims that are not ours do not count."""
    assert verifier.verify(token(**{claim: value})).user_id == "123"


@pytest.mark.parametrize("leeway", [0, 5])
def test_leeway(leeway: int) -> None:
    """A token holds up to its expiry and the leeway, and not at that moment."""
    strict = TokenVerifier(SECRET, leeway=leeway)
    assert strict.verify(token(exp=NOW - leeway + 1, nbf=NOW + leeway)).user_id == "123"
    for claims in ({"exp": NOW - leeway}, {"nbf": NOW + leeway + 1}):
        with pytest.raises(ChatError):
            strict.verify(token(**claims))


def test_no_token() -> None:
    """No token is AUTH_REQUIRED."""
    assert refusal(None).code is refusal("").code is ErrorCode.AUTH_REQUIRED


def test_expired() -> None:
    """An expired token is told so in the words of the messaging system."""
    assert refusal(token(exp=NOW - 30)).to_wire() == {
        "code": "AUTH_FAILED",
        "message": "Token validation failed",
        "details": "Session expired. Please log in again.",
        "retryable": False,
    }


CRITICAL: list[dict[str, object]] = [
    {"crit": ["exp"], "exp": 1},
    {"crit": ["b64"], "b64": True},
    {"crit": ["b64"], "b64": False},
    {"crit": []},
    {"b64": False},
    {"kid": 1},
]
ALGORITHMS: list[object] = ["none", "None", "hs256", "RS256", "HS512", ["HS256"], None]


@pytest.mark.parametrize(
    "header",
    [{"alg": alg} for alg in ALGORITHMS]
    + [{"alg": "HS256", **more} for more in CRITICAL]
    + [{"typ": "JWT"}, [], "HS256", 5]
    + [
        {"alg": "HS256", **more}
        for more in ({"kid": {"a": 1}}, {"kid": 5}, {"b64": False}, {"alg": ["HS256"]}, {"alg": {}})
    ],
)
def test_bad_header(header: object) -> None:
    """Only plain HS256 is accepted, whatever a correctly signed header claims."""
    assert refusal(sign({"sub": "1", "exp": NOW + 60}, header)).code is ErrorCode.AUTH_FAILED


def test_other_algorithms() -> None:
    """A token made with another algorithm and the same secret is refused."""
    claims = {"sub": "1", "exp": NOW + 60}
    for made in (
        jwt.encode(claims, SECRET * 2, "HS512"),
        jwt.encode(claims, "", "none"),
        sign(claims, {"alg": "HS512"}, digest=hashlib.sha512),
    ):
        assert refusal(made).code is ErrorCode.AUTH_FAILED


BAD_CLAIMS: list[tuple[str, list[object]]] = [
    ("exp", [None, str(NOW + 60), True, [NOW + 60], {}, -1, 0, (NOW + 60) * 1000]),
    ("exp", [253_402_300_800, 10**30, 10**400, float("nan"), float("inf"), float("-inf")]),
    ("nbf", [NOW + 31, "soon", True, 10**30, float("nan")]),
    ("sub", [None, "", True, False, 1.5, 10**30, ["1"], {"id": 1}, "x" * 65]),
    ("sub", ["a\0b", "a\nb", "a\x7fb", "a\x9fb", "\ud800"]),
    ("userId", ["", "124", 124, "0123", True, 1.5]),  # beside the subject 123
    ("jti", ["", True, 1.5, ["a"], "x" * 256, "a\0b"]),
]


@pytest.mark.parametrize(("claim", "value"), [(c, v) for c, vs in BAD_CLAIMS for v in vs])
def test_bad_claims(claim: str, value: object) -> None:
    """A well-signed token with a claim that cannot be used is refused, and never crashes us."""
    error = refusal(token(**{claim: value}))
    assert error.code is ErrorCode.AUTH_FAILED
    assert error.details


BAD_PAYLOADS = b'||null|[]|"x"|{|\xff\xfe|{"sub":"1","exp":1e999}|{"sub":"1","exp":NaN}'.split(b"|")
BAD_PAYLOADS += [b"[" * 5_000, b'{"sub":"\\ud800","exp":1800000060}']
BAD_PAYLOADS += [b'{"sub":"1","exp":' + b"9" * 5_000 + b"}"]


@pytest.mark.parametrize("payload", BAD_PAYLOADS, ids=lambda payload: repr(payload[:30]))
def test_bad_payload(payload: bytes) -> None:
    """A well-signed token that holds no strict JSON object is refused."""
    assert refusal(sign(payload)).code is ErrorCode.AUTH_FAILED


GOOD = sign({"sub": "1", "exp": NOW + 60})


@pytest.mark.parametrize(
    "bad",
    [
        5,
        GOOD.encode(),
        f"Bearer {GOOD}",
        f" {GOOD}",
        f"{GOOD}\n",
        GOOD[:-1],
        GOOD.rsplit(".", 1)[0],
        GOOD.rsplit(".", 1)[0] + ".",
        GOOD + ".x",
        "..",
        "é.é.é",
        "\ud800",
        "a" * 8_193,
        b64(b"[" * 4_000) + "." + GOOD.split(".", 1)[1],
        sign({"sub": "1", "exp": NOW + 60, "pad": "x" * 8_192}),
        sign({"sub": "1", "exp": NOW + 60}, secret=b"another secret of thirty-two byte"),
    ],
    ids=lambda bad: repr(bad)[:30],
)
def test_bad_token(bad: object) -> None:
    """What is no token signed by us, or too large to look at, is refused."""
    assert refusal(bad).code is ErrorCode.AUTH_FAILED


@given(st.text() | st.binary() | st.none() | st.integers() | st.lists(st.text()))
def test_arbitrary_tokens(bad: object) -> None:
    """Whatever is given as a token, only a ChatError comes out."""
    assert refusal(bad).code in {ErrorCode.AUTH_FAILED, ErrorCode.AUTH_REQUIRED}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
NAMES = st.sampled_from(["sub", "userId", "exp", "nbf", "iat", "jti", "aud", "iss"])


@given(st.dictionaries(NAMES, JSON), JSON | st.fixed_dictionaries({"alg": st.just("HS256")}))
def test_arbitrary_claims(claims: dict[str, object], header: object) -> None:
    """Whatever a well-signed token says, it yields usable claims or a ChatError."""
    try:
        read = verifier.verify(sign(claims, header))
    except ChatError:
        return
    assert 1 <= len(read.user_id) <= 64
    assert NOW - 30 < read.expires_at < 253_402_300_800


@given(st.integers(0, len(GOOD) - 1), st.characters(min_codepoint=33, max_codepoint=126))
def test_one_character_changed(at: int, other: str) -> None:
    """A token with any character changed is refused."""
    if GOOD[at] != other:
        assert refusal(GOOD[:at] + other + GOOD[at + 1 :]).code is ErrorCode.AUTH_FAILED


def test_refusals_do_not_echo() -> None:
    """No refusal repeats a piece of the token, in its text, its wire form or its cause."""
    bad = token(sub="marker\0", jti="marker")
    for one in (bad, bad + "x", "marker." + bad, token(exp="marker")):
        error = refusal(one)
        assert "marker" not in str(error) + str(error.to_wire())
        assert error.__context__ is None


def test_short_development_secret() -> None:
    """A short secret works without a warning; settings refuse it in production."""
    assert TokenVerifier(b"dev").verify(issue_token(b"dev", "ann")).user_id == "ann"


@pytest.mark.parametrize("secret", [b"", b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"])
def test_unusable_secret(secret: bytes) -> None:
    """A secret that is empty or a public key is refused when the server starts."""
    with pytest.raises(jwt.InvalidKeyError):
        TokenVerifier(secret)


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"HS256","x":' + b"[" * 2_900 + b"]" * 2_900 + b"}",
        b'{"alg":"HS256","x":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
        b'{"alg":"HS256","x":' + b"9" * 5_000 + b"}",
        b'{"alg":"\\ud800"}',
        b"\xff\xfe",
        b"",
    ],
)
def test_a_header_that_is_made_to_hurt(header: bytes) -> None:
    """A header that no library reads well (deep, huge, no text) is refused like any other, with nothing signed."""
    bad = f"{b64(header)}.{b64(b'{}')}.{b64(bytes(32))}"
    assert refusal(bad).code is ErrorCode.AUTH_FAILED
