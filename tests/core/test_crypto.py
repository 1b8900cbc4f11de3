import hashlib
import hmac
import os
import re
from typing import Any
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from chatserver.core.crypto import DecryptionError, Sealed, Vault

CONVERSATION = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
MESSAGE = UUID("017f22e2-79b1-7000-8000-000000000001")
OTHER = UUID("017f22e2-79b1-7000-8000-000000000002")
OLD, NEW = "super-secure-aes-encryption-key-32", "another-secret-of-32-characters-!"
TEXT = "Hello, wörld 👋"
SAID = b"ann\0text\0000\0"

# Deriving is slow by design, so the tests share what they only read.
OLD_VAULT = Vault([OLD])
NEW_VAULT = Vault([NEW])
ROTATED = Vault([NEW, OLD])

# Made with Node 20 as messaging-implementation.md does it, by fixed initialisation vectors:
#   key = scryptSync('super-secure-aes-encryption-key-32', 'salt', 32); aes-256-cbc
NODE_ROWS = [
    (
        TEXT,
        "000102030405060708090a0b0c0d0e0f",
        "3b9cbd73584109605ed2739467abed2640079c25abc8f3a76d13273d85585376",
    ),
    ("", "ffeeddccbbaa99887766554433221100", "d26ebbf3ef68edf6e70e6c6bc4f32e8c"),
]


def node_row(vault: Vault, iv: str, ciphertext: str) -> Sealed:
    return Sealed(1, vault.key_id, bytes.fromhex(iv), bytes.fromhex(ciphertext))


@given(st.binary(max_size=300), st.uuids(), st.uuids())
def test_round_trip(plaintext: bytes, conversation: UUID, message: UUID) -> None:
    """What was sealed for a message opens for that message."""
    sealed = NEW_VAULT.seal(conversation, message, plaintext, SAID)
    assert NEW_VAULT.open(conversation, message, sealed, SAID) == plaintext


def test_format() -> None:
    """A sealed text is what the page describes, so that another program could open it."""
    master = hashlib.scrypt(
        OLD.encode(), salt=b"chatserver text at rest v2", n=2**14, r=8, p=1, dklen=32
    )

    def expand(info: bytes) -> bytes:  # RFC 5869 section 2.3, one block
        return hmac.digest(master, b"chatserver " + info + b"\x01", "sha256")

    key_id = expand(b"key id")[:4].hex()
    subkey = expand(b"conversation " + CONVERSATION.bytes)
    aad = b"\x03\x08" + key_id.encode() + CONVERSATION.bytes + MESSAGE.bytes + SAID
    sealed = OLD_VAULT.seal(CONVERSATION, MESSAGE, b"hi", SAID)
    assert sealed.version == 3
    assert sealed.key_id == key_id
    assert len(sealed.nonce) == 12
    assert AESGCM(subkey).decrypt(sealed.nonce, sealed.ciphertext, aad) == b"hi"


def test_stored_row() -> None:
    """A row written by the first release opens for ever."""
    row = Sealed(
        2,
        "08373ce3",
        bytes(range(12)),
        bytes.fromhex("fdd6f67e8b195448167e1287d2173bc19ae2f0bd866a842ec8746badde7802268cb0"),
    )
    assert OLD_VAULT.open(CONVERSATION, MESSAGE, row, SAID) == TEXT.encode()


def test_nonces_are_fresh() -> None:
    """The same text sealed twice shows nothing in common."""
    sealed = [NEW_VAULT.seal(CONVERSATION, MESSAGE, b"same", SAID) for _ in range(100)]
    assert len({one.nonce for one in sealed}) == 100
    assert len({one.ciphertext for one in sealed}) == 100


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": 4},
        {"version": 0},
        {"version": 1},
        {"version": 258},
        {"key_id": ""},
        {"key_id": "00000000"},
        {"key_id": OLD_VAULT.key_id},
        {"nonce": b""},
        {"nonce": bytes(12)},
        {"nonce": bytes(16)},
        {"ciphertext": b""},
        {"ciphertext": bytes(15)},
        {"ciphertext": bytes(22)},
    ],
)
def test_changed_column(change: dict[str, Any]) -> None:
    """A row with any column changed does not open."""
    sealed = ROTATED.seal(CONVERSATION, MESSAGE, b"secret", SAID)
    with pytest.raises(DecryptionError):
        ROTATED.open(CONVERSATION, MESSAGE, sealed._replace(**change), SAID)


