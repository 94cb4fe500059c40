"""What happened to collateral."""

from common.exchange.events import Event


class CollateralMoved(Event, frozen=True, kw_only=True):
    """`units` (1e-8 of the asset) went from the spot balance to the margin wallet; negative = back."""

    account: str
    asset: str
    units: int


class LeverageSet(Event, frozen=True, kw_only=True):
    """An account has another leverage in a market."""

    account: str
    symbol: str
    leverage: int


class MarginModeSet(Event, frozen=True, kw_only=True):
    """An account's position in a market is backed otherwise."""

    account: str
    symbol: str
    isolated: bool


class IsolatedMarginMoved(Event, frozen=True, kw_only=True):
    """`units` went from the wallet to an isolated position; negative = back."""

    account: str
    symbol: str
    units: int
