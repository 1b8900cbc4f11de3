"""``user:*``"""

from chatserver.blocks import Blocks
from chatserver.profile_pictures import ProfilePictures
from chatserver.session import Caller
from schemas.base import OfUser
from schemas.pictures import Pictures, PicturesAsk


async def block(caller: Caller, cmd: OfUser, blocks: Blocks) -> None:
    """Block a person."""
    await blocks.set_user(caller, cmd.user_id, blocked=True)


async def unblock(caller: Caller, cmd: OfUser, blocks: Blocks) -> None:
    """Take a block back."""
    await blocks.set_user(caller, cmd.user_id, blocked=False)


async def profile_pictures(
    _caller: Caller, cmd: PicturesAsk, pictures: ProfilePictures
) -> Pictures:
    """The pictures of many."""
    return await pictures.batch(cmd.items)
