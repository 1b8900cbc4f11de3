"""Makes a pair of keys by which push services know a server (VAPID, RFC 8292)."""

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from chatserver.config import base64url, encoded_point


def make() -> str:
    """Return a new pair as the lines of an environment file."""
    key = generate_private_key(SECP256R1())
    private = key.private_numbers().private_value.to_bytes(32, "big")
    return (
        f"VAPID_PUBLIC_KEY={base64url(encoded_point(key))}\n"
        f"VAPID_PRIVATE_KEY={base64url(private)}\n"
    )
