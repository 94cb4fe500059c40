"""A Uniswap V3 pool, read. Nothing is written here: positions and swaps go through the periphery contracts."""

import msgspec

from common.chain.abi import Call, Function

_SLOT0 = Function("slot0()", "(uint160,int24,uint16,uint16,uint16,uint8,bool)")
_LIQUIDITY = Function("liquidity()", "(uint128)")
_TICKS = Function("ticks(int24)", "(uint128,int128,uint256,uint256,int56,uint160,uint32,bool)")
_FEE_GROWTH_0 = Function("feeGrowthGlobal0X128()", "(uint256)")
_FEE_GROWTH_1 = Function("feeGrowthGlobal1X128()", "(uint256)")
_TOKEN_0 = Function("token0()", "(address)")
_TOKEN_1 = Function("token1()", "(address)")
_FEE = Function("fee()", "(uint24)")
_TICK_SPACING = Function("tickSpacing()", "(int24)")
_OBSERVE = Function("observe(uint32[])", "(int56[],uint160[])")


class Slot0(msgspec.Struct, frozen=True):
    """The pool's price word. `sqrt_price_x96` is sqrt(token1/token0, raw units) * 2^96; 0 = not initialized."""

    sqrt_price_x96: int
    tick: int
    observation_index: int
    observation_cardinality: int
    observation_cardinality_next: int
    fee_protocol: int
    unlocked: bool


class TickInfo(msgspec.Struct, frozen=True):
    """One tick as the pool stores it."""

    liquidity_gross: int
    liquidity_net: int
    fee_growth_outside0_x128: int
    fee_growth_outside1_x128: int
    tick_cumulative_outside: int
    seconds_per_liquidity_outside_x128: int
    seconds_outside: int
    initialized: bool


def slot0(pool: str) -> Call[Slot0]:
    """Read: price, tick, oracle position, protocol fee, lock."""
    return Call(pool, _SLOT0.encode(), lambda data: Slot0(*_SLOT0.decode(data)))


def liquidity(pool: str) -> Call[int]:
    """Read: liquidity in range at the present price."""
    return Call(pool, _LIQUIDITY.encode(), lambda data: _LIQUIDITY.decode(data)[0])


def ticks(pool: str, tick: int) -> Call[TickInfo]:
    """Read: one tick's liquidity and outside accumulators."""
    return Call(pool, _TICKS.encode(tick), lambda data: TickInfo(*_TICKS.decode(data)))


def fee_growth_global0(pool: str) -> Call[int]:
    """Read: fees of token0 per unit of liquidity since the start, times 2^128, modulo 2^256."""
    return Call(pool, _FEE_GROWTH_0.encode(), lambda data: _FEE_GROWTH_0.decode(data)[0])


def fee_growth_global1(pool: str) -> Call[int]:
    """Read: as `fee_growth_global0`, for token1."""
    return Call(pool, _FEE_GROWTH_1.encode(), lambda data: _FEE_GROWTH_1.decode(data)[0])


def token0(pool: str) -> Call[str]:
    """Read: address of token0."""
    return Call(pool, _TOKEN_0.encode(), lambda data: _TOKEN_0.decode(data)[0])


def token1(pool: str) -> Call[str]:
    """Read: address of token1."""
    return Call(pool, _TOKEN_1.encode(), lambda data: _TOKEN_1.decode(data)[0])


def fee(pool: str) -> Call[int]:
    """Read: fee in parts per million of a swap's input."""
    return Call(pool, _FEE.encode(), lambda data: _FEE.decode(data)[0])


def tick_spacing(pool: str) -> Call[int]:
    """Read: every range's ticks must be multiples of it."""
    return Call(pool, _TICK_SPACING.encode(), lambda data: _TICK_SPACING.decode(data)[0])


def observe_mean_tick(pool: str, window_s: int) -> Call[float]:
    """Read: time-weighted mean tick of the last `window_s` seconds; reverts with "OLD" if the pool's oracle keeps too
    few observations for that.
    """

    def decode(data: bytes) -> float:
        then, now = _OBSERVE.decode(data)[0]
        return float((now - then) / window_s)

    return Call(pool, _OBSERVE.encode([window_s, 0]), decode)
