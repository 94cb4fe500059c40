"""The oms process: handlers and timers around the desk. README-level rules stand in the modules beside this one."""

import asyncio
from collections.abc import Awaitable
from functools import partial
from itertools import islice
from pathlib import Path

import msgspec

from common.messages import (
    AllOrdersCanceled,
    BookImage,
    CancelAllOrders,
    CancelOrder,
    EngageKill,
    ExecutionReported,
    FillsListed,
    Header,
    ListFills,
    Message,
    OrderChanged,
    RearmTrading,
    SubmitOrder,
)
from common.model.errors import OrderInvalid, OutcomeUnknown, PeerUnavailable, RequestRefused
from common.model.ids import process_name
from common.model.order_life import UNKNOWN_ORDER, OrderLife
from common.risk.limits import Refusal
from common.runtime import Service
from common.storage import JournalReader, Latch
from services.oms.archive import ORDER_FORGOTTEN, look_up, split_id
from services.oms.config import OmsConfig
from services.oms.desk import Desk, order_changed
from services.oms.gate import Gate, check_command
from services.oms.kill import KillSwitch
from services.oms.lease import Lease
from services.oms.ledger import Ledger
from services.oms.reconcile import Reconciler
from services.oms.records import FillBooked, OrderRefused, Record
from services.oms.router import Router, execution_handler

LIST_FILLS_MAX = 1_000
TIDY_S = 1.0
CHASE_S = 0.25
LATCH_POLL_S = 0.05


