"""A real browser, where the machine has one or may install one."""

from tests.support.debian import program

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


async def chromium() -> str:
    """The path of a Chromium; see `program`."""
    return await program(_NAMES, "chromium", "no page is tested")
