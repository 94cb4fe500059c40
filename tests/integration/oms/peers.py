"""The oms's neighbours on the real bus, played by the test: an execution handler with faults, a book, a strategy.

The oms itself is the real process.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from common.bus import Bus
from common.messages import (
    AllOrdersCanceled,
    BookImage,
    CancelAllOrders,
    CancelOrder,
    ExecutionReported,
    ExecutionsListed,
    FillsListed,
    Header,
    HealthReported,
    ListFills,
    Message,
    OrderChanged,
    OrderFilled,
    QueryExecutions,
    QueryHealth,
    QueryOrder,
    QuerySnapshot,
    Rejected,
    SnapshotReported,
    SubmitOrder,
    VenueFill,
    encode,
)
from common.model.errors import OutcomeUnknown, PeerUnavailable
from common.model.order import OrderState, Side
from common.model.order_life import UNKNOWN_ORDER
from common.runtime import Fleet, load_fleet
from tests.conftest import PROJECT, until

BEAT_S = 0.2
# "expired": a slow machine may need longer to start the oms than a command lives.
NOT_READY_CODES = ("absent", "expired", "not_reconciled", "execution_unavailable", "book_missing", "book_stale")
VENUE, SYMBOL = "binance", "ETH-USDT"
HANDLER, BOOKS, MAKER = "execution_handler-binance", "quote_server-binance", "market_maker"

Answer = Callable[[SubmitOrder], Message | asyncio.Future[Message] | None]


class Peer:
    """One process of the fleet, living in the test's event loop."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        self.bus = Bus(name, time.time_ns(), fleet.endpoints(), time.time_ns)
        self.publisher = self.bus.bind()
        self.publisher.state = "running"
        self.facts: list[Message] = []
        self.bus.serve(self.answer)
        self._beating = asyncio.get_running_loop().create_task(self._beat())

    def answer(self, request: Message, _header: Header) -> Message | asyncio.Future[Message]:
        """Snapshots only; subclasses serve more."""
        assert isinstance(request, QuerySnapshot), request
        return SnapshotReported(
            process=self.bus.process,
            boot_ns=self.bus.boot_ns,
            last_sequences=self.publisher.last_sequences,
            facts=[encode(fact) for fact in self.facts],
        )

    def fall_silent(self) -> None:
        """Stop beating, as a hung process does."""
        self._beating.cancel()

    async def close(self) -> None:
        """Leave the bus."""
        self._beating.cancel()
        await asyncio.gather(self._beating, return_exceptions=True)
        self.bus.close()

    async def _beat(self) -> None:
        while True:
            self.publisher.beat()
            await asyncio.sleep(BEAT_S)


class VenuePeer(Peer):
    """An execution handler with a toy venue inside. `on_submit` decides what becomes of the next orders."""

    def __init__(self, fleet: Fleet, venue: "ToyVenue | None" = None) -> None:
        self.venue = venue or ToyVenue()
        self.asked: list[Message] = []
        self.on_submit: Answer = self.accept
        self.busy = False
        super().__init__(fleet, HANDLER)

    def count(self, kind: type[Message]) -> int:
        """Requests of one kind so far."""
        return sum(isinstance(request, kind) for request in self.asked)

    def accept(self, command: SubmitOrder) -> ExecutionReported:
        """Rest it and say so."""
        self.venue.place(command)
        return self.venue.report(command.client_order_id)

    def accept_in_silence(self, command: SubmitOrder) -> None:
        """Rest it, but the answer is lost."""
        self.venue.place(command)

    def lose(self, command: SubmitOrder) -> None:
        """Neither rest it nor answer."""

    def trade(self, client_order_id: str, lots: int, tell: bool = True) -> VenueFill:
        """One trade of a resting order, published on the user stream unless it is to be missed."""
        fill = self.venue.trade(client_order_id, lots)
        if tell:
            self.tell(self.venue.report(client_order_id, fill))
        return fill

    def tell(self, report: ExecutionReported) -> None:
        """Publish a report."""
        self.bus.publish(f"execution.{VENUE}.{SYMBOL}", report)

    def answer(self, request: Message, header: Header) -> Message | asyncio.Future[Message]:
        """Serve the execution handler's requests."""
        if self.busy:
            return Rejected(code="busy", detail="refuses everything")
        if not isinstance(request, QuerySnapshot):
            self.asked.append(request)
        match request:
            case SubmitOrder():
                reply = self.on_submit(request)
                return asyncio.get_running_loop().create_future() if reply is None else reply
            case CancelOrder(client_order_id=client_order_id) | QueryOrder(client_order_id=client_order_id):
                if isinstance(request, CancelOrder):
                    self.venue.cancel(client_order_id)
                return self.venue.report(client_order_id)
            case CancelAllOrders():
                resting = self.venue.resting()
                for client_order_id in resting:
                    self.venue.cancel(client_order_id)
                    self.tell(self.venue.report(client_order_id))
                return AllOrdersCanceled(venue=VENUE, canceled=len(resting))
            case QueryExecutions(after_trade_id=after):
                fills = [fill for fill in self.venue.trades if fill.trade_id > after]
                return ExecutionsListed(
                    venue=VENUE,
                    symbol=SYMBOL,
                    open_orders=[self.venue.report(each) for each in self.venue.resting()],
                    fills=fills[:2],  # Two to a page, so that paging is walked.
                    complete=len(fills) <= 2,
                )
            case _:
                return super().answer(request, header)


