"""NFTs that share a range share the pool's position, and each gets its own fees."""

import pytest

from common.amm.full_math import Q96
from common.amm.manager import OWNER, PositionManager
from common.amm.pool import Pool
from common.model.errors import InputInvalid


@pytest.fixture
def manager() -> PositionManager:
    pool = Pool(3_000, 60)
    pool.initialize(Q96)
    return PositionManager(pool)


def test_nfts_of_one_range_split_its_fees_by_liquidity_and_time(manager: PositionManager) -> None:
    pool = manager.pool
    liquidity = manager.mint("first", -60, 60, 10**15, 10**15)[0]
    pool.swap(True, 10**13)
    pool.swap(False, -pool.swap(True, 1)[1] or 1, Q96)
    assert manager.mint("second", -60, 60, 10**15, 10**15)[0] == pytest.approx(liquidity, rel=0.01)
    assert set(pool.holdings) == {(OWNER, -60, 60)}
    assert manager.collect("second") == (0, 0), "the fees before its birth are the first one's"
    assert manager.collect("first")[0] == pytest.approx(3 * 10**10, rel=0.001)
    pool.swap(True, 10**13)
    both = manager.collect("first")[0], manager.collect("second")[0]
    assert both[0] == pytest.approx(both[1], rel=0.01) and sum(both) == pytest.approx(3 * 10**10, abs=3)


def test_more_liquidity_settles_first(manager: PositionManager) -> None:
    manager.mint("a", -60, 60, 10**15, 10**15)
    manager.pool.swap(True, 10**13)
    manager.increase("a", 10**16, 10**16)
    assert manager.nfts["a"].holding.owed0 == 3 * 10**10 - 1
    owned = manager.nfts["a"].holding.liquidity
    amounts = manager.decrease("a", owned)
    assert manager.collect("a") == (amounts[0] + 3 * 10**10 - 1, amounts[1])
    assert manager.collect("a") == (0, 0)


def test_refusals(manager: PositionManager) -> None:
    manager.mint("a", -60, 60, 10**15, 10**15)
    owned = manager.nfts["a"].holding.liquidity
    for act, what in (
        (lambda: manager.mint("a", -60, 60, 1, 1), "id"),
        (lambda: manager.collect("b"), "id"),
        (lambda: manager.collect("a", 0, 0), "amounts"),
        (lambda: manager.decrease("a", 0), "liquidity"),
        (lambda: manager.decrease("a", owned + 1), "liquidity"),
        (lambda: manager.mint("b", -61, 60, 1, 1), "tick_lower"),
        (lambda: manager.mint("b", 60, 120, 0, 5), "liquidity"),
    ):
        with pytest.raises(InputInvalid) as refusal:
            act()
        assert refusal.value.what == what
    assert set(manager.nfts) == {"a"} and manager.nfts["a"].holding.liquidity == owned
