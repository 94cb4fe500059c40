"""The pools that the LP may provide to, checked against the chain once, behind the adapter of their venue."""

from typing import NamedTuple

from common.chain.addresses import checksum
from common.chain.clmm import ClmmAdapter
from common.chain.node import Node
from common.chain.uniswap_v3 import UniswapV3, UniswapV3Contracts, find_pools
from common.model.errors import ConfigInvalid
from common.runtime.fleet import ChainAccess
from services.defi_lp.config import DefiLpConfig


class Venue(NamedTuple):
    """The adapter, and the configured pool's id: home while no range stands anywhere."""

    adapter: ClmmAdapter
    home: str

    @property
    def tokens(self) -> tuple[str, str]:
        """(base, quote) addresses; all pools order them alike."""
        token0, token1 = self.adapter.tokens
        return (token0, token1) if self.adapter.pools[self.home].base_is_token0 else (token1, token0)


async def find_venue(node: Node, chain: ChainAccess, config: DefiLpConfig) -> Venue | None:
    """The configured pool and its siblings, or None while it is not there or has no price yet.

    Raises ConfigInvalid if the configured pool is not the factory's for this pair and fee.
    """
    named = chain.contracts
    at = UniswapV3Contracts(
        factory=checksum(named.factory), manager=checksum(named.position_manager), router=checksum(named.router),
        base=checksum(named.base_token), quote=checksum(named.quote_token),
    )  # fmt: skip
    home = checksum(named.pool)
    if not (await node.code(at.factory) and await node.code(home)):
        return None
    tiers = dict.fromkeys((chain.fee_ppm, *config.fee_tiers_ppm))
    pools = await find_pools(node, at, list(tiers))
    own = next((address for address, pair in pools.items() if pair.fee_ppm == chain.fee_ppm), None)
    if own is None:
        return None
    if own != home:
        rule = f"the factory's pool of {at.base} and {at.quote} at {chain.fee_ppm} ppm: {own}"
        raise ConfigInvalid("pool", "fleet.toml: chain.contracts.pool", rule, home)
    return Venue(UniswapV3(at, pools, config.twap_window_s), home)