@given(st.binary(max_size=40), st.data())
def test_flipped_bit(plaintext: bytes, data: st.DataObject) -> None:
    """A single bit changed in the ciphertext, its tag included, is noticed."""
    sealed = NEW_VAULT.seal(CONVERSATION, MESSAGE, plaintext, SAID)
    at = data.draw(st.integers(0, len(sealed.ciphertext) * 8 - 1))
    changed = bytearray(sealed.ciphertext)
    changed[at // 8] ^= 1 << at % 8
    with pytest.raises(DecryptionError):
        NEW_VAULT.open(CONVERSATION, MESSAGE, sealed._replace(ciphertext=bytes(changed)), SAID)


@pytest.mark.parametrize(
    ("conversation", "message"), [(OTHER, MESSAGE), (CONVERSATION, OTHER), (MESSAGE, CONVERSATION)]
)
def test_moved_row(conversation: UUID, message: UUID) -> None:
    """A row copied to another message or conversation does not open."""
    sealed = NEW_VAULT.seal(CONVERSATION, MESSAGE, b"secret", SAID)
    with pytest.raises(DecryptionError):
        NEW_VAULT.open(conversation, message, sealed, SAID)


def test_moved_within_the_conversation_key() -> None:
    """Each part of the associated data counts by itself: the subkey alone does not open a row."""
    sealed = NEW_VAULT.seal(CONVERSATION, MESSAGE, b"secret", SAID)
    cipher, place = NEW_VAULT._current.cipher(CONVERSATION.bytes)
    right = b"\x03" + place + MESSAGE.bytes + SAID
    assert cipher.decrypt(sealed.nonce, sealed.ciphertext, right) == b"secret"
    assert len(right) == 1 + 1 + 8 + 16 + 16 + len(SAID)
    for at in (0, 1, 2, 10, 26, 42):  # version, length, key id, conversation, message, context
        wrong = right[:at] + bytes([right[at] ^ 1]) + right[at + 1 :]
        with pytest.raises(InvalidTag):
            cipher.decrypt(sealed.nonce, sealed.ciphertext, wrong)


@pytest.mark.parametrize("context", [b"", b"bob\0text\0000\0", SAID + b"\0", SAID[:-1]])
def test_another_context(context: bytes) -> None:
    """A body opens as what was said by whom it was said, and as nothing else."""
    sealed = NEW_VAULT.seal(CONVERSATION, MESSAGE, b"secret", SAID)
    with pytest.raises(DecryptionError):
        NEW_VAULT.open(CONVERSATION, MESSAGE, sealed, context)


# -- fields ---------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100), st.uuids())
def test_fields(text: str, conversation: UUID) -> None:
    """A sealed field opens as it was, and is one line of plain characters, whatever was in it."""
    sealed = NEW_VAULT.seal_field(conversation, "title", text)
    assert NEW_VAULT.open_field(conversation, "title", sealed) == text
    assert re.fullmatch(r"(s1\.[0-9a-f]{8}\.[A-Za-z0-9_-]{22,})?", sealed)
    assert bool(sealed) is bool(text)


def test_equal_fields() -> None:
    """The same text is the same sealed in its place, and another in any other place or under another key."""
    here = NEW_VAULT.seal_field(CONVERSATION, "title", "Climbers")
    assert here == ROTATED.seal_field(CONVERSATION, "title", "Climbers")
    others = {
        NEW_VAULT.seal_field(OTHER, "title", "Climbers"),
        NEW_VAULT.seal_field(CONVERSATION, "description", "Climbers"),
        OLD_VAULT.seal_field(CONVERSATION, "title", "Climbers"),
        NEW_VAULT.seal_field(CONVERSATION, "title", "climbers"),
    }
    assert len(others) == 4
    assert here not in others


def test_moved_and_changed_fields() -> None:
    """A field of another group or name, of an unknown key, changed or never sealed does not open."""
    here = NEW_VAULT.seal_field(CONVERSATION, "title", "Climbers")
    for conversation, name, text in (
        (OTHER, "title", here),
        (CONVERSATION, "description", here),
        (CONVERSATION, "title", OLD_VAULT.seal_field(CONVERSATION, "title", "Climbers")),
        (CONVERSATION, "title", here[:-3]),
        (CONVERSATION, "title", here + "AAAA"),
        (CONVERSATION, "title", here.replace("s1.", "s2.")),
        (CONVERSATION, "title", "Climbers"),
        (CONVERSATION, "title", f"s1.{NEW_VAULT.key_id}."),
        (CONVERSATION, "title", f"s1.{NEW_VAULT.key_id}.ü"),
    ):
        with pytest.raises(DecryptionError):
            NEW_VAULT.open_field(conversation, name, text)
    before = OLD_VAULT.seal_field(CONVERSATION, "title", "Before")
    assert ROTATED.open_field(CONVERSATION, "title", before) == "Before"


def test_derived_keys() -> None:
    """Keys for other purposes: one of every secret, the current one's first, and others for another purpose."""
    assert ROTATED.derive(b"a", b"b") == (
        NEW_VAULT.derive(b"a", b"b") + OLD_VAULT.derive(b"a", b"b")
    )
    assert (
        len({*ROTATED.derive(b"a", b"b"), *ROTATED.derive(b"ab", b""), *ROTATED.derive(b"a")}) == 6
    )


def test_rotation() -> None:
    """After a rotation the previous key opens and the current one seals."""
    before = OLD_VAULT.seal(CONVERSATION, MESSAGE, b"before", SAID)
    assert ROTATED.open(CONVERSATION, MESSAGE, before, SAID) == b"before"
    after = ROTATED.seal(CONVERSATION, MESSAGE, b"after", SAID)
    assert after.key_id == ROTATED.key_id == NEW_VAULT.key_id
    assert NEW_VAULT.open(CONVERSATION, MESSAGE, after, SAID) == b"after"
    with pytest.raises(DecryptionError):
        OLD_VAULT.open(CONVERSATION, MESSAGE, after, SAID)


def test_key_id() -> None:
    """A key's id is short, the same in every process, and another for another key."""
    assert OLD_VAULT.key_id == Vault([OLD]).key_id == "08373ce3"
    assert OLD_VAULT.key_id != NEW_VAULT.key_id


@pytest.mark.parametrize(("text", "iv", "ciphertext"), NODE_ROWS)
def test_rows_of_the_messaging_system(text: str, iv: str, ciphertext: str) -> None:
    """Rows that Node wrote with the same secret open, also when the secret is a previous one."""
    row = node_row(OLD_VAULT, iv, ciphertext)
    assert OLD_VAULT.open(CONVERSATION, MESSAGE, row, SAID) == text.encode()
    assert ROTATED.open(CONVERSATION, MESSAGE, row, SAID) == text.encode()


@pytest.mark.parametrize(
    "change",
    [
        {"key_id": NEW_VAULT.key_id},
        {"key_id": ""},
        {"nonce": b""},
        {"nonce": bytes(12)},
        {"ciphertext": b""},
        {"ciphertext": bytes(16)},
        {"ciphertext": bytes(17)},
        {"nonce": b"\xff" * 16},  # the first byte is then no UTF-8
    ],
)
def test_bad_rows_of_the_messaging_system(change: dict[str, Any]) -> None:
    """A row of the messaging system that is no text under its key does not open."""
    _, iv, ciphertext = NODE_ROWS[0]
    row = node_row(OLD_VAULT, iv, ciphertext)._replace(**change)
    with pytest.raises(DecryptionError):
        ROTATED.open(CONVERSATION, MESSAGE, row, SAID)


def test_error_tells_nothing() -> None:
    """A failure to open has one wording and carries neither text nor key, nor a cause."""
    sealed = NEW_VAULT.seal(CONVERSATION, MESSAGE, b"secret", SAID)
    errors = []
    for bad in (sealed._replace(key_id="x"), sealed._replace(ciphertext=sealed.ciphertext[:-1])):
        with pytest.raises(DecryptionError) as caught:
            NEW_VAULT.open(CONVERSATION, MESSAGE, bad, SAID)
        errors.append(caught.value)
    assert {error.args for error in errors} == {("this text does not open",)}
    assert all(error.__context__ is None for error in errors)


@pytest.mark.parametrize("secrets", [[], [""], [NEW, ""]])
def test_no_secret(secrets: list[str]) -> None:
    """There is no vault without a secret."""
    with pytest.raises(ValueError, match="secret"):
        Vault(secrets)


def test_undecodable_secret() -> None:
    """A secret whose bytes are no UTF-8 works like any other."""
    vault = Vault([os.fsdecode(b"\xff\xfe" * 16)])
    assert vault.open(OTHER, MESSAGE, vault.seal(OTHER, MESSAGE, b"x", SAID), SAID) == b"x"


def test_subkeys_are_cached_within_bounds() -> None:
    """The rows of one conversation derive its subkey once, and the cache is bounded."""
    cache = Vault([NEW])._current.cipher
    for _ in range(50):
        cache(CONVERSATION.bytes)
    assert cache.cache_info()[:2] == (49, 1)
    assert cache.cache_info().maxsize == 2_000


def test_fingerprint() -> None:
    """A fingerprint is 16 bytes, the same for the same parts and another for any other."""
    made = NEW_VAULT.fingerprint(b"id", b"body")
    assert len(made) == 16
    assert made == ROTATED.fingerprint(b"id", b"body")
    assert made != OLD_VAULT.fingerprint(b"id", b"body")
    assert NEW_VAULT.same_fingerprint(made, b"id", b"body")
    assert not NEW_VAULT.same_fingerprint(made, b"id", b"other")
    assert not NEW_VAULT.same_fingerprint(made[:-1], b"id", b"body")
    assert not NEW_VAULT.same_fingerprint(b"", b"id", b"body")


def test_fingerprint_after_rotation() -> None:
    """A fingerprint made before a rotation still tells the same body from another."""
    stored = OLD_VAULT.fingerprint(b"id", b"body")
    assert ROTATED.same_fingerprint(stored, b"id", b"body")
    assert not ROTATED.same_fingerprint(stored, b"id", b"other")
    assert not NEW_VAULT.same_fingerprint(stored, b"id", b"body")
    assert ROTATED.same_fingerprint(ROTATED.fingerprint(b"id", b"body"), b"id", b"body")


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_fingerprint_tells_parts_apart(one: list[bytes], other: list[bytes]) -> None:
    """Two lists of parts have the same fingerprint only when they are the same list."""
    same = NEW_VAULT.fingerprint(*one) == NEW_VAULT.fingerprint(*other)
    assert same == (one == other)
    assert NEW_VAULT.fingerprint(b"ab", b"c") != NEW_VAULT.fingerprint(b"a", b"bc")
