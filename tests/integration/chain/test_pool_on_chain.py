"""Whole pools, ours and the deployed bytecode, through the same random operations: every number, to the wei.

After each operation amounts, price, tick, liquidity and fee growth are compared, and all that both keep beside it:
ticks, ranges and NFTs with what they are owed, the protocol's fees. What the contracts refuse, ours must refuse.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.amm.full_math import Q96
from common.amm.liquidity import amounts_to_mint
from common.chain.anvil import find_anvil
from common.chain.node import Node
from common.model.errors import InputInvalid, PeerUnavailable
from tests.amm_sequences.compare import play_both
from tests.amm_sequences.real_pool import RealPool
from tests.amm_sequences.script import Mint, PoolScript, Swap
from tests.amm_sequences.wishes import KINDS, SPACINGS, WORD, Wish, first_price
from tests.integration.chain.world import start_anvil

EXAMPLES, OPS_MIN, OPS_MAX = 60, 12, 40

numbers = st.integers(0, WORD - 1)
wishes = st.builds(Wish, st.sampled_from(KINDS), numbers, numbers, numbers, numbers)
births = st.builds(Wish, st.just("mint"), numbers, numbers, numbers, numbers)
sequences = st.lists(wishes, min_size=OPS_MIN, max_size=OPS_MAX)
shares = st.sampled_from([0, 4, 5, 10])


class Side:
    """The chain's side with an event loop that outlives single examples."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self.node = Node(url, timeout_s=60.0)
        self.real = RealPool(self.node)
        self.runner.run(self.real.deploy())
        self.played = self.refused = 0


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """A node of its own: pools come and go by snapshots, which would undo what other tests build."""
    try:
        find_anvil()
    except PeerUnavailable as error:
        pytest.skip(str(error))
    folder: Path = tmp_path_factory.mktemp("anvil")
    process, url = start_anvil(folder)
    try:
        side = Side(url)
        yield side
        side.runner.run(side.node.close())
        side.runner.close()
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("fee", [500, 3_000, 10_000])
def test_random_operations_give_the_same_pool(side: Side, fee: int) -> None:
    side.played = side.refused = 0

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(
        numbers,
        st.integers(0, 6),
        st.tuples(shares, shares),
        births,
        births,
        st.lists(wishes, min_size=OPS_MIN, max_size=OPS_MAX),
    )
    def play(a: int, kind: int, protocol: tuple[int, int], first: Wish, second: Wish, rest: list[Wish]) -> None:
        price = first_price(a, kind)
        script = PoolScript(fee=fee, tickSpacing=SPACINGS[fee], initialSqrtPriceX96=price, ops=[])
        played, refused = side.runner.run(play_both(side.real, script, [first, second, *rest], protocol))
        side.played, side.refused = side.played + len(played.ops), side.refused + refused

    play()
    print(f"fee {fee}: {side.played} operations equal, {side.refused} refused by both")
    # Refusals are compared as well, but they must not be most of it.
    assert side.played > EXAMPLES * OPS_MIN // 2 and side.refused > 0, (side.played, side.refused)


def test_the_numbers_of_the_unit_test_are_the_contracts(side: Side) -> None:
    async def run() -> list[dict[str, int] | None]:
        await side.real.start(PoolScript(fee=3_000, tickSpacing=60, initialSqrtPriceX96=Q96, ops=[]))
        one = 10**18
        mint = Mint(
            id="a", tickLower=-600_000, tickUpper=600_000, amount0Desired=one, amount1Desired=one,
            liquidity=0, amount0=0, amount1=0,
        )  # fmt: skip
        swap = Swap(zeroForOne=True, amountSpecified=100 * one, amount0=0, amount1=0)
        return [await side.real.carry_out(mint), await side.real.carry_out(swap), await side.real.state()]

    minted, swapped, state = side.runner.run(run())
    assert minted == {"liquidity": 1_000_000_000_000_093_716, "amount0": 10**18, "amount1": 10**18}
    assert swapped == {"amount0": 10**20, "amount1": -990_069_513_406_248_762}
    assert state["sqrtPriceX96"] == 786_774_205_702_797_306_969_469_946 and state["tick"] == -92_248


def test_one_amount_whose_liquidity_overflows_is_refused_though_the_other_one_is_smaller(side: Side) -> None:
    mint = Mint(
        id="a", tickLower=-60, tickUpper=60, amount0Desired=1 << 200, amount1Desired=10**18,
        liquidity=0, amount0=0, amount1=0,
    )  # fmt: skip

    async def run() -> object:
        await side.real.start(PoolScript(fee=3_000, tickSpacing=60, initialSqrtPriceX96=Q96, ops=[]))
        return await side.real.carry_out(mint)

    assert side.runner.run(run()) is None
    with pytest.raises(InputInvalid, match="128-bit"):
        amounts_to_mint(Q96, -60, 60, 1 << 200, 10**18)
