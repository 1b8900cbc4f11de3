"""People: blocks between them, and their profile pictures."""

from chatserver.people.blocks import Blocks
from chatserver.people.profile_pictures import PictureSource, ProfilePictures

__all__ = [
    "Blocks",
    "PictureSource",
    "ProfilePictures",
]
