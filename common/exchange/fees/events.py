"""What happened to what an account pays."""

from common.exchange.events import Event


class FeeTierChanged(Event, frozen=True, kw_only=True):
    """An account's volume of 30 days reached another tier, by a trade or by a day that became too old.

    Rates at 1e-9, the rebate for its share of the maker volume included, hold from its next trade on. That rebate
    alone changes when a UTC day begins, which is not told.
    """

    account: str
    tier: int
    maker_rate: int
    taker_rate: int
