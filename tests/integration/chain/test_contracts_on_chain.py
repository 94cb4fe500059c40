"""Our encoders against the real bytecode, in both token orders."""

import asyncio
from collections.abc import Awaitable, Callable
from fractions import Fraction

import pytest
from msgspec.structs import astuple, replace

from common.amm.liquidity import amounts_to_mint
from common.chain import erc20, factory, pool, position_manager
from common.chain.events import (
    LiquidityDecreased,
    LiquidityIncreased,
    NftTransferred,
    PoolBurned,
    PoolCollected,
    PoolMinted,
    PoolSwapped,
    PositionCollected,
    TokenTransferred,
    find_events,
)
from common.chain.position_manager import AMOUNT_MAX, MintParams
from common.chain.router import exact_input_single, quote_exact_input_single
from common.model.errors import InputInvalid, RequestRefused
from services.paper_chain.actor import Actor
from services.paper_chain.deployment import check_addresses, deploy
from services.paper_chain.genesis import order_tokens
from services.paper_chain.prices import price_of, sqrt_price_of
from tests.integration.chain.world import FEE_PPM, FIRST_PRICE, World

both_orders = pytest.mark.parametrize("base_is_token0", [False, True])


def play(chain: str, base_is_token0: bool, story: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        async with World(chain, base_is_token0=base_is_token0) as world:
            await story(world)

    asyncio.run(run())


@both_orders
def test_the_deployment_stands_where_it_was_planned(chain: str, base_is_token0: bool) -> None:
    async def story(world: World) -> None:
        contracts, node = world.contracts, world.node
        token0, token1 = order_tokens(contracts, world.pair)
        assert int(token0, 16) < int(token1, 16)
        found = await node.read_many(
            [
                factory.get_pool(contracts.factory, contracts.quote_token, contracts.base_token, FEE_PPM),
                pool.token0(contracts.pool), pool.token1(contracts.pool), pool.fee(contracts.pool),
                pool.tick_spacing(contracts.pool),
                erc20.decimals(contracts.base_token), erc20.decimals(contracts.quote_token),
            ]
        )  # fmt: skip
        assert found == [contracts.pool, token0, token1, FEE_PPM, 10, 18, 6]
        slot0 = await node.read(pool.slot0(contracts.pool))
        assert slot0.sqrt_price_x96 == sqrt_price_of(world.pair, FIRST_PRICE)
        assert slot0.unlocked and abs(price_of(world.pair, slot0.sqrt_price_x96) / FIRST_PRICE - 1) < Fraction(
            1, 10**12
        )
        check_addresses(world.deployment.contracts, contracts, "here")
        assert await deploy(node, world.actor("nobody"), world.deployment) == 0

    play(chain, base_is_token0, story)


PAID = {True: 2 * 10**18, False: 5_000 * 10**6}  # by "sells base"


@both_orders
def test_mint_swap_collect_burn_agree_with_the_chain_to_the_wei(chain: str, base_is_token0: bool) -> None:
    async def story(world: World) -> None:
        owner, trader = await world.rich("owner"), await world.rich("trader")
        params, added = await _mint(world, owner)
        await _check_position(world, owner, params, added)
        in_range = await world.node.read(pool.liquidity(world.contracts.pool))
        for sells_base in PAID:
            await _swap(world, trader, sells_base, in_range)
        fees = await _owed(world, owner, added.token_id)
        for got, paid in zip(world.pair.unorder(*fees), PAID.values(), strict=True):
            ours = paid * FEE_PPM * added.liquidity // (10**6 * in_range)
            assert 0 <= ours - got <= 2 + paid // 10**12
        await _close(world, owner, params, added, fees)

    play(chain, base_is_token0, story)


async def _mint(world: World, owner: Actor) -> tuple[MintParams, LiquidityIncreased]:
    """What the simulation, our mathematics, the receipt and its four events say is one and the same."""
    manager, address = world.contracts.position_manager, world.contracts.pool
    slot0 = await world.node.read(pool.slot0(address))
    lower, upper = (slot0.tick // 10 - 60) * 10, (slot0.tick // 10 + 61) * 10
    params = await world.mint_params(owner.address, lower, upper)
    mint = position_manager.mint(manager, params)
    expected = await world.node.read(mint, sender=owner.address)
    assert (expected.liquidity, expected.amount0, expected.amount1) == amounts_to_mint(
        slot0.sqrt_price_x96, lower, upper, params.amount0_desired, params.amount1_desired
    )
    logs = (await owner.send(mint)).logs
    (added,) = find_events(logs, LiquidityIncreased, manager)
    assert astuple(added) == astuple(expected)
    (nft,) = find_events(logs, NftTransferred, manager)
    assert (nft.recipient, nft.token_id) == (owner.address, added.token_id)
    (minted,) = find_events(logs, PoolMinted, address)
    assert (minted.owner, minted.tick_lower, minted.tick_upper) == (manager, lower, upper)
    assert (minted.liquidity, minted.amount0, minted.amount1) == (added.liquidity, added.amount0, added.amount1)
    return params, added


async def _check_position(world: World, owner: Actor, params: MintParams, added: LiquidityIncreased) -> None:
    manager = world.contracts.position_manager
    position, holder, count, first, low = await world.node.read_many(
        [
            position_manager.positions(manager, added.token_id),
            position_manager.owner_of(manager, added.token_id),
            position_manager.balance_of(manager, owner.address),
            position_manager.token_of_owner(manager, owner.address, 0),
            pool.ticks(world.contracts.pool, params.tick_lower),
        ]
    )
    assert (position.tick_lower, position.tick_upper) == (params.tick_lower, params.tick_upper)
    assert (position.token0, position.token1, position.fee_ppm) == (params.token0, params.token1, FEE_PPM)
    assert (holder, count, first) == (owner.address, 1, added.token_id)
    assert low.initialized and low.liquidity_gross == low.liquidity_net == position.liquidity == added.liquidity


async def _swap(world: World, trader: Actor, sells_base: bool, in_range: int) -> None:
    """The quoter and the swap agree, and the event's signs are the pool's."""
    contracts, amount = world.contracts, PAID[sells_base]
    params = await world.swap_params(trader.address, amount, sells_base=sells_base)
    quote = await world.node.read(
        quote_exact_input_single(contracts.quoter, params.token_in, params.token_out, amount, FEE_PPM)
    )
    receipt = await trader.send(exact_input_single(contracts.router, params))
    (swapped,) = find_events(receipt.logs, PoolSwapped, contracts.pool)
    base, quoted = world.pair.unorder(swapped.amount0, swapped.amount1)
    assert (base, quoted) == ((amount, -quote.amount_out) if sells_base else (-quote.amount_out, amount))
    assert swapped.sqrt_price_x96 == quote.sqrt_price_x96_after and swapped.liquidity == in_range


async def _owed(world: World, owner: Actor, token_id: int) -> tuple[int, int]:
    """Fees by simulated collect; the stored figures stay old until the position is touched, as the README says."""
    manager = world.contracts.position_manager
    untouched = await world.node.read(position_manager.positions(manager, token_id))
    assert (untouched.tokens_owed0, untouched.tokens_owed1) == (0, 0)
    return await world.node.read(position_manager.collect(manager, token_id, owner.address), sender=owner.address)


async def _close(
    world: World, owner: Actor, params: MintParams, added: LiquidityIncreased, fees: tuple[int, int]
) -> None:
    """Principal and fees arrive to the wei, and the NFT is gone."""
    node, manager, address = world.node, world.contracts.position_manager, world.contracts.pool
    token_id = added.token_id
    decrease = position_manager.decrease(manager, token_id, added.liquidity, 0, 0, params.deadline_s)
    collect = position_manager.collect(manager, token_id, owner.address)
    everything = position_manager.multicall(manager, [decrease, collect, position_manager.burn(manager, token_id)])
    simulated = await node.read(everything, sender=owner.address)
    principal = simulated[0]
    assert simulated[1] == (principal[0] + fees[0], principal[1] + fees[1])
    balances = [erc20.balance_of(token, owner.address) for token in (params.token0, params.token1)]
    before = await node.read_many(balances)
    logs = (await owner.send(everything)).logs
    after = await node.read_many(balances)
    (out,) = find_events(logs, LiquidityDecreased, manager)
    (collected,) = find_events(logs, PositionCollected, manager)
    (burned,) = [each for each in find_events(logs, PoolBurned, address) if each.liquidity]
    (paid_out,) = find_events(logs, PoolCollected, address)
    assert (out.amount0, out.amount1) == principal == (burned.amount0, burned.amount1)
    assert (paid_out.amount0, paid_out.amount1) == (collected.amount0, collected.amount1) == simulated[1]
    assert [new - old for new, old in zip(after, before, strict=True)] == [collected.amount0, collected.amount1]
    transfers = find_events(logs, TokenTransferred, params.token0)
    assert sum(each.amount for each in transfers) == collected.amount0
    with pytest.raises(RequestRefused, match="Invalid token ID"):
        await node.read(position_manager.positions(manager, token_id))


@both_orders
def test_a_price_limit_is_met_exactly_and_only_what_fits_is_paid(chain: str, base_is_token0: bool) -> None:
    async def story(world: World) -> None:
        trader = await world.rich("trader")
        limit = sqrt_price_of(world.pair, FIRST_PRICE * Fraction(1001, 1000))
        params = await world.swap_params(trader.address, 250_000 * 10**6, sells_base=False, limit=limit)
        receipt = await trader.send(exact_input_single(world.contracts.router, params))
        (swapped,) = find_events(receipt.logs, PoolSwapped, world.contracts.pool)
        assert swapped.sqrt_price_x96 == limit
        _, quote = world.pair.unorder(swapped.amount0, swapped.amount1)
        assert 90_000 * 10**6 < quote < 110_000 * 10**6  # 1 M USD move 1 %, so 0.1 % takes about a tenth

    play(chain, base_is_token0, story)


def test_increase_adds_to_the_position(chain: str) -> None:
    async def story(world: World) -> None:
        manager, owner = world.contracts.position_manager, await world.rich("owner")
        params = await world.mint_params(owner.address, -887270, 887270)
        (added,) = find_events(
            (await owner.send(position_manager.mint(manager, params))).logs, LiquidityIncreased, manager
        )
        more = position_manager.increase(
            manager, added.token_id, params.amount0_desired, params.amount1_desired, 0, 0, params.deadline_s
        )
        liquidity, _, _ = await world.node.read(more, sender=owner.address)
        await owner.send(more)
        position = await world.node.read(position_manager.positions(manager, added.token_id))
        assert position.liquidity == added.liquidity + liquidity

    play(chain, False, story)


def test_reverts_are_told_in_the_contracts_own_words(chain: str) -> None:
    async def story(world: World) -> None:
        owner = await world.rich("owner")
        manager = world.contracts.position_manager
        params = await world.mint_params(owner.address, -887270, 887270)
        stories = {
            "Price slippage check": replace(params, amount0_min=params.amount0_desired, amount1_min=10**30),
            "Transaction too old": replace(params, deadline_s=1),
        }
        for reason, broken in stories.items():
            with pytest.raises(RequestRefused) as refusal:
                await world.node.read(position_manager.mint(manager, broken), sender=owner.address)
            assert (refusal.value.code, refusal.value.detail) == ("reverted", reason)
        poor = world.actor("poor").address
        with pytest.raises(RequestRefused, match="STF"):
            await world.node.estimate_gas(position_manager.mint(manager, replace(params, recipient=poor)), poor)
        # Several outcomes in one round trip: what reverts stands beside what does not.
        outcomes = await world.node.read_outcomes(
            [position_manager.positions(manager, 10**9), position_manager.balance_of(manager, owner.address)]
        )
        assert isinstance(outcomes[0], RequestRefused) and outcomes[1] == 0

    play(chain, False, story)


def test_reads_at_a_block_hash_stay_at_that_block_and_fail_without_it(chain: str) -> None:
    async def story(world: World) -> None:
        contracts, trader = world.contracts, await world.rich("trader")
        before = await world.node.head()
        old = await world.node.read(pool.slot0(contracts.pool))
        params = await world.swap_params(trader.address, 10**18, sells_base=True)
        await trader.send(exact_input_single(contracts.router, params))
        assert await world.node.read(pool.slot0(contracts.pool), before.hash) == old
        assert await world.node.read(pool.slot0(contracts.pool), before.number) == old
        assert await world.node.read(pool.slot0(contracts.pool)) != old
        with pytest.raises(RequestRefused):
            await world.node.read(pool.slot0(contracts.pool), "0x" + "11" * 32)
        assert (
            await world.node.read(erc20.allowance(contracts.base_token, trader.address, contracts.router)) > AMOUNT_MAX
        )
        with pytest.raises(InputInvalid):
            await world.node.read(pool.slot0(world.actor("no contract").address))

    play(chain, False, story)
