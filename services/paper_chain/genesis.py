"""The pool's birth: its first price, and the liquidity of others."""

from fractions import Fraction

import msgspec

from common.amm.liquidity import amounts_of_liquidity
from common.amm.pair import Pair
from common.chain import pool, position_manager
from common.chain.node import Node
from common.chain.position_manager import MintParams
from common.runtime.fleet import ContractAddresses
from services.paper_chain.actor import Actor
from services.paper_chain.config import LiquidityConfig
from services.paper_chain.deployment import verify_pool
from services.paper_chain.money import Purse, allow, fill_account
from services.paper_chain.prices import price_of, sqrt_price_of

DEADLINE_S = 600
LIQUIDITY_PROVIDER = "liquidity"


class BackgroundRange(msgspec.Struct, frozen=True, kw_only=True):
    """One range of the background, as the pool counts."""

    tick_lower: int
    tick_upper: int
    amount0: int
    amount1: int


async def create_pool(
    node: Node,
    provider: Actor,
    contracts: ContractAddresses,
    pair: Pair,
    middle: Fraction,
    ranges: list[LiquidityConfig],
) -> None:
    """Make the pool at the middle and provide the background; goes on where an earlier start was cut off."""
    await provider.fill_purse()
    if not await verify_pool(node, contracts, pair.fee_ppm):
        token0, token1 = order_tokens(contracts, pair)
        manager = contracts.position_manager
        await provider.send(
            position_manager.create_pool(manager, token0, token1, pair.fee_ppm, sqrt_price_of(pair, middle))
        )
    slot0 = await node.read(pool.slot0(contracts.pool))
    await allow(node, provider, contracts, contracts.position_manager)
    done = await node.read(position_manager.balance_of(contracts.position_manager, provider.address))
    for config in ranges[done:]:
        await _provide(node, provider, contracts, pair, plan_range(pair, slot0.sqrt_price_x96, config))


async def is_complete(node: Node, provider: str, contracts: ContractAddresses, fee_ppm: int, ranges: int) -> bool:
    """True if the pool exists with all of its background."""
    if not await verify_pool(node, contracts, fee_ppm):
        return False
    return await node.read(position_manager.balance_of(contracts.position_manager, provider)) >= ranges


def order_tokens(contracts: ContractAddresses, pair: Pair) -> tuple[str, str]:
    """(token0, token1) of the pool."""
    tokens = (contracts.base_token, contracts.quote_token)
    return tokens if pair.base_is_token0 else tokens[::-1]


def plan_range(pair: Pair, sqrt_price_x96: int, config: LiquidityConfig) -> BackgroundRange:
    """Ticks and amounts of a range in which `quote_per_percent` moves the price by 1 %.

    Whitepaper eq. 6.14 with dy = L (sqrt(1.01 P) - sqrt(P)): L sqrt(P) = quote_per_percent / (sqrt(1.01) - 1).
    """
    price = float(price_of(pair, sqrt_price_x96))
    whole = config.quote_per_percent / (1.01**0.5 - 1) / price**0.5
    liquidity = round(whole * 10 ** ((pair.base_decimals + pair.quote_decimals) / 2))
    steps = [round(pair.steps_of(each)) for each in (price / config.price_factor, price * config.price_factor)]
    lower, upper = pair.range_of(*steps)
    amount0, amount1 = amounts_of_liquidity(sqrt_price_x96, lower, upper, liquidity, round_up=True)
    return BackgroundRange(tick_lower=lower, tick_upper=upper, amount0=amount0, amount1=amount1)


async def _provide(
    node: Node, provider: Actor, contracts: ContractAddresses, pair: Pair, planned: BackgroundRange
) -> None:
    base, quote = pair.unorder(planned.amount0, planned.amount1)
    await fill_account(node, provider, contracts, Purse(base=base, quote=quote))
    token0, token1 = order_tokens(contracts, pair)
    params = MintParams(
        token0=token0, token1=token1, fee_ppm=pair.fee_ppm,
        tick_lower=planned.tick_lower, tick_upper=planned.tick_upper,
        amount0_desired=planned.amount0, amount1_desired=planned.amount1, amount0_min=0, amount1_min=0,
        recipient=provider.address, deadline_s=(await node.head()).timestamp_s + DEADLINE_S,
    )  # fmt: skip
    await provider.send(position_manager.mint(contracts.position_manager, params))
