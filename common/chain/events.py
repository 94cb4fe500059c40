"""What the contracts tell: topics, and logs as values.

`decode_log(log)` gives one of the classes below, or None for an event that is not of interest.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from eth_utils.crypto import keccak

from common.chain.abi import decode_word, decode_words
from common.chain.blocks import Log


class PoolSwapped(msgspec.Struct, frozen=True):
    """Pool `Swap`. Amounts from the pool's view: positive came in, negative went out."""

    sender: str
    recipient: str
    amount0: int
    amount1: int
    sqrt_price_x96: int
    liquidity: int
    tick: int


class PoolMinted(msgspec.Struct, frozen=True):
    """Pool `Mint`."""

    owner: str
    tick_lower: int
    tick_upper: int
    sender: str
    liquidity: int
    amount0: int
    amount1: int


class PoolBurned(msgspec.Struct, frozen=True):
    """Pool `Burn`."""

    owner: str
    tick_lower: int
    tick_upper: int
    liquidity: int
    amount0: int
    amount1: int


class PoolCollected(msgspec.Struct, frozen=True):
    """Pool `Collect`."""

    owner: str
    tick_lower: int
    tick_upper: int
    recipient: str
    amount0: int
    amount1: int


class LiquidityIncreased(msgspec.Struct, frozen=True):
    """Position manager `IncreaseLiquidity`, also of a mint."""

    token_id: int
    liquidity: int
    amount0: int
    amount1: int


class LiquidityDecreased(msgspec.Struct, frozen=True):
    """Position manager `DecreaseLiquidity`: principal now owed."""

    token_id: int
    liquidity: int
    amount0: int
    amount1: int


class PositionCollected(msgspec.Struct, frozen=True):
    """Position manager `Collect`: principal and fees together."""

    token_id: int
    recipient: str
    amount0: int
    amount1: int


class TokenTransferred(msgspec.Struct, frozen=True):
    """ERC-20 `Transfer`."""

    sender: str
    recipient: str
    amount: int


class NftTransferred(msgspec.Struct, frozen=True):
    """ERC-721 `Transfer`: same topic as ERC-20's, but the id is indexed."""

    sender: str
    recipient: str
    token_id: int


Event = (
    PoolSwapped
    | PoolMinted
    | PoolBurned
    | PoolCollected
    | LiquidityIncreased
    | LiquidityDecreased
    | PositionCollected
    | TokenTransferred
    | NftTransferred
)


class _Shape:
    """How one event lies in topics and data. Indexed fields come first in the class, as they do in every log."""

    def __init__(self, signature: str, indexed: list[str], data: list[str], make: Callable[..., Event]) -> None:
        self.topic = keccak(signature.encode())
        self.indexed, self.data, self.make = indexed, data, make

    def decode(self, log: Log) -> Event:
        keys = [decode_word(kind, topic) for kind, topic in zip(self.indexed, log.topics[1:], strict=True)]
        return self.make(*keys, *decode_words(self.data, log.data, "log"))


def _swap(sender: str, recipient: str, *rest: int) -> PoolSwapped:
    return PoolSwapped(sender, recipient, *rest)


def _pool_collect(owner: str, lower: int, upper: int, recipient: str, amount0: int, amount1: int) -> PoolCollected:
    return PoolCollected(owner, lower, upper, recipient, amount0, amount1)


SWAP = _Shape(
    "Swap(address,address,int256,int256,uint160,uint128,int24)",
    ["address", "address"], ["int256", "int256", "uint160", "uint128", "int24"], _swap,
)  # fmt: skip
MINT = _Shape(
    "Mint(address,address,int24,int24,uint128,uint256,uint256)",
    ["address", "int24", "int24"], ["address", "uint128", "uint256", "uint256"], PoolMinted,
)  # fmt: skip
BURN = _Shape(
    "Burn(address,int24,int24,uint128,uint256,uint256)",
    ["address", "int24", "int24"], ["uint128", "uint256", "uint256"], PoolBurned,
)  # fmt: skip
POOL_COLLECT = _Shape(
    "Collect(address,address,int24,int24,uint128,uint128)",
    ["address", "int24", "int24"], ["address", "uint128", "uint128"], _pool_collect,
)  # fmt: skip
INCREASE_LIQUIDITY = _Shape(
    "IncreaseLiquidity(uint256,uint128,uint256,uint256)",
    ["uint256"], ["uint128", "uint256", "uint256"], LiquidityIncreased,
)  # fmt: skip
DECREASE_LIQUIDITY = _Shape(
    "DecreaseLiquidity(uint256,uint128,uint256,uint256)",
    ["uint256"], ["uint128", "uint256", "uint256"], LiquidityDecreased,
)  # fmt: skip
POSITION_COLLECT = _Shape(
    "Collect(uint256,address,uint256,uint256)",
    ["uint256"], ["address", "uint256", "uint256"], PositionCollected,
)  # fmt: skip
TRANSFER = _Shape("Transfer(address,address,uint256)", ["address", "address"], ["uint256"], TokenTransferred)
NFT_TRANSFER = _Shape("Transfer(address,address,uint256)", ["address", "address", "uint256"], [], NftTransferred)

_SHAPES = {
    (shape.topic, 1 + len(shape.indexed)): shape
    for shape in (
        SWAP, MINT, BURN, POOL_COLLECT, INCREASE_LIQUIDITY, DECREASE_LIQUIDITY, POSITION_COLLECT, TRANSFER,
        NFT_TRANSFER,
    )
}  # fmt: skip


def decode_log(log: Log) -> Event | None:
    """The event of a log, or None if it is none of the above; raises InputInvalid if its data is cut."""
    if not log.topics:
        return None
    shape = _SHAPES.get((log.topics[0], len(log.topics)))
    return shape.decode(log) if shape else None


def find_events(logs: tuple[Log, ...] | list[Log], kind: type[Any], address: str) -> list[Any]:
    """All events of one class that one contract emitted, in their order."""
    decoded = (decode_log(log) for log in logs if log.address == address)
    return [event for event in decoded if isinstance(event, kind)]
