"""Says what a file is called in a header, and whether it may be shown (RFC 6266, RFC 8187)."""

import re
from urllib.parse import quote

from chatserver.files.storage import Attributes
from chatserver.resources import Entry
from chatserver.schemas.files import OPAQUE

THUMB_TYPE = "image/webp"
# What RFC 8187 lets stand as it is (attr-char).
_AS_IT_IS = "!#$&+-.^_`|~"
# What does not stand in a name between quotation marks without harm.
_HARMFUL = re.compile(r"[^A-Za-z0-9 !#$&'()+,\-.;=@\[\]^_`{}~]")


def disposition(name: str, *, inline: bool) -> str:
    """Return ``Content-Disposition`` for a file of that name."""
    plain = _HARMFUL.sub("_", name)
    kind = "inline" if inline else "attachment"
    shown = f'{kind}; filename="{plain}"'
    return shown if plain == name else f"{shown}; filename*=UTF-8''{quote(name, safe=_AS_IT_IS)}"


def attributes_of(entry: Entry, *, thumb: bool = False) -> Attributes:
    """Return what a file, or its thumbnail, is served as."""
    name, media_type = entry["name"], entry["type"]
    if thumb:
        name, media_type = f"{name.rpartition('.')[0] or name}.webp", THUMB_TYPE
    return Attributes(media_type, disposition(name, inline=media_type != OPAQUE))
