"""Makes an image anew, in a process of its own: whatever is wrong with it, nothing but this process ends.

Run as ``python -I image_worker.py``, it reads an image on stdin, and writes on stdout one line of JSON (``type``,
``width``, ``height``, ``size``, ``thumb_size``, ``preview``), then the image, then its thumbnail. An exit code
other than 0 means that the image is refused.

What is written is made of pixels alone: no EXIF, no comment, no profile, nothing behind the end. Only Pillow and
the standard library are imported, so that it starts fast.
"""

import base64
import contextlib
import io
import json
import os
import resource
import sys
from typing import Any

# Bytes of memory, and seconds of CPU.
_MEMORY = 1024**3
_SECONDS = 20
# Of one picture, and of all that move in one.
_PIXELS = 50_000_000
_PIXELS_IN_ALL = 200_000_000
_FRAMES = 500
_THUMB = 640
# The preview's longest sides and qualities that are tried, until it is small enough, as a data URL.
_PREVIEWS = ((32, 50), (32, 20), (24, 20), (16, 20), (8, 10))
_PREVIEW_BYTES = 1024
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
# What of an image's notes says how it looks.
_KEPT = ("background", "disposal", "duration", "loop", "transparency")


class RefusedError(Exception):
    """The image is larger than we make anew."""


def _limit() -> None:
    for kind, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        with contextlib.suppress(OSError, ValueError):  # macOS has not all of them
            resource.setrlimit(kind, (most, most))
    os.nice(10)


def _in_srgb(image: Any) -> Any:
    """Return an image in the colours that all screens know, by its profile, which is then not needed."""
    from PIL import ImageCms

    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
        found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGB" if image.mode in ("CMYK", "L") else image.mode
        if image.mode == "L":
            return image
        made = ImageCms.profileToProfile(
            image, found, ImageCms.createProfile("sRGB"), outputMode=mode
        )
        if made is not None:
            return made
    return image


def _bare(image: Any) -> Any:
    image.info = {name: image.info[name] for name in _KEPT if name in image.info}
    return image


def _plain(image: Any) -> Any:
    """Return an image in a mode that WebP has."""
    has_alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    return image.convert("RGBA" if has_alpha else "RGB")


def _saved(image: Any, form: str, **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, form, **options)
    return written.getvalue()


def _moving(image: Any, form: str) -> bytes:
    from PIL import ImageSequence

    frames, durations = [], []
    for frame in ImageSequence.Iterator(image):
        frame.load()  # WebP knows its time only then
        durations.append(frame.info.get("duration", 100))
        frames.append(_bare(frame.copy() if form == "GIF" else _plain(frame)))
    options: dict[str, Any] = {"loop": image.info["loop"]} if "loop" in image.info else {}
    if form == "GIF":
        # Where nothing shows through, a frame is what differs from the one before: else small images become large.
        has_alpha = any(frame.has_transparency_data for frame in frames)
        options["disposal"] = 2 if has_alpha else 1
    return _saved(
        frames[0], form, save_all=True, append_images=frames[1:], duration=durations, **options
    )


def _still(image: Any, form: str) -> tuple[bytes, str, Any]:
    """Return an image anew, its format, and its pixels."""
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    seen = _in_srgb(upright)
    if form == "JPEG":
        if seen is upright and image.getexif().get(0x0112, 1) == 1 and image.mode in ("RGB", "L"):
            # As fine as it was: what is decoded is encoded with its own tables.
            return _saved(_bare(image), form, quality="keep"), form, image
        seen = seen.convert("L" if seen.mode == "L" else "RGB")
        return _saved(_bare(seen), form, quality=90), form, seen
    if form == "AVIF":
        # To encode it takes longer than anybody waits.
        seen = _plain(seen)
        if seen.mode == "RGB":
            return _saved(_bare(seen), "JPEG", quality=90), "JPEG", seen
        form = "WEBP"
    if form == "WEBP":
        return _saved(_bare(_plain(seen)), form, quality=90), form, seen
    return _saved(_bare(seen), form, **({"compress_level": 4} if form == "PNG" else {})), form, seen


def _preview(picture: Any) -> str | None:
    for side, quality in _PREVIEWS:
        small = picture.copy()
        small.thumbnail((side, side))
        raw = _saved(small, "WEBP", quality=quality, method=6)
        text = f"data:image/webp;base64,{base64.b64encode(raw).decode()}"
        if len(text) <= _PREVIEW_BYTES:
            return text
    return None


def _main() -> None:
    _limit()
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # ours is asked before anything is decoded
    image = Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=_FORMATS)
    form = str(image.format)
    if form == "MPO":
        # What many phones write: behind the picture there are others, of its depth or its brightest places.
        image.format = form = "JPEG"
    if image.width * image.height > _PIXELS:
        raise RefusedError
    frames = getattr(image, "n_frames", 1) if form in ("GIF", "WEBP") else 1
    if frames > _FRAMES or frames * image.width * image.height > _PIXELS_IN_ALL:
        raise RefusedError
    if frames > 1:
        made = _moving(image, form)
        image.seek(0)
        seen = image
    else:
        made, form, seen = _still(image, form)
    picture = _bare(_plain(seen))
    picture.thumbnail((_THUMB, _THUMB))
    thumb = _saved(picture, "WEBP", quality=75)
    head = {
        "type": _TYPES[form],
        "width": seen.width,
        "height": seen.height,
        "size": len(made),
        "thumb_size": len(thumb),
        "preview": _preview(picture),
    }
    out = sys.stdout.buffer
    out.write(json.dumps(head).encode() + b"\n")
    out.write(made)
    out.write(thumb)
    out.flush()


if __name__ == "__main__":
    try:
        _main()
    except BaseException:
        sys.exit(1)
