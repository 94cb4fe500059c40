"""The position server's neighbours on the real bus: an oms with fills, an LP, a venue account, a book, an observer."""

import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

from common.bus import Bus
from common.messages import (
    AccountReported,
    BookImage,
    ExecutionsListed,
    FillsListed,
    Header,
    ListFills,
    LpInventoryChanged,
    Message,
    NetExposureChanged,
    OrderFilled,
    PositionChanged,
    ProfitReported,
    QueryAccount,
    QueryExecutions,
    VenueFill,
)
from common.model.order import Side
from common.runtime import Fleet, load_fleet
from tests.conftest import PROJECT
from tests.integration.oms.peers import BOOKS, HANDLER, SYMBOL, VENUE, Peer

LOT = Decimal("0.0001")


class OmsPeer(Peer):
    """An oms that has nothing but fills."""

    def __init__(self, fleet: Fleet, fills: list[OrderFilled] | None = None) -> None:
        self.fills = fills or []
        super().__init__(fleet, "oms")

    def fill(
        self, side: Side, lots: int, price_ticks: int = 250_000, tell: bool = True, **other: object
    ) -> OrderFilled:
        """One more fill; untold ones must be listed to be seen."""
        values: dict[str, object] = {
            "fill_sequence": len(self.fills) + 1, "client_order_id": "cw-mm-1-1", "strategy": "market_maker",
            "venue": VENUE, "symbol": SYMBOL, "trade_id": len(self.fills) + 1, "side": side,
            "price_ticks": price_ticks, "quantity_lots": lots, "maker": True, "fee": "0", "fee_asset": "USDT",
            "event_time_ns": time.time_ns(),
        }  # fmt: skip
        self.fills.append(OrderFilled(**(values | other)))  # type: ignore[arg-type]
        if tell:
            self.tell(self.fills[-1])
        return self.fills[-1]

    def tell(self, fill: OrderFilled) -> None:
        """Publish."""
        self.bus.publish(f"fill.{fill.venue}.{fill.symbol}", fill)

    def answer(self, request: Message, header: Header) -> Message:
        """Fills by page of at most three, so that paging is walked."""
        if isinstance(request, ListFills):
            fills = [fill for fill in self.fills if fill.fill_sequence > request.after_sequence]
            return FillsListed(fills=fills[:3], last_sequence=len(self.fills))
        return super().answer(request, header)  # type: ignore[return-value]


class AccountPeer(Peer):
    """A venue whose trades are the oms's fills and whose base balance began at 100."""

    def __init__(self, fleet: Fleet, oms: OmsPeer) -> None:
        self.oms, self.missing_lots, self.balance_shift = oms, 0, Decimal(0)
        super().__init__(fleet, HANDLER)

    def answer(self, request: Message, header: Header) -> Message:
        """Account and trades."""
        match request:
            case QueryAccount():
                lots = sum(fill.side.sign * fill.quantity_lots for fill in self.oms.fills)
                base_fees = sum((Decimal(f.fee) for f in self.oms.fills if f.fee_asset == "ETH"), Decimal(0))
                balance = 100 + lots * LOT - base_fees + self.balance_shift
                return AccountReported(
                    venue=VENUE, balances={"ETH": str(balance), "USDT": "0"}, open_order_count=2, received_ns=1
                )
            case QueryExecutions(after_trade_id=after):
                fills = [
                    VenueFill(
                        trade_id=fill.trade_id, client_order_id=fill.client_order_id, venue_order_id="1",
                        side=fill.side, price_ticks=fill.price_ticks, quantity_lots=fill.quantity_lots, maker=True,
                        fee="0", fee_asset="USDT", event_time_ns=1,
                    )
                    for fill in self.oms.fills
                    if fill.trade_id > after
                ]  # fmt: skip
                return ExecutionsListed(
                    venue=VENUE, symbol=SYMBOL, open_orders=[], fills=fills[:2], complete=len(fills) <= 2
                )
            case _:
                return super().answer(request, header)  # type: ignore[return-value]


