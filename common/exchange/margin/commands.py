"""What owners do with their collateral and their leverage."""

from common.exchange.commands import Command


class MoveCollateral(Command, frozen=True, kw_only=True):
    """Move `units` (1e-8 of the asset) from the spot balance to the margin wallet, or back with a negative number."""

    account: str
    asset: str
    units: int


class SetLeverage(Command, frozen=True, kw_only=True):
    """Choose the leverage of a market; what is open must keep its initial margin."""

    account: str
    symbol: str
    leverage: int


class SetMarginMode(Command, frozen=True, kw_only=True):
    """Back a market's position with collateral of its own, or with the wallet. Only without lots and open orders."""

    account: str
    symbol: str
    isolated: bool


class MoveIsolatedMargin(Command, frozen=True, kw_only=True):
    """Give an isolated position `units` of the wallet, or take them back with a negative number."""

    account: str
    symbol: str
    units: int
