"""What the position server writes into its journal, and the image of its state in a snapshot."""

from decimal import Decimal

import msgspec

from common.accounting.attribution import HedgeProfit
from common.accounting.lp_performance import LpPerformance, LpWealth
from common.accounting.positions import Position
from common.accounting.statistics import TimeWeighted
from common.messages import OrderFilled


class FillEntered(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One fill of the oms, with the middle at its trade (quote units) by which its profit is attributed."""

    fill: OrderFilled
    mid: float


class RunStarted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Profit and statistics begin anew; positions go on."""

    run_id: str
    at_ns: int


class LpOpened(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the LP owned when the run first saw it, and the price it was valued at."""

    wealth: LpWealth
    price: float


class AccountOpened(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Balance of one asset at a venue less our position in it, when the two were first compared."""

    venue: str
    asset: str
    amount: Decimal


Record = FillEntered | RunStarted | LpOpened | AccountOpened


class VenueTrades(msgspec.Struct, frozen=True, kw_only=True):
    """Our own sum of a venue's trades, apart from the oms's: net lots of all trades up to an id."""

    last_trade_id: int = -1
    lots: int = 0


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that begins anew with a run. `account` begins with `lp`; after a restart it is its snapshot's."""

    run_id: str = ""
    started_ns: int = 0
    lp: LpOpened | None = None
    net_delta: TimeWeighted = TimeWeighted()
    unhedged_delta: TimeWeighted = TimeWeighted()
    account: LpPerformance | None = None


class MarketImage(msgspec.Struct, frozen=True, kw_only=True):
    """One market: the position, the run's profit on it, and the position's fees and turnover when the run began."""

    venue: str
    symbol: str
    position: Position = Position()
    profit: HedgeProfit = HedgeProfit()
    fees_start: Decimal = Decimal(0)
    turnover_start: Decimal = Decimal(0)
    venue_trades: VenueTrades = VenueTrades()


class LedgerImage(msgspec.Struct, frozen=True, kw_only=True):
    """The whole state as of one journal entry; the mark of each profit may be NaN, which msgpack carries."""

    fill_sequence: int
    markets: list[MarketImage]
    run: RunState
    openings: list[AccountOpened]