class LpPeer(Peer):
    """An LP leg whose inventory the test sets."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet, "defi_lp")

    def tell(self, residual: float, **other: object) -> None:
        """Publish an inventory and keep it as the fact."""
        values: dict[str, object] = {
            "chain": "paper", "pool": "ETH-USDC-500", "block_number": 1, "block_hash": "0x1", "block_time_ns": 1,
            "received_ns": time.time_ns(), "price": 2500.0, "tick": 0, "ranges": [], "idle_base": "0",
            "idle_quote": "0", "base_total": 100.0 + residual, "quote_total": 250_000.0 - 2500.0 * residual,
            "fees_base": 0.0, "fees_quote": 0.0, "price_lower": 2400.0, "price_upper": 2600.0,
            "delta": 100.0 + residual, "gamma": -1.0, "reference": 100.0, "residual": residual, "delta_change": 0.0,
            "value_quote": 500_000.0, "provisional": False, "rebalances": 0, "fees_collected_base": 0.0,
            "fees_collected_quote": 0.0, "gas_spent_native": 0.0, "state": "in_range",
        }  # fmt: skip
        inventory = LpInventoryChanged(**(values | other))  # type: ignore[arg-type]
        self.facts = [inventory]
        self.bus.publish("lp.paper.ETH-USDC-500", inventory)


class BookPeer(Peer):
    """A book that the test moves."""

    def tell(self, mid_ticks: int) -> None:
        """Publish a book of one tick on each side of a middle."""
        now_ns = time.time_ns()
        self.bus.publish(
            f"book.{VENUE}.{SYMBOL}",
            BookImage(
                venue=VENUE, symbol=SYMBOL, update_id=1, event_time_ns=now_ns, received_ns=now_ns,
                bids=[(mid_ticks - 1, 1)], asks=[(mid_ticks + 1, 1)],
            ),
        )  # fmt: skip


class Observer:
    """Follows the position server; holds the newest of each message."""

    def __init__(self, fleet: Fleet) -> None:
        self.bus = Bus("market_maker", time.time_ns(), fleet.endpoints(), time.time_ns)
        self.position: PositionChanged | None = None
        self.exposure: NetExposureChanged | None = None
        self.profit: ProfitReported | None = None
        self.snapshots = 0
        self.bus.follow("position_server", ["position.", "exposure.", "profit."], self._take, self._take_all)

    @property
    def lots(self) -> int | None:
        return self.position.quantity_lots if self.position else None

    def _take_all(self, facts: list[Message]) -> None:
        self.snapshots += 1
        for fact in facts:
            self._take(fact, None)

    def _take(self, message: Message, _header: Header | None) -> None:
        match message:
            case PositionChanged():
                self.position = message
            case NetExposureChanged():
                self.exposure = message
            case ProfitReported():
                self.profit = message


class World:
    """A test's fleet: everybody but the position server is in this loop."""

    def __init__(self, configs: Path) -> None:
        self.configs, self.fleet = configs, load_fleet(configs)
        self.oms, self.lp = OmsPeer(self.fleet), LpPeer(self.fleet)
        self.books = BookPeer(self.fleet, BOOKS)
        self.account = AccountPeer(self.fleet, self.oms)
        self.observer = Observer(self.fleet)
        self.start()

    def start(self) -> None:
        """The real process."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.position_server", str(self.configs)], cwd=PROJECT
        )

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    async def close(self) -> None:
        """End everything; fails if the position server had crashed."""
        try:
            assert self.process.poll() is None, f"the position server ended with {self.process.returncode}"
            self.process.terminate()
            assert self.process.wait(10) == 0
        finally:
            self.process.kill()
            self.process.wait()
            for peer in (self.oms, self.lp, self.books, self.account):
                await peer.close()
            self.observer.bus.close()
