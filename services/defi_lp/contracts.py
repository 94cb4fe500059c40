"""The pool that the LP provides to, checked against the chain once."""

import msgspec

from common.amm.pair import Pair
from common.chain import erc20, pool
from common.chain.addresses import checksum
from common.chain.node import Node
from common.model.errors import ConfigInvalid
from common.runtime.fleet import ChainAccess


class PoolContracts(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses with their checksum, and what the pool says of itself."""

    pool: str
    manager: str
    base: str
    quote: str
    pair: Pair

    @property
    def tokens(self) -> tuple[str, str]:
        """(token0, token1)."""
        return (self.base, self.quote) if self.pair.base_is_token0 else (self.quote, self.base)


async def find_pool(node: Node, chain: ChainAccess) -> PoolContracts | None:
    """The configured pool, or None while it is not there or has no price yet. Raises ConfigInvalid if it is another."""
    at = chain.contracts
    pool_address, base, quote = checksum(at.pool), checksum(at.base_token), checksum(at.quote_token)
    if not await node.code(pool_address):
        return None
    token0, token1, fee, spacing, slot0, base_decimals, quote_decimals = await node.read_many(
        [
            pool.token0(pool_address), pool.token1(pool_address), pool.fee(pool_address),
            pool.tick_spacing(pool_address), pool.slot0(pool_address), erc20.decimals(base), erc20.decimals(quote),
        ]
    )  # fmt: skip
    if {token0, token1} != {base, quote}:
        raise ConfigInvalid("pool", "fleet.toml: chain.contracts", f"the pool of {base} and {quote}", (token0, token1))
    if fee != chain.fee_ppm:
        raise ConfigInvalid("pool", "fleet.toml: chain.fee_ppm", f"the pool's {fee}", chain.fee_ppm)
    if not slot0.sqrt_price_x96:
        return None
    pair = Pair(
        base_is_token0=token0 == base, base_decimals=base_decimals, quote_decimals=quote_decimals,
        tick_spacing=spacing, fee_ppm=fee,
    )  # fmt: skip
    return PoolContracts(pool=pool_address, manager=checksum(at.position_manager), base=base, quote=quote, pair=pair)
