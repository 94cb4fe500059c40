"""Any sequence on a pool: the short way of a swap equals the way step by step, and nobody gets what was not paid in."""

from hypothesis import given, settings
from hypothesis import strategies as st

from common.amm.full_math import UINT128_MAX
from common.amm.manager import OWNER
from common.model.errors import InputInvalid
from tests.amm_sequences.play import carry_out, start, state
from tests.amm_sequences.script import PoolScript
from tests.amm_sequences.wishes import KINDS, SPACINGS, WORD, Wish, first_price, operation

numbers = st.integers(0, WORD - 1)
wishes = st.builds(Wish, st.sampled_from(KINDS), numbers, numbers, numbers, numbers)
births = st.builds(Wish, st.just("mint"), numbers, numbers, numbers, numbers)
protocols = st.sampled_from([(0, 0), (4, 10)])


@settings(deadline=None)
@given(
    st.sampled_from(sorted(SPACINGS)),
    numbers,
    st.integers(0, 6),
    protocols,
    st.lists(births, min_size=1, max_size=3),
    st.lists(wishes, max_size=25),
)
def test_the_short_way_is_the_long_way_and_no_unit_is_made(
    fee: int, a: int, kind: int, protocol: tuple[int, int], first: list[Wish], rest: list[Wish]
) -> None:
    script = PoolScript(fee=fee, tickSpacing=SPACINGS[fee], initialSqrtPriceX96=first_price(a, kind), ops=[])
    manager, plain = start(script), start(script)
    for each in (manager, plain):
        each.pool.set_protocol_fee(*protocol)
    held = [0, 0]
    for number, wish in enumerate([*first, *rest]):
        op = operation(wish, manager, number)
        if op is None:
            continue
        # Without known stops every swap goes step by step.
        plain.pool._down = plain.pool._up = (0, 0)
        outcomes = []
        for each in (manager, plain):
            try:
                outcomes.append(carry_out(each, op))
            except InputInvalid as error:
                outcomes.append(error.what)
        assert outcomes[0] == outcomes[1], op
        assert state(manager.pool) == state(plain.pool), op
        if isinstance(outcomes[0], dict):
            sign = {"Mint": 1, "Swap": 1, "Burn": 0, "Collect": -1}[type(op).__name__]
            held = [each + sign * outcomes[0][f"amount{token}"] for token, each in enumerate(held)]
        assert min(held) >= 0, "the pool paid what it did not have"
    for nft in manager.nfts.values():
        if owned := manager.pool.holdings[OWNER, nft.tick_lower, nft.tick_upper].liquidity:
            manager.pool.burn(OWNER, nft.tick_lower, nft.tick_upper, owned)
    ranges = {(nft.tick_lower, nft.tick_upper) for nft in manager.nfts.values()}
    paid = [manager.pool.collect(OWNER, *each, UINT128_MAX, UINT128_MAX) for each in sorted(ranges)]
    owed = [sum(each[token] for each in paid) for token in (0, 1)]
    fees = manager.pool.protocol_fees0, manager.pool.protocol_fees1
    assert all(have >= due + fee for have, due, fee in zip(held, owed, fees, strict=True)), (held, owed, fees)
    assert manager.pool.ticks.by_tick == {} and manager.pool.liquidity == 0
