"""The NonfungiblePositionManager: ranges as NFTs. Every function serves both simulation and transaction.

`node.read(mint(...), sender=wallet.address)` says what a mint would give; `writer.submit(key, mint(...))` does it.
An unaligned tick reverts with empty data: align and validate before calling.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from common.chain.abi import Call, Function

AMOUNT_MAX = 2**128 - 1

_CREATE_POOL = Function("createAndInitializePoolIfNecessary(address,address,uint24,uint160)", "(address)")
_MINT = Function(
    "mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))",
    "(uint256,uint128,uint256,uint256)",
)
_INCREASE = Function(
    "increaseLiquidity((uint256,uint256,uint256,uint256,uint256,uint256))", "(uint128,uint256,uint256)"
)
_DECREASE = Function("decreaseLiquidity((uint256,uint128,uint256,uint256,uint256))", "(uint256,uint256)")
_COLLECT = Function("collect((uint256,address,uint128,uint128))", "(uint256,uint256)")
_BURN = Function("burn(uint256)")
_MULTICALL = Function("multicall(bytes[])", "(bytes[])")
_POSITIONS = Function(
    "positions(uint256)",
    "(uint96,address,address,address,uint24,int24,int24,uint128,uint256,uint256,uint128,uint128)",
)
_OWNER_OF = Function("ownerOf(uint256)", "(address)")
_BALANCE_OF = Function("balanceOf(address)", "(uint256)")
_TOKEN_OF_OWNER = Function("tokenOfOwnerByIndex(address,uint256)", "(uint256)")


class MintParams(msgspec.Struct, frozen=True, kw_only=True):
    """A new range. Amounts in raw units; `deadline_s` on the chain's clock (use the head's timestamp, not ours)."""

    token0: str
    token1: str
    fee_ppm: int
    tick_lower: int
    tick_upper: int
    amount0_desired: int
    amount1_desired: int
    amount0_min: int
    amount1_min: int
    recipient: str
    deadline_s: int


class Minted(msgspec.Struct, frozen=True):
    """What a mint gives. The token id of a simulation is a guess: bind it from the canonical receipt."""

    token_id: int
    liquidity: int
    amount0: int
    amount1: int


class Position(msgspec.Struct, frozen=True):
    """One NFT as stored. `tokens_owed*` do not move until the position is touched: simulate `collect` for fees."""

    nonce: int
    operator: str
    token0: str
    token1: str
    fee_ppm: int
    tick_lower: int
    tick_upper: int
    liquidity: int
    fee_growth_inside0_last_x128: int
    fee_growth_inside1_last_x128: int
    tokens_owed0: int
    tokens_owed1: int


def create_pool(manager: str, token0: str, token1: str, fee_ppm: int, sqrt_price_x96: int) -> Call[str]:
    """Write: make and initialize the pool unless it exists; tokens in the pool's order."""
    data = _CREATE_POOL.encode(token0, token1, fee_ppm, sqrt_price_x96)
    return Call(manager, data, lambda result: _CREATE_POOL.decode(result)[0])


def mint(manager: str, params: MintParams) -> Call[Minted]:
    """Write: open a range."""
    return Call(manager, _MINT.encode(msgspec.structs.astuple(params)), lambda data: Minted(*_MINT.decode(data)))


def increase(
    manager: str, token_id: int, amount0: int, amount1: int, amount0_min: int, amount1_min: int, deadline_s: int
) -> Call[tuple[int, int, int]]:
    """Write: add to a range. Returns (liquidity, amount0, amount1) really added."""
    data = _INCREASE.encode((token_id, amount0, amount1, amount0_min, amount1_min, deadline_s))
    return Call(manager, data, lambda result: _INCREASE.decode(result))


def decrease(
    manager: str, token_id: int, liquidity: int, amount0_min: int, amount1_min: int, deadline_s: int
) -> Call[tuple[int, int]]:
    """Write: take liquidity out; the amounts are then owed, and `collect` pays them."""
    data = _DECREASE.encode((token_id, liquidity, amount0_min, amount1_min, deadline_s))
    return Call(manager, data, lambda result: _DECREASE.decode(result))


def collect(
    manager: str, token_id: int, recipient: str, amount0_max: int = AMOUNT_MAX, amount1_max: int = AMOUNT_MAX
) -> Call[tuple[int, int]]:
    """Write: pay out what is owed. Simulated with the owner as sender it is the exact read of fees owed now."""
    data = _COLLECT.encode((token_id, recipient, amount0_max, amount1_max))
    return Call(manager, data, lambda result: _COLLECT.decode(result))


def burn(manager: str, token_id: int) -> Call[None]:
    """Write: destroy an empty NFT (no liquidity, nothing owed)."""
    return Call(manager, _BURN.encode(token_id), lambda _data: None)


def multicall(manager: str, calls: Sequence[Call[Any]]) -> Call[list[Any]]:
    """Write: several of the above in one transaction, all or none. Returns each one's own result."""
    data = _MULTICALL.encode([call.data for call in calls])

    def decode(result: bytes) -> list[Any]:
        parts = _MULTICALL.decode(result)[0]
        return [call.decode(part) for call, part in zip(calls, parts, strict=True)]

    return Call(manager, data, decode)


def positions(manager: str, token_id: int) -> Call[Position]:
    """Read: one NFT; reverts with "Invalid token ID" once it is burned."""
    return Call(manager, _POSITIONS.encode(token_id), lambda data: Position(*_POSITIONS.decode(data)))


def owner_of(manager: str, token_id: int) -> Call[str]:
    """Read: who owns an NFT."""
    return Call(manager, _OWNER_OF.encode(token_id), lambda data: _OWNER_OF.decode(data)[0])


def balance_of(manager: str, owner: str) -> Call[int]:
    """Read: how many NFTs somebody owns."""
    return Call(manager, _BALANCE_OF.encode(owner), lambda data: _BALANCE_OF.decode(data)[0])


def token_of_owner(manager: str, owner: str, index: int) -> Call[int]:
    """Read: the token id of somebody's `index`-th NFT, from 0."""
    return Call(manager, _TOKEN_OF_OWNER.encode(owner, index), lambda data: _TOKEN_OF_OWNER.decode(data)[0])
