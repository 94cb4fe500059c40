"""What moved an account's futures wallet, as income lists it."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from common.exchange.events import Event, TradeExecuted
from common.exchange.fills import fills_of
from common.exchange.margin.events import (
    CollateralMoved,
    DeficitCovered,
    FundingPaid,
    MarginTakenOver,
    PositionDeleveraged,
)
from common.exchange.money import units_text
from services.paper_exchange.usdm_wire import ContractWire
from services.paper_exchange.wire import NS_PER_MS, Json

ROWS_KEPT = 10_000
REALIZED_PNL, COMMISSION, TRANSFER = "REALIZED_PNL", "COMMISSION", "TRANSFER"
FUNDING_FEE, INSURANCE_CLEAR = "FUNDING_FEE", "INSURANCE_CLEAR"
DELEVERAGED = "adl_autoclose"
KINDS_PER_TRADE = 4
"""A trade of an account with itself has two profits and two commissions, each a row with a number of its own."""


class IncomeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a wallet. `number` tells rows apart; `symbol` is empty for what concerns no market."""

    number: str
    time_ns: int
    kind: str
    symbol: str
    asset: str
    units: int
    info: str
    trade_id: str = ""


class Income:
    """Rows of one account. What trades brought is read out of the ledger; the rest is of this life of the venue."""

    def __init__(self, account: str, wires: Mapping[str, ContractWire]) -> None:
        self._account, self._wires = account, wires
        self._rows: deque[IncomeRow] = deque(maxlen=ROWS_KEPT)
        self._numbers = 0

    def absorb(self, events: list[Event]) -> None:
        """Note what else than trades moved the wallet."""
        for event in events:
            if isinstance(event, PositionDeleveraged):
                if event.counterparty == self._account:
                    self._note(event, REALIZED_PNL, event.symbol, event.realised_units, DELEVERAGED)
            elif getattr(event, "account", "") != self._account:
                continue
            elif isinstance(event, CollateralMoved):
                self._note(event, TRANSFER, "", event.units, TRANSFER, event.asset)
            elif isinstance(event, FundingPaid):
                self._note(event, FUNDING_FEE, event.symbol, -event.units, FUNDING_FEE)
            elif isinstance(event, DeficitCovered):
                self._note(event, INSURANCE_CLEAR, "", event.units, INSURANCE_CLEAR, event.asset)
            elif isinstance(event, MarginTakenOver):
                self._note(event, INSURANCE_CLEAR, "", -event.units, INSURANCE_CLEAR, event.asset)

    def rows(self, trades: Iterable[TradeExecuted], since_ns: int, until_ns: int) -> Iterator[IncomeRow]:
        """All rows of a period, newest first. `trades` are the ledger's, newest first."""
        others = [row for row in reversed(self._rows) if since_ns <= row.time_ns < until_ns]
        for trade in trades:
            if trade.time_ns < since_ns:
                break
            while others and others[0].time_ns >= trade.time_ns:
                yield others.pop(0)
            if trade.symbol in self._wires and trade.time_ns < until_ns:
                yield from self._of_trade(trade, self._wires[trade.symbol].scale.quote)
        yield from others

    def show(self, row: IncomeRow) -> Json:
        """A row as income lists it."""
        return {
            "symbol": self._wires[row.symbol].name if row.symbol else "",
            "incomeType": row.kind,
            "income": units_text(row.units),
            "asset": row.asset,
            "info": row.info,
            "time": row.time_ns // NS_PER_MS,
            "tranId": row.number,
            "tradeId": row.trade_id,
        }

    def _note(self, event: Event, kind: str, symbol: str, units: int, info: str, asset: str = "") -> None:
        if symbol and symbol not in self._wires:
            return
        self._numbers += 1
        row = IncomeRow(
            number=f"{event.time_ns}{self._numbers % 1_000:03d}", time_ns=event.time_ns, kind=kind, symbol=symbol,
            asset=asset or self._wires[symbol].scale.quote, units=units, info=info,
        )  # fmt: skip
        self._rows.append(row)

    def _of_trade(self, trade: TradeExecuted, asset: str) -> Iterator[IncomeRow]:
        number = trade.trade_id * KINDS_PER_TRADE
        for fill in fills_of(trade):
            for kind, units in ((REALIZED_PNL, fill.realised_units), (COMMISSION, -fill.fee_units)):
                number += 1
                if units and fill.account == self._account:
                    yield IncomeRow(
                        number=str(number), time_ns=trade.time_ns, kind=kind, symbol=trade.symbol, asset=asset,
                        units=units, info=str(trade.trade_id), trade_id=str(trade.trade_id),
                    )  # fmt: skip
