"""Says what a file is by its first bytes. What is on no list here is any bytes, and is never shown inline.

Sources: the WHATWG's MIME Sniffing Standard, and the formats' own specifications.
"""

from chatserver.schemas.files import OPAQUE

# How many bytes are looked at.
LOOKED_AT = 64

# What Pillow opens and we make anew.
IMAGES = frozenset(("image/avif", "image/gif", "image/jpeg", "image/png", "image/webp"))

_BEGINNINGS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
)
# Kinds of ISO base media files (ISO/IEC 14496-12), by their major brand; others of that form are films.
_BRANDS = {b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"avif": "image/avif", b"avis": "image/avif"}
_HEIC = frozenset((b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"crx "))


def sniff(head: bytes, declared: str) -> str:
    """Return the media type of a file that begins with `head`.

    Args:
        declared: what its owner says; it only tells sound from film where one form is for both.
    """
    for beginning, found in _BEGINNINGS:
        if head.startswith(beginning):
            return found
    is_sound = declared.startswith("audio/")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:4] == b"OggS":
        return "video/ogg" if declared == "video/ogg" else "audio/ogg"
    if head[:4] == b"\x1aE\xdf\xa3" and b"webm" in head:
        return "audio/webm" if is_sound else "video/webm"
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand in _HEIC:
            return OPAQUE
        return _BRANDS.get(brand) or ("audio/mp4" if is_sound else "video/mp4")
    # Frames of MPEG: ADTS (layer 0) and MP3 (layer III).
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] & 0xF0 != 0xF0:
        return "audio/mpeg"
    return OPAQUE
