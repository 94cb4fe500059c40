"""Death at every journal step of every saga: the next life ends where a life without death would have ended.

Every point is played inside this process, where death abandons everything: the service, the sockets, the journals, the
transactions of both. One point for each kind of record is also played by the real process under SIGKILL.
"""

import asyncio
from pathlib import Path

import pytest

from tests.integration.defi_lp.lives import SAGAS, Life, Lives, ProcessLife, Saga, lives_of
from tests.integration.defi_lp.mortal import AFTER, BEFORE, Fate

pytestmark = pytest.mark.timeout(180)
COMMITS_MIN = 8


async def _live_through(lives: Lives) -> list[str]:
    """A life without death: its commits, which are the points. `lives.before` is then where every other life ends."""
    fate = Fate()
    await lives.restore()
    await lives.wake(fate)
    assert await lives.play()
    assert tuple(lives.lp.sagas[-1].steps) == lives.saga.steps, lives.lp.log()[-3000:]
    lives.before = await lives.outcome()
    await lives.end()
    assert len(fate.commits) >= COMMITS_MIN, fate.commits
    return fate.commits


async def _die_and_resume(lives: Lives, life: Life | ProcessLife, point: str) -> None:
    life.start()
    died = not await lives.play(lambda: life.is_dead)
    await life.stop()
    assert died, f"{point} was not reached"
    lives.lp.inventories.clear()
    await lives.wake(Fate())
    # What the first life has not seen for want of time happens to the second; a crossing is not repeated.
    assert await lives.play(happens=not lives.has_happened)
    lives.check(await lives.outcome(), point)
    await lives.end()


@pytest.mark.parametrize("saga", SAGAS, ids=[each.name for each in SAGAS])
def test_death_at_every_journal_step_changes_nothing_about_the_end(chain: str, tmp_path: Path, saga: Saga) -> None:
    async def run() -> None:
        async with lives_of(chain, tmp_path, saga, base_is_token0=len(saga.name) % 2 == 0) as lives:
            commits = await _live_through(lives)
            for number, name in enumerate(commits, 1):
                for moment in (BEFORE, AFTER):
                    await lives.restore()
                    life = Life(lives.lp, Fate(number, moment))
                    await _die_and_resume(lives, life, f"{moment} commit {number} of {len(commits)} ({name})")

    asyncio.run(run())
