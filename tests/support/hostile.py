"""Values that no field of a kind accepts, as JSON texts."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from marshmallow import fields

from chatserver.schemas.examples import EXAMPLES
from chatserver.schemas.fields import (
    Flag,
    Id,
    Many,
    Metadata,
    Moment,
    Nullable,
    OneOf,
    Text,
    UserId,
    Whole,
)
from chatserver.schemas.profile_pictures import Pictured
from chatserver.schemas.push import PushSubscribed

# A field's own refusal, and the one of JSON that is too deep to be read at all.
DEEP = "[" * 500 + "]" * 500
TOO_DEEP = "[" * 2000 + "]" * 2000

_ID = str(uuid4())

_NOT_A_STRING: tuple[Any, ...] = (0, 5, 1.5, True, float("nan"), [], ["x"], {}, {"length": 3})
_NOT_A_NUMBER: tuple[Any, ...] = ("", "5", "five", True, False, 1.5, 1.0, [], [1], {})
_HOSTILE_NUMBERS: tuple[Any, ...] = (
    2**63,
    2**64,
    -(2**63),
    10**400,
    -(10**400),
    float("nan"),
    float("inf"),
    float("-inf"),
)
_HOSTILE_TEXTS = ("a\0b", "\ud800", "a\udfff")


def _bad_text(field: Text) -> Iterator[Any]:
    yield from _NOT_A_STRING
    yield from _HOSTILE_TEXTS
    yield "x" * (field.high + 1)
    if field.low:
        yield "x" * (field.low - 1)
    if not field.blank:
        yield " \n\t"
    if isinstance(field, UserId):
        yield from ("a\nb", "\x7f", "a\u202eb")


def _bad_id(_field: Id) -> Iterator[Any]:
    yield from _NOT_A_STRING
    yield from _HOSTILE_TEXTS
    yield from ("", "me", _ID[:-1], _ID + "0", _ID + "\n", _ID + "\0", _ID.replace("-", ""))
    yield from (f"{{{_ID}}}", f"urn:uuid:{_ID}", "g" + _ID[1:], "\uff11" + _ID[1:])


def _bad_whole(field: Whole) -> Iterator[Any]:
    yield from _NOT_A_NUMBER
    yield from _HOSTILE_NUMBERS
    yield from (field.low - 1, field.high + 1)


def _bad_flag(_field: Flag) -> Iterator[Any]:
    yield from (0, 1, "true", "false", "", 1.0, float("nan"), [], [True], {})


def _bad_word(field: OneOf) -> Iterator[Any]:
    yield from _NOT_A_STRING
    yield from _HOSTILE_TEXTS
    yield from ("", "nonsense", field.words[0].upper(), field.words[0] + " ", list(field.words))


def _bad_moment(_field: Moment) -> Iterator[Any]:
    yield from _NOT_A_STRING
    yield from _HOSTILE_TEXTS
    yield from ("", "now", "2026-01-31", "2026-01-31T08:00:00", "2026-02-30T08:00:00Z")
    yield from ("2026-01-31T25:00:00Z", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00")
    yield from ("20260131T080000Z", "2026-W05-6T08:00:00Z", "2026-01-31T08:00:00Z\n")
    yield "\uff12" + "026-01-31T08:00:00Z"


def _bad_picture(_field: Pictured) -> Iterator[Any]:
    yield from _NOT_A_STRING[:-2]
    yield from ("user", ["user", 1])


def _bad_subscription(_field: PushSubscribed) -> Iterator[Any]:
    yield from _NOT_A_STRING[:-2]
    good: dict[str, Any] = EXAMPLES["push:device_add"]["subscription"]
    yield {name: value for name, value in good.items() if name != "endpoint"}
    for endpoint in (
        *_NOT_A_STRING,
        *_HOSTILE_TEXTS,
        *("", "push.example.net", "ftp://push.example.net/", "javascript:alert(1)", "https://"),
        *(
            "https://push.example.net/ x",
            "https://push.example.net/\n",
            "https://\u0430.example.net/",
        ),
        *(
            "http://push.example.net/",
            "https://push.example.net:22/",
            "https://push.example.net:0/",
        ),
        *(
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://localhost/",
            "https://10.1/",
            "https://2130706433/",
        ),
        *("https://a:b@push.example.net/", "https://push.example.net/#x", "https://0x7f.1/"),
        "https://push.example.net/" + "x" * 2000,
    ):
        yield {**good, "endpoint": endpoint}
    for keys in (*_NOT_A_STRING[:-2], {}, {"auth": good["keys"]["auth"]}):
        yield {**good, "keys": keys}
    for key in (
        *_NOT_A_STRING,
        *_HOSTILE_TEXTS,
        "",
        "A",
        "A" * 87,
        "B" * 87,
        "A" * 10_000,
        "+/" * 43,
    ):
        yield {**good, "keys": {**good["keys"], "p256dh": key}}
        yield {**good, "keys": {**good["keys"], "auth": key}}


def _bad_list(field: Many) -> Iterator[Any]:
    yield from ("", "x", 5, True, {}, {"0": _ID}, float("nan"))
    yield ["x"] * (field.high + 1)
    if field.low:
        yield ["x"] * (field.low - 1)


def _bad_object(field: Metadata) -> Iterator[Any]:
    yield from ("", "{}", 5, True, float("nan"), [], [[]], [["a", 1]])
    for hostile in (*_HOSTILE_TEXTS, *_HOSTILE_NUMBERS[3:], 2**63):
        yield {"a": {"b": [hostile]}}
    for hostile in _HOSTILE_TEXTS:
        yield {"a": {hostile: 1}}
    yield {"a": "x" * field.max_bytes}
    yield {str(n): n for n in range(field.max_bytes // 4)}
    yield {"a": json.loads(DEEP)}


_BAD = {
    Text: _bad_text,
    UserId: _bad_text,
    Id: _bad_id,
    Whole: _bad_whole,
    Flag: _bad_flag,
    OneOf: _bad_word,
    Moment: _bad_moment,
    Many: _bad_list,
    Metadata: _bad_object,
    Pictured: _bad_picture,
    PushSubscribed: _bad_subscription,
}


def bad_values(field: fields.Field[Any]) -> Iterator[str]:
    """JSON texts that a field must refuse under its own name."""
    if isinstance(field, Nullable):
        yield from bad_values(field.kind)
        return
    if field.required:
        yield "null"
    for value in _BAD[type(field)](field):  # type: ignore[operator]  # each takes its own kind
        yield json.dumps(value)
    yield "1e400"
    if not isinstance(field, Many):
        yield DEEP


def bad_items(field: fields.Field[Any]) -> Iterator[tuple[int, str]]:
    """Lists with one wrong item, and its position."""
    if isinstance(field, Many):
        good = f'"{_ID}"'
        if isinstance(field.kind, Pictured):
            good = '{"type":"user","id":1}'
        elif isinstance(field.kind, Whole):
            good = str(field.kind.low)
        for position, item in enumerate(("null", *bad_values(field.kind))):
            place = position % 3
            yield place, f"[{', '.join([good] * place + [item])}]"


def with_field(payload: dict[str, Any], name: str, value: str) -> str:
    """A payload as JSON, with the JSON text `value` in one field."""
    others = [f"{json.dumps(k)}:{json.dumps(v)}" for k, v in payload.items() if k != name]
    return "{" + ",".join([*others, f"{json.dumps(name)}:{value}"]) + "}"


# Texts that would do something where a page took them for more than a text.
MARKUP = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "[x](javascript:alert(1))",
    'https://a.example/"onmouseover="alert(1)',
    "https://bank.example@evil.example/",
    "data:text/html,<script>alert(1)</script>",
    "{{constructor.constructor('alert(1)')()}}",
    "&lt;b&gt; &#60;i&#62;",
    "\u202egnp.exe",
    "`<b>code</b>` ```<svg onload=alert(1)>```",
)