class OmsService(Service[OmsConfig]):
    """Serves SubmitOrder, CancelOrder, CancelAllOrders, ListFills, EngageKill and RearmTrading."""

    async def start(self) -> None:
        """Replay the journal, then follow the execution handlers; orders pass once their venue is reconciled."""
        self._markets = {
            (each.venue, each.symbol): (instrument, each.in_lots(instrument))
            for each in self.config.limits
            for instrument in (self.fleet.instrument(each.venue, each.symbol),)
        }
        self._venues = sorted({venue for venue, _symbol in self._markets})
        self._strategies = set(self.fleet.processes[self.name].listens_to)
        ledger = Ledger(self.config.finished_orders_kept, self.config.fills_kept)
        self._journal = self.open_journal("oms", self.config.journal_durability)
        self._desk = Desk(ledger, self._journal, self.bus, self.clock, self.log, self.counters)
        replayed = self._desk.recover()
        self.log.info("oms.recovered", entries=replayed, live=len(ledger.live), fills=ledger.fill_sequence)
        self._assemble(ledger)
        self._listen()
        self.every(TIDY_S, self._tidy)
        self.every(CHASE_S, self._router.chase)
        self.every(CHASE_S, self._lease.check)
        self.every(LATCH_POLL_S, self._kill.poll)

    async def stop(self) -> None:
        """Orders under way stay as the journal has them."""
        self._router.stop()

    def snapshot(self) -> list[Message]:
        """Live orders and the kill state."""
        return [*(order_changed(order) for order in self._desk.ledger.live.values()), self._kill.state]

    def details(self) -> dict[str, str | int | float | bool]:
        """What the operator's line shows."""
        return {
            "live_orders": len(self._desk.ledger.live),
            "fills": self._desk.ledger.fill_sequence,
            "reconciled": all(each.done for each in self._reconcilers.values()),
            "killed": self._kill.engaged,
        }

    def submit(self, command: SubmitOrder, header: Header) -> Message | Awaitable[Message]:
        """The hot path: repeat? allowed? journal, send, answer PENDING. Raises RequestRefused, OrderInvalid."""
        client_order_id = command.client_order_id
        if (order := self._desk.ledger.find(client_order_id)) is not None:
            return _repeat(order, command)
        if (refused := self._desk.ledger.archive.refused.get(client_order_id)) is not None:
            raise RequestRefused(refused.code, refused.detail)
        if self._desk.ledger.archive.is_old(client_order_id):
            return self._submit_old(command, header)
        return self._place(command, header)

    def cancel(self, command: CancelOrder, _header: Header) -> OrderChanged:
        """Always passes, killed or not. Raises RequestRefused for an order that is not known."""
        order = self._desk.ledger.find(command.client_order_id)
        if order is None:
            raise RequestRefused(UNKNOWN_ORDER, f"expected a live or recent order, got {command.client_order_id}")
        if not order.state.is_final:
            self._router.cancel(order)
        return order_changed(order)

    async def cancel_all(self, command: CancelAllOrders, _header: Header) -> AllOrdersCanceled:
        """Everything at a venue, or the live orders of one strategy (whose cancels are then under way)."""
        if command.strategy:
            orders = [
                order
                for order in self._desk.ledger.live.values()
                if (order.venue, order.strategy) == (command.venue, command.strategy)
            ]
            for order in orders:
                self._router.cancel(order)
            return AllOrdersCanceled(venue=command.venue, canceled=0, failed=len(orders))
        try:
            return await self._kill.cancel_all(command.venue, command.reason)
        except (PeerUnavailable, OutcomeUnknown) as error:
            raise RequestRefused("execution_unavailable", str(error)) from None

    def list_fills(self, request: ListFills, _header: Header) -> FillsListed:
        """From memory, or from the journal for what is older."""
        if not 1 <= request.limit <= LIST_FILLS_MAX:
            raise OrderInvalid("limit", "ListFills", f"1 to {LIST_FILLS_MAX}", request.limit)
        ledger = self._desk.ledger
        fills = ledger.fills_after(request.after_sequence)
        if fills is None:
            journaled = self._journal.read_as(Record, ledger.journal_mark(request.after_sequence))
            booked = (record.fill for _, _, record in journaled if isinstance(record, FillBooked))
            fills = (fill for fill in booked if fill.fill_sequence > request.after_sequence)
        return FillsListed(fills=list(islice(fills, request.limit)), last_sequence=ledger.fill_sequence)

    def _assemble(self, ledger: Ledger) -> None:
        config = self.config
        self._gate = Gate(ledger, self._markets, config.gross_notional_max)
        self._router = Router(
            self._desk, self.bus, self.clock, self.log, timeout_s=config.execution_timeout_s,
            ttl_ns_max=int(config.command_ttl_ms_max * 1e6), grace_ns=int(config.absence_grace_ms * 1e6),
        )  # fmt: skip
        self._lease = Lease(self._desk, self._router, self.bus, self.clock, self.log, config.lease_s)
        self._kill = KillSwitch(Latch(self.path("KILL")), self._venues, ledger, self.bus, self.clock, self.log)
        self._reconcilers = {
            venue: Reconciler(
                venue, self._markets, self._desk, self._router, self.bus, self.log,
                config.execution_timeout_s, config.reconcile_interval_s,
            )
            for venue in self._venues
        }  # fmt: skip
        self._desk.on_change = self._on_change

    def _listen(self) -> None:
        self.on_request |= {
            SubmitOrder: self.submit, CancelOrder: self.cancel, CancelAllOrders: self.cancel_all,
            ListFills: self.list_fills, EngageKill: self._kill.engage, RearmTrading: self._kill.rearm,
        }  # fmt: skip
        for strategy in self._strategies:
            self.bus.watch(strategy)
        for venue, symbol in self._markets:
            self.bus.subscribe(process_name("quote_server", venue), f"book.{venue}.{symbol}|", self._on_book)
        for venue, reconciler in self._reconcilers.items():
            self.bus.follow(
                execution_handler(venue), ["execution."], self._on_execution, partial(self._on_reborn, reconciler)
            )
            self.spawn(reconciler.run())

    def _place(self, command: SubmitOrder, header: Header) -> OrderChanged:
        now_ns = self.clock.now_ns()
        split_id(command.client_order_id)
        if (refusal := self._check(command, now_ns)) is not None:
            self._desk.refuse(command, refusal, now_ns)
            raise RequestRefused(refusal.code, refusal.detail)
        order = self._desk.accept(command, now_ns)
        self._router.submit(self._capped(command, now_ns), header.trace_id)
        self._desk.publish_order(order)
        return order_changed(order)

    async def _submit_old(self, command: SubmitOrder, header: Header) -> Message:
        found = await asyncio.to_thread(look_up, self._journal.path, command.client_order_id)
        if isinstance(found, OrderRefused):
            raise RequestRefused(found.code, found.detail)
        if found is not None:
            return _repeat(found, command)
        if await asyncio.to_thread(_is_trimmed, self._journal.path):
            raise RequestRefused(ORDER_FORGOTTEN, "expected a new client_order_id, got one older than the journal")
        # It is new after all (numbers need not come in order); another request may have placed it meanwhile.
        order = self._desk.ledger.find(command.client_order_id)
        return self._place(command, header) if order is None else _repeat(order, command)

    def _check(self, command: SubmitOrder, now_ns: int) -> Refusal | None:
        reconciler = self._reconcilers.get(command.venue)
        refusal = check_command(
            command, now_ns=now_ns, killed=self._kill.engaged,
            reconciled=reconciler is None or reconciler.done,
            silence_s=self.bus.silence_s(execution_handler(command.venue)) if reconciler else 0.0,
            silence_s_max=self.config.execution_silence_s_max, strategies=self._strategies,
        )  # fmt: skip
        return refusal or self._gate.check(command, now_ns)

    def _capped(self, command: SubmitOrder, now_ns: int) -> SubmitOrder:
        latest_ns = now_ns + int(self.config.command_ttl_ms_max * 1e6)
        if command.expires_at_ns <= latest_ns:
            return command
        return msgspec.structs.replace(command, expires_at_ns=latest_ns)

    def _on_book(self, message: Message, _header: Header) -> None:
        if isinstance(message, BookImage):
            self._gate.see_book(message)

    def _on_execution(self, message: Message, _header: Header) -> None:
        if isinstance(message, ExecutionReported):
            self._desk.report(message)

    def _on_reborn(self, reconciler: Reconciler, _facts: list[Message]) -> None:
        self.log.info("reconcile.begun", venue=reconciler.venue)
        reconciler.restart()

    def _on_change(self, order: OrderLife) -> None:
        self._reconcilers[order.venue].notice(order)
        if order.state.is_final:
            self._router.forget(order)

    def _tidy(self) -> None:
        self._desk.tidy(self.config.snapshot_entries, self.config.journal_entries_kept)


def _repeat(order: OrderLife, command: SubmitOrder) -> OrderChanged:
    """The present state for a repeated id; raises RequestRefused when the terms are those of another order."""
    for name in ("strategy", "venue", "symbol", "side", "price_ticks", "quantity_lots"):
        if getattr(order, name) != getattr(command, name):
            raise RequestRefused("id_reused", f"expected {name} {getattr(order, name)}, got {getattr(command, name)}")
    return order_changed(order)


def _is_trimmed(path: Path) -> bool:
    reader = JournalReader(path)
    try:
        first = next(reader.read(), None)
        return first is not None and first.sequence > 1
    finally:
        reader.close()
