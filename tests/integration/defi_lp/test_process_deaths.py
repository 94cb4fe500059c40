"""kill -9 of the real process at one commit of each kind of record; see test_journal_deaths.py for every commit."""

import asyncio
from pathlib import Path

import pytest

from tests.integration.defi_lp.fate import AFTER, BEFORE, Fate
from tests.integration.defi_lp.lives import SAGAS, ProcessLife, Saga, die_and_resume, live_through, lives_of

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("saga", [SAGAS[0], SAGAS[-1]], ids=[SAGAS[0].name, SAGAS[-1].name])
def test_the_real_process_dies_by_sigkill_at_each_kind_of_record(chain: str, tmp_path: Path, saga: Saga) -> None:
    """Opening has every kind but a command's, which closing has."""

    async def run() -> None:
        async with lives_of(chain, tmp_path, saga, base_is_token0=bool(saga.command)) as lives:
            commits = await live_through(lives)
            # The last of each kind: the approvals have been, it is about the mint.
            kinds = {
                name: number for number, name in enumerate(commits, 1) if "Command" in name or not saga.command
            }  # fmt: skip
            assert len(kinds) >= (2 if saga.command else 10), kinds
            fates = [Fate(number, AFTER) for number in kinds.values()]
            # Before these, something has happened outside that nobody has written down.
            fates += [Fate(number, BEFORE) for name, number in kinds.items() if "Sent" in name or "Mined" in name]
            for fate in fates:
                await lives.restore()
                await die_and_resume(lives, ProcessLife(lives.lp, fate), commits, fate)

    asyncio.run(run())
