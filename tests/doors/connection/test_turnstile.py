"""Who comes with many others goes on in turn."""

import asyncio

from chatserver.doors.connection.turnstile import Turnstile


async def test_a_few_pass_in_each_turn() -> None:
    """Of those who come at once, so many pass in a turn of the loop, in the order in which they came."""
    turnstile = Turnstile(2)
    passed: list[int] = []

    async def come(number: int) -> None:
        await turnstile.enter()
        passed.append(number)

    tasks = [asyncio.create_task(come(number)) for number in range(6)]
    seen = []
    while len(passed) < len(tasks):
        await asyncio.sleep(0)
        seen.append(len(passed))
    assert passed == list(range(6))
    assert max(later - before for before, later in zip([0, *seen], seen, strict=False)) == 2


async def test_who_gives_up_takes_nobodys_turn() -> None:
    """Those behind somebody who has hung up do not wait for them."""
    turnstile = Turnstile(1)
    await turnstile.enter()
    waiting = [asyncio.create_task(turnstile.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.wait(waiting)
    assert [task.cancelled() for task in waiting] == [False, True, False]
    # And the next one finds it as it was at first.
    await turnstile.enter()
