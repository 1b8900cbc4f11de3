"""``user:*``"""

from chatserver.core.caller import Caller
from chatserver.people import Blocks, ProfilePictures
from chatserver.schemas.base import OfUser
from chatserver.schemas.profile_pictures import Pictures, PicturesAsk


async def block(caller: Caller, cmd: OfUser, blocks: Blocks) -> None:
    """Block a person."""
    await blocks.set_user(caller, cmd.user_id, blocked=True)


async def unblock(caller: Caller, cmd: OfUser, blocks: Blocks) -> None:
    """Remove a block."""
    await blocks.set_user(caller, cmd.user_id, blocked=False)


async def profile_pictures(
    _caller: Caller, cmd: PicturesAsk, pictures: ProfilePictures
) -> Pictures:
    """Return the profile pictures of many users and communities."""
    return await pictures.batch(cmd.items)