class ToyVenue:
    """Orders and trades as the venue has them; outlives its execution handlers."""

    def __init__(self) -> None:
        self.orders: dict[str, tuple[SubmitOrder, OrderState, int]] = {}
        self.placed: Counter[str] = Counter()
        self.trades: list[VenueFill] = []

    def place(self, command: SubmitOrder) -> None:
        self.placed[command.client_order_id] += 1
        self.orders[command.client_order_id] = command, OrderState.OPEN, 0

    def resting(self) -> list[str]:
        return [key for key, (_, state, _) in self.orders.items() if not state.is_final]

    def cancel(self, client_order_id: str) -> None:
        if client_order_id in self.resting():
            command, _, filled = self.orders[client_order_id]
            self.orders[client_order_id] = command, OrderState.CANCELED, filled

    def trade(self, client_order_id: str, lots: int) -> VenueFill:
        command, state, filled = self.orders[client_order_id]
        filled += lots
        if not state.is_final:
            state = OrderState.FILLED if filled == command.quantity_lots else OrderState.PARTIALLY_FILLED
        self.orders[client_order_id] = command, state, filled
        fill = VenueFill(
            trade_id=len(self.trades) + 1, client_order_id=client_order_id, venue_order_id="1", side=command.side,
            price_ticks=command.price_ticks, quantity_lots=lots, maker=True, fee="0", fee_asset="USDT",
            event_time_ns=time.time_ns(),
        )  # fmt: skip
        self.trades.append(fill)
        return fill

    def report(self, client_order_id: str, fill: VenueFill | None = None) -> ExecutionReported:
        now_ns = time.time_ns()
        if client_order_id not in self.orders:
            return ExecutionReported(
                client_order_id=client_order_id, venue=VENUE, symbol=SYMBOL, state=OrderState.REJECTED,
                filled_lots=0, event_time_ns=now_ns, received_ns=now_ns, reason_code=UNKNOWN_ORDER,
            )  # fmt: skip
        _, state, filled = self.orders[client_order_id]
        return ExecutionReported(
            client_order_id=client_order_id, venue=VENUE, symbol=SYMBOL, state=state, filled_lots=filled,
            event_time_ns=now_ns, received_ns=now_ns, venue_order_id="1", sent_ns=now_ns, fill=fill,
        )  # fmt: skip


class BookPeer(Peer):
    """A quote server whose book never moves and is always fresh."""

    async def _beat(self) -> None:
        while True:
            self.publisher.beat()
            now_ns = time.time_ns()
            self.bus.publish(
                f"book.{VENUE}.{SYMBOL}",
                BookImage(
                    venue=VENUE, symbol=SYMBOL, update_id=1, event_time_ns=now_ns, received_ns=now_ns,
                    bids=[(249_990, 1_000)], asks=[(250_010, 1_000)],
                ),
            )  # fmt: skip
            await asyncio.sleep(BEAT_S / 2)


