"""Wishes carried out on both sides, our pool and the real one, and everything compared after each of them."""

import copy
from collections.abc import Sequence

import msgspec

from common.amm.manager import OWNER, PositionManager
from common.model.errors import InputInvalid
from tests.amm_sequences.play import carry_out, start, state
from tests.amm_sequences.real_pool import RealPool
from tests.amm_sequences.script import After, Op, PoolScript
from tests.amm_sequences.wishes import Wish, operation


async def play_both(
    real: RealPool, script: PoolScript, wishes: Sequence[Wish], protocol: tuple[int, int] = (0, 0)
) -> tuple[PoolScript, int]:
    """The script with the operations and what the contracts made of them; and how many both sides refused.

    Raises AssertionError where the two sides differ in anything.
    """
    manager, refused = start(script), 0
    if any(protocol):
        manager.pool.set_protocol_fee(*protocol)
    await real.start(script, protocol)
    for number, wish in enumerate(wishes):
        op = operation(wish, manager, number)
        if op is None:
            continue
        found = await real.carry_out(op)
        where = f"op {len(script.ops) + 1}: {op}"
        if found is None:
            _require_refusal(manager, op, where)
            refused += 1
            continue
        try:
            ours = carry_out(manager, op)
        except InputInvalid as error:
            raise AssertionError(f"{where}: the contract gives {found}, we refuse: {error}") from error
        assert ours == found, where
        after = await real.state()
        assert state(manager.pool) == after, where
        assert _books(manager, await real.books()), where
        script.ops.append(msgspec.structs.replace(op, **found, after=After(**after)))
    return script, refused


def _require_refusal(manager: PositionManager, op: Op, where: str) -> None:
    """The contracts reverted: ours must refuse and change nothing, or be a swap that the router does not pay for."""
    trial = copy.deepcopy(manager)
    try:
        amounts = carry_out(trial, op)
    except InputInvalid:
        before, now = ((each.pool.holdings, each.nfts, state(each.pool)) for each in (manager, trial))
        assert before == now, f"{where}: refused, yet something changed"
        return
    assert not any(amounts.values()), f"{where}: the contracts refuse what gives {amounts} here"


def _books(manager: PositionManager, books: dict[str, object]) -> bool:
    """Every holding, NFT and tick as the contracts keep them; asserts name what is not."""
    pool = manager.pool
    for name, its in books.items():
        kind, *rest = name.split(" ")
        if kind == "protocol":
            ours = (pool.protocol_fees0, pool.protocol_fees1)
        elif kind == "tick":
            tick = pool.ticks.by_tick.get(int(rest[0]))
            ours = (
                (tick.liquidity_gross, tick.liquidity_net, tick.outside.token0, tick.outside.token1, True)
                if tick
                else (0, 0, 0, 0, False)
            )
            its = (
                its.liquidity_gross,
                its.liquidity_net,
                its.fee_growth_outside0_x128,
                its.fee_growth_outside1_x128,
                its.initialized,
            )
        elif kind == "range":
            holding = pool.holdings[OWNER, int(rest[0]), int(rest[1])]
            ours = (
                holding.liquidity,
                holding.inside_last.token0,
                holding.inside_last.token1,
                holding.owed0,
                holding.owed1,
            )
        else:
            holding = manager.nfts[rest[0]].holding
            ours = (
                holding.liquidity,
                holding.inside_last.token0,
                holding.inside_last.token1,
                holding.owed0,
                holding.owed1,
            )
            its = (
                its.liquidity,
                its.fee_growth_inside0_last_x128,
                its.fee_growth_inside1_last_x128,
                its.tokens_owed0,
                its.tokens_owed1,
            )
        assert ours == its, f"{name}: contract {its}, ours {ours}"
    return True
