"""Images of tests, with what should not be passed on."""

import io
from typing import Any

from PIL import Image, PngImagePlugin

# Stands in everything that an image may say beside its pixels.
SECRET = "hidden words"


def picture(side: tuple[int, int] = (800, 600), mode: str = "RGB") -> Image.Image:
    """A gradient, which no encoder makes nothing of."""
    return Image.linear_gradient("L").resize(side).convert(mode)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    """An image as a file."""
    written = io.BytesIO()
    image.save(written, form, **options)
    return written.getvalue()


def opened(data: bytes) -> Image.Image:
    """A file as an image."""
    return Image.open(io.BytesIO(data))


def exif(orientation: int = 1) -> Image.Exif:
    """Where it was taken, by whom, and which way is up."""
    notes = Image.Exif()
    notes[0x0112] = orientation
    notes[0x010E] = SECRET
    notes.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 29: SECRET})
    return notes


def talkative(form: str, **options: Any) -> bytes:
    """An image that says more than its pixels, and has something behind its end."""
    image = picture()
    if form == "PNG":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Comment", SECRET)
        options |= {"pnginfo": notes, "exif": exif()}
    elif form == "JPEG":
        options |= {"exif": exif(), "comment": SECRET.encode()}
    elif form == "GIF":
        options |= {"comment": SECRET.encode()}
    elif form == "MPO":
        # What many phones write: a JPEG, with other pictures behind it.
        options |= {"exif": exif(), "save_all": True, "append_images": [picture((80, 60))]}
    else:
        options |= {"exif": exif()}
    return saved(image, form, **options) + f"<script>{SECRET}</script>".encode()


def moving(form: str, frames: int = 3) -> bytes:
    """An image that moves: each of its pictures is another one."""
    pictures = [Image.new("RGB", (20, 20), (n * 37 % 256, n * 91 % 256, 60)) for n in range(frames)]
    return saved(pictures[0], form, save_all=True, append_images=pictures[1:], duration=90, loop=0)


def noisy_gif(frames: int, *, is_see_through: bool) -> bytes:
    """Noise of 160 by 160, and frames that differ from it in one point each; the last one may have a hole."""
    noise = Image.effect_noise((160, 160), 100).convert("P")
    pictures = [noise.copy() for _ in range(frames)]
    for n, one in enumerate(pictures[1:]):
        one.putpixel((n % 160, n // 160), n % 7)
    options: dict[str, Any] = {"transparency": 255} if is_see_through else {}
    return saved(
        pictures[0], "GIF", save_all=True, append_images=pictures[1:], disposal=1, **options
    )
