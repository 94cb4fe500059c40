"""What happened to collateral and positions, and every stage of a liquidation. Money in 1e-8 of the collateral."""

from enum import StrEnum

from common.exchange.events import Event


class LiquidationOutcome(StrEnum):
    """How a liquidation ended: the margin is there again, or nothing is left of the positions."""

    RECOVERED = "recovered"
    CLOSED = "closed"


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


class OracleChanged(Event, frozen=True, kw_only=True):
    """A perpetual has another oracle price."""

    symbol: str
    price_ticks: int


class FundingSettled(Event, frozen=True, kw_only=True):
    """An hour's funding was paid in a market, long to short at a positive rate.

    hour_ns      the full UTC hour for which it was due
    premium      mean of the hour's samples, `rate` the rate of eight hours that follows from it; both at 1e-9
    oracle_ticks the price at which positions were valued
    dust_units   what rounding left over, for the treasury
    """

    symbol: str
    hour_ns: int
    premium: int
    rate: int
    oracle_ticks: int
    dust_units: int


class FundingPaid(Event, frozen=True, kw_only=True):
    """An account paid funding for the hour that was settled, negative = received."""

    account: str
    symbol: str
    units: int


class LiquidationStarted(Event, frozen=True, kw_only=True):
    """A margin account (without a symbol), or an isolated position, has less than its maintenance margin.

    Its open orders end, its parts are merged, and until LiquidationEnded nothing of the account can be withdrawn.
    """

    account: str
    asset: str
    symbol: str
    equity_units: int
    maintenance_units: int


class LiquidationOrdered(Event, frozen=True, kw_only=True):
    """A liquidation goes to the book, with an IOC order that follows; no price worse than `price_ticks`."""

    account: str
    symbol: str
    lots: int
    price_ticks: int


class PositionTakenOver(Event, frozen=True, kw_only=True):
    """The backstop took a position at its cost, lots negative = short."""

    account: str
    symbol: str
    backstop: str
    lots: int
    cost_units: int


class MarginTakenOver(Event, frozen=True, kw_only=True):
    """With its positions the backstop took what was left of the collateral behind them."""

    account: str
    asset: str
    backstop: str
    units: int


class DeficitCovered(Event, frozen=True, kw_only=True):
    """What an account owed beyond all that it had was paid by the insurance, or last by the outside world."""

    account: str
    asset: str
    payer: str
    units: int


class PositionDeleveraged(Event, frozen=True, kw_only=True):
    """A bankrupt account gave lots (negative = short) to a counterparty for `units` in all.

    The lots close as much of the counterparty's opposite position; the outside world takes what nobody else can.
    `account_realised_units` is what the bankrupt account realised by it, `realised_units` the counterparty.
    """

    account: str
    symbol: str
    counterparty: str
    lots: int
    units: int
    account_realised_units: int
    realised_units: int


class LiquidationEnded(Event, frozen=True, kw_only=True):
    """A margin account (without a symbol), or an isolated position, is no longer in liquidation."""

    account: str
    asset: str
    symbol: str
    outcome: LiquidationOutcome


class InsuranceFunded(Event, frozen=True, kw_only=True):
    """New money went into the insurance."""

    asset: str
    units: int


class PositionSplit(Event, frozen=True, kw_only=True):
    """A part (lots negative = short) was split off a position."""

    account: str
    symbol: str
    part: str
    lots: int
    cost_units: int


class PositionMerged(Event, frozen=True, kw_only=True):
    """A part went back into its position."""

    account: str
    symbol: str
    part: str
    realised_units: int


class PositionTransferred(Event, frozen=True, kw_only=True):
    """Lots (negative = short) with their cost, and of an isolated position collateral, went to another account."""

    account: str
    symbol: str
    receiver: str
    part: str
    lots: int
    cost_units: int
    collateral_units: int
    realised_units: int
