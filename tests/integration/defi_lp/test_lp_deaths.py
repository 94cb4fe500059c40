"""kill -9 of the LP process at commits of its journals while it opens: afterwards one position, every token found."""

import asyncio
from pathlib import Path

import pytest

from tests.integration.defi_lp.lp_world import LpWorld


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", [7, 8, 9])
def test_a_death_at_a_commit_of_the_mint_leaves_exactly_one_opening(
    chain: str, tmp_path: Path, commit: int, when: str
) -> None:
    """Two approvals and one mint have three commits each (signed, sent, mined): see also test_journal_deaths.py."""

    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=commit % 2 == 0) as lp:
            await lp.fund()
            lp.start(dies=("lp_transactions", commit, when))
            assert await lp.died(), lp.log()
            lp.inventories.clear()
            lp.start()
            opened = await lp.is_open()
            await lp.assert_equals_chain(opened)
            assert opened.delta == pytest.approx(20.0, abs=1e-6) and opened.value_quote == pytest.approx(104_000)
            assert len({each.key.partition(":")[0] for each in opened.ranges}) == 1, "one mint"
            assert await lp.chain.node.nonce(lp.wallet) == 3, "two approvals and one mint"

    asyncio.run(run())
