"""What owners do with their collateral, leverage and positions, and what the operator says of prices and insurance."""

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


class SplitPosition(Command, frozen=True, kw_only=True):
    """Split `lots` (positive) off a position: a part of its own, with a number, that orders do not reach.

    The part has floor(cost x lots / lots of the position) of the cost, the rest keeps the remainder.
    """

    account: str
    symbol: str
    lots: int


class MergePosition(Command, frozen=True, kw_only=True):
    """Put a part back into the position. Where they point in opposite directions, they close each other."""

    account: str
    symbol: str
    part: str


class TransferPosition(Command, frozen=True, kw_only=True):
    """Give a part, or without one some lots (positive) of the position itself, to another account of the trade group.

    Lots and cost move, of an isolated position also its share of the collateral. Both accounts must have their initial
    margin afterwards, and the position must be cross for both or isolated for both.
    """

    account: str
    symbol: str
    receiver: str
    lots: int = 0
    part: str = ""


class SetOracle(Command, frozen=True, kw_only=True):
    """What a perpetual's underlying is worth elsewhere. The mark follows at once; `SetMark` overrides it until then."""

    symbol: str
    price_ticks: int


class FundInsurance(Command, frozen=True, kw_only=True):
    """The operator pays `units` (1e-8 of the asset) of new money into the insurance: a deposit like any other."""

    asset: str
    units: int
