"""Death at every journal step of every saga: the next life ends where a life without death would have ended.

Every point is played inside this process, where death abandons everything: the service, the sockets, the journals, the
transactions of both. test_process_deaths.py plays one point of each kind of record by the real process under SIGKILL.
"""

import asyncio
from pathlib import Path

import pytest

from tests.integration.defi_lp.fate import AFTER, BEFORE, Fate
from tests.integration.defi_lp.lives import SAGAS, Life, Saga, die_and_resume, live_through, lives_of

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("saga", SAGAS, ids=[each.name for each in SAGAS])
def test_death_at_every_journal_step_changes_nothing_about_the_end(chain: str, tmp_path: Path, saga: Saga) -> None:
    async def run() -> None:
        async with lives_of(chain, tmp_path, saga, base_is_token0=len(saga.name) % 2 == 0) as lives:
            commits = await live_through(lives)
            for number in range(1, len(commits) + 1):
                for moment in (BEFORE, AFTER):
                    await lives.restore()
                    fate = Fate(number, moment)
                    await die_and_resume(lives, Life(lives.lp, fate), commits, fate)

    asyncio.run(run())
