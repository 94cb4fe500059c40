"""What a liquidity pool is: its terms, who holds which LP tokens, and fees that are on their way to them."""

from enum import StrEnum

import msgspec

POOL_PREFIX = "pool/"
POOLS_MAX = 10_000
POOLS_OF_OWNER_MAX = 20
"""That are not closed."""

LEVELS_MAX = 20
HOLDERS_MAX = 10_000


class PoolStatus(StrEnum):
    """What a pool does.

    OPEN     everything
    PAUSED   no deposits, no quotes; holders leave as always
    CLOSING  as paused; it is closed as soon as its last holder has left
    CLOSED   nothing, for ever
    """

    OPEN = "open"
    PAUSED = "paused"
    CLOSING = "closing"
    CLOSED = "closed"


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """How a pool quotes: `levels` bids and as many asks, `lots` each, one spacing apart. 0 levels = not at all.

    spacing_bps         of the mark, rounded up to whole ticks
    skew_bps            how far the middle moves away from a full inventory, at most the spacing, so that neither side
                        of the ladder ever crosses the mark
    inventory_lots_max  bids stop where all of them filled would make more; with a perpetual, asks too on the short side
    """

    levels: int = 0
    spacing_bps: int = 0
    lots: int = 0
    skew_bps: int = 0
    inventory_lots_max: int = 0


class Stream(msgspec.Struct, kw_only=True):
    """Units that reach the holders linearly from `start_ns` to `end_ns`. It takes more in for a while after opening."""

    opened_ns: int
    start_ns: int
    end_ns: int
    units: int


class Basket(msgspec.Struct, kw_only=True):
    """What tokens stood for when they were bought: base units (a perpetual's position too) and quote units."""

    base_units: int = 0
    quote_units: int = 0


class Holder(msgspec.Struct, kw_only=True):
    """LP tokens of one account.

    net_deposits     units of the quote asset paid in minus what was paid out, in kind at the mark of that time
    fee_units        fees (in quote) that its tokens have earned up to `fee_mark` of the pool's `fees_per_share`
    """

    shares: int = 0
    net_deposits: int = 0
    basket: Basket = msgspec.field(default_factory=Basket)
    fee_units: int = 0
    fee_mark: int = 0


class Pool(msgspec.Struct, kw_only=True):
    """One pool, which makes one market. Its money is that of the account `POOL_PREFIX + name`.

    fee_share_bps   of the venue's fees on trades with its orders that go to its holders
    fee_share_bps   of the venue's fees in its quote asset, on trades with its orders, that go to its holders
    streams         fees that are in its account but not yet its holders'; `streamed` is the sum of all that ever were
    held_units      fees that the treasury keeps for it because there was no holder
    earned_fees     units that had reached holders when the supply last changed; `fees_per_share` is their sum per
                    token, scaled
    quoted_mark     the mark of its present quotes, 0 = it has none; `last_quote` counts them
    lacks_cash      more cash would let it quote more
    """

    name: str
    owner: str
    symbol: str
    base: str
    asset: str
    ladder: Ladder
    fee_share_bps: int
    created_ns: int
    status: PoolStatus = PoolStatus.OPEN
    supply: int = 0
    holders: dict[str, Holder] = {}
    basket: Basket = msgspec.field(default_factory=Basket)
    streams: list[Stream] = []
    streamed: int = 0
    held_units: int = 0
    earned_fees: int = 0
    fees_per_share: int = 0
    quoted_mark: int = 0
    last_quote: int = 0
    lacks_cash: bool = False

    @property
    def account(self) -> str:
        """The account that holds its money and gives its orders."""
        return POOL_PREFIX + self.name
