"""What happened to pools. LP tokens are decimal text, money is in 1e-8 of the pool's quote asset."""

from common.exchange.events import Event
from common.exchange.pools.records import Ladder


class PoolCreated(Event, frozen=True, kw_only=True):
    """A pool is open."""

    pool: str
    owner: str
    symbol: str
    base: str
    asset: str
    ladder: Ladder


class PoolConfigured(Event, frozen=True, kw_only=True):
    """A pool has these terms from now on."""

    pool: str
    ladder: Ladder
    fee_share_bps: int


class PoolDeposited(Event, frozen=True, kw_only=True):
    """Somebody paid in and got tokens. `nav_units` and `supply` are what they were before."""

    pool: str
    account: str
    units: int
    shares: str
    nav_units: int
    supply: str


class PoolWithdrawn(Event, frozen=True, kw_only=True):
    """Tokens ended for cash and goods. `nav_units` and `supply` are what they were before.

    `value_units` counts the goods at the mark.
    """

    pool: str
    account: str
    units: int
    base_units: int
    value_units: int
    shares: str
    nav_units: int
    supply: str


class PoolFeesAdded(Event, frozen=True, kw_only=True):
    """Units are on their way to the holders; `account` paid them, the fee account for trades with the pool's orders."""

    pool: str
    account: str
    units: int


class PoolFeesHeld(Event, frozen=True, kw_only=True):
    """There is no holder: the treasury keeps units until there is one."""

    pool: str
    units: int
    held_units: int


class PoolPaused(Event, frozen=True, kw_only=True):
    """No deposits, no quotes."""

    pool: str


class PoolResumed(Event, frozen=True, kw_only=True):
    """A pool does everything again."""

    pool: str


class PoolClosing(Event, frozen=True, kw_only=True):
    """A pool sells its position and is then closed."""

    pool: str


class PoolClosed(Event, frozen=True, kw_only=True):
    """Everybody got a part; what rounding left, and fees that were on their way, went to the treasury."""

    pool: str
    dust_units: int
