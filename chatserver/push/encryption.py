"""Encrypts what is sent by Web Push for one subscription: RFC 8291, with the encoding aes128gcm (RFC 8188)."""

import os

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

from chatserver.config import encoded_point

# Push services take 4,096 bytes (RFC 8030, section 7.2); header, tag and delimiter leave so many.
MOST_PLAIN = 4096 - 86 - 17
_RECORD_SIZE = 4096
_LAST_RECORD = b"\x02"


def check_keys(p256dh: bytes, auth: bytes) -> None:
    """Check the keys of a subscription.

    Raises:
        ValueError: a key that is no point of the curve P-256, or a secret that is not 16 bytes.
    """
    if len(auth) != 16:
        raise ValueError("the authentication secret has 16 bytes")
    EllipticCurvePublicKey.from_encoded_point(SECP256R1(), p256dh)


def encrypt(
    plain: bytes,
    p256dh: bytes,
    auth: bytes,
    *,
    salt: bytes | None = None,
    own: EllipticCurvePrivateKey | None = None,
) -> bytes:
    """Return the body of a push message.

    Args:
        plain: at most `MOST_PLAIN` bytes.
        salt, own: for the example of RFC 8291 alone; else new ones are made.

    Raises:
        ValueError: as `check_keys`, or a text that is too long.
    """
    if len(plain) > MOST_PLAIN:
        raise ValueError("a push message has at most 4,096 bytes")
    salt, own = salt or os.urandom(16), own or generate_private_key(SECP256R1())
    theirs = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), p256dh)
    public = encoded_point(own)
    secret = own.exchange(ECDH(), theirs)
    keying = _derived(secret, auth, b"WebPush: info\x00" + p256dh + public, 32)
    key = _derived(keying, salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derived(keying, salt, b"Content-Encoding: nonce\x00", 12)
    sealed = AESGCM(key).encrypt(nonce, plain + _LAST_RECORD, None)
    return salt + _RECORD_SIZE.to_bytes(4, "big") + bytes([len(public)]) + public + sealed


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)