class MakerPeer(Peer):
    """A strategy: submits, cancels, and follows what the oms says."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet, MAKER)
        self.count = 0
        self.changes: list[OrderChanged] = []
        self.fills: list[OrderFilled] = []
        self.snapshots: list[list[Message]] = []
        self.bus.follow("oms", ["order.", "fill.", "kill."], self._on_event, self._on_snapshot)

    def command(
        self, lots: int = 100, side: Side = Side.BUY, price_ticks: int = 249_990, **other: object
    ) -> SubmitOrder:
        """A new order that passes every limit unless told otherwise."""
        self.count += 1
        now_ns = time.time_ns()
        values: dict[str, object] = {
            "client_order_id": f"cw-mm-test-{self.count}", "strategy": MAKER, "venue": VENUE, "symbol": SYMBOL,
            "side": side, "price_ticks": price_ticks, "quantity_lots": lots, "expires_at_ns": now_ns + 10**9,
            "trigger_received_ns": now_ns,
        }  # fmt: skip
        return SubmitOrder(**(values | other))  # type: ignore[arg-type]

    async def submit(self, command: SubmitOrder) -> Message:
        """The oms's immediate answer."""
        return await self.bus.request("oms", command, 5.0)

    async def refusal(self, command: SubmitOrder) -> str:
        """The code that the oms refuses with; fails if it accepts."""
        reply = await self.submit(command)
        assert isinstance(reply, Rejected), reply
        return reply.code

    async def accepted(self, command: SubmitOrder, timeout_s: float = 10.0) -> OrderChanged:
        """Submit fresh ids until the oms is ready (reconciled, with a book); then the first answer.

        Returns once the venue has the order, so that faults set afterwards hit the next one.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                reply = await self.submit(command)
            except (PeerUnavailable, OutcomeUnknown) as error:
                reply = Rejected(code="absent", detail=str(error))
            if isinstance(reply, OrderChanged):
                if reply.state is OrderState.PENDING:
                    key = reply.client_order_id
                    await until(lambda key=key: self.state(key) not in (None, OrderState.PENDING))  # type: ignore[misc]
                return reply
            assert isinstance(reply, Rejected) and time.monotonic() < deadline, reply
            assert reply.code in NOT_READY_CODES
            await asyncio.sleep(0.02)
            command = self.command(command.quantity_lots, command.side, command.price_ticks)

    async def ask(self, request: Message) -> Message:
        """Any other request."""
        return await self.bus.request("oms", request, 5.0)

    async def listed(self) -> FillsListed:
        """All fills."""
        reply = await self.ask(ListFills(after_sequence=0))
        assert isinstance(reply, FillsListed)
        return reply

    def state(self, client_order_id: str) -> OrderState | None:
        """The last published state of an order."""
        states = [change.state for change in self.changes if change.client_order_id == client_order_id]
        return states[-1] if states else None

    async def answers(self, command: SubmitOrder, state: OrderState, timeout_s: float = 10.0) -> OrderChanged:
        """Repeat an id that the oms knows until it answers with this state; for changes that nobody may have heard."""
        deadline = time.monotonic() + timeout_s
        while True:
            reply = await self.submit(command)
            if isinstance(reply, OrderChanged) and reply.state is state:
                return reply
            assert time.monotonic() < deadline, reply
            await asyncio.sleep(0.02)

    async def reaches(self, client_order_id: str, state: OrderState, timeout_s: float = 5.0) -> OrderChanged:
        """Wait until the oms says so."""
        await until(lambda: self.state(client_order_id) is state, timeout_s)
        return [change for change in self.changes if change.client_order_id == client_order_id][-1]

    def _on_snapshot(self, facts: list[Message]) -> None:
        self.snapshots.append(facts)
        self.changes += [fact for fact in facts if isinstance(fact, OrderChanged)]

    def _on_event(self, message: Message, _header: Header) -> None:
        if isinstance(message, OrderChanged):
            self.changes.append(message)
        elif isinstance(message, OrderFilled):
            self.fills.append(message)


class Oms:
    """The real process."""

    def __init__(self, configs: Path) -> None:
        self.configs = configs
        self.process = self._start()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """A new life with the same journal."""
        self.process = self._start()

    def end(self) -> None:
        """In order; a crash before that fails the test."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(timeout=10) == 0
        else:
            assert self.process.returncode == -signal.SIGKILL, f"the oms ended with {self.process.returncode}"

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "services.oms", str(self.configs)], cwd=PROJECT, env=os.environ | {"TZ": "UTC"}
        )


class World:
    """A test's fleet: everybody but the oms is in this loop."""

    def __init__(self, configs: Path) -> None:
        self.fleet = load_fleet(configs)
        self.venue, self.books, self.maker = (
            VenuePeer(self.fleet), BookPeer(self.fleet, BOOKS), MakerPeer(self.fleet),
        )  # fmt: skip
        self.oms = Oms(configs)

    async def health(self) -> HealthReported:
        """The oms's counters and details."""
        reply = await self.maker.ask(QueryHealth())
        assert isinstance(reply, HealthReported)
        return reply

    async def replace_handler_after_close(self) -> None:
        """Another life of the execution handler comes; the venue is the same."""
        self.venue = VenuePeer(self.fleet, self.venue.venue)

    async def close(self) -> None:
        """End everything; fails if the oms had crashed."""
        try:
            self.oms.end()
        finally:
            if self.oms.process.poll() is None:
                self.oms.kill()
            for peer in (self.venue, self.books, self.maker):
                await peer.close()
