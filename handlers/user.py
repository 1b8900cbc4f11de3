"""``user:*``"""

from chatserver.blocks import Blocks
from chatserver.session import Caller
from schemas.base import OfUser


async def block(caller: Caller, cmd: OfUser, blocks: Blocks) -> None:
    """Block a person."""
    await blocks.set_user(caller, cmd.user_id, blocked=True)


async def unblock(caller: Caller, cmd: OfUser, blocks: Blocks) -> None:
    """Take a block back."""
    await blocks.set_user(caller, cmd.user_id, blocked=False)
