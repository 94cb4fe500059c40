"""The execution handler process: joins the parts, serves the oms, and keeps watch over the venue and the oms."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from random import Random
from typing import TypeVar

from common.messages import (
    AccountReported,
    AllOrdersCanceled,
    CancelAllOrders,
    CancelOrder,
    ExecutionReported,
    ExecutionsListed,
    Header,
    Message,
    QueryAccount,
    QueryExecutions,
    QueryOrder,
    SubmitOrder,
)
from common.model.errors import ConfigInvalid, MessageInvalid, PeerUnavailable, RequestRefused
from common.model.order import OrderState
from common.runtime import Service
from common.storage import Latch
from common.venues.backoff import Backoff
from common.venues.binance_execution import KEY_HEADER, BinanceExecution
from common.venues.binance_rates import ORDERS_10S, POOLS, WEIGHT
from common.venues.binance_user import subscribe_frame
from common.venues.credentials import Credentials, read_credentials
from common.venues.rate_pools import RatePools
from common.venues.rest import RestClient
from common.venues.signer import HmacSigner
from services.execution_handler.config import ExecutionHandlerConfig
from services.execution_handler.dead_man import DeadMan
from services.execution_handler.desk import Desk
from services.execution_handler.order_table import OrderTable
from services.execution_handler.reconciler import Reconciler
from services.execution_handler.resolver import Resolver
from services.execution_handler.sweeper import Sweeper
from services.execution_handler.trade_history import body_of
from services.execution_handler.user_stream import UserStream
from services.execution_handler.venue_access import VenueAccess

VENUES = ("binance",)
OMS = "oms"
OMS_CHECK_S = 0.1
RECONCILE_CHECK_S = 1.0
NOT_READY, KILLED, USER_STREAM_DOWN = "not_ready", "killed", "user_stream_down"

M = TypeVar("M")


class ExecutionHandlerService(Service[ExecutionHandlerConfig]):
    """Serves SubmitOrder, CancelOrder, CancelAllOrders, QueryOrder, QueryExecutions and QueryAccount."""

    # `stop` also runs after a start that failed.
    _is_ready = False
    _rest: RestClient | None = None

    async def start(self) -> None:
        """Begin to reach the venue. Until its resting orders are cancelled, requests are answered `not_ready`."""
        if self.venue not in VENUES:
            raise ConfigInvalid("venue", "--venue", f"one of {', '.join(VENUES)}", self.venue)
        self._instruments = [each for each in self.fleet.instruments if each.venue == self.venue]
        self._random = Random(self.fleet.seed)
        self._latch = Latch(self.path("KILL"))
        self._table = OrderTable(self.config.orders_kept)
        self._dead_man = DeadMan(self.config.oms_silence_s_max)
        self._reconciling: asyncio.Task[None] | None = None
        self._reconciled_ns = 0
        self._is_reconciliation_wanted = True
        self.on_request |= {
            SubmitOrder: self.submit, CancelOrder: self.cancel, CancelAllOrders: self.cancel_all,
            QueryOrder: self.query, QueryExecutions: self.query_executions, QueryAccount: self.query_account,
        }  # fmt: skip
        self.bus.watch(OMS)
        self.spawn(self._connect())

    async def stop(self) -> None:
        """Take our orders off, as far as the venue lets us, and close the connections."""
        if self._is_ready:
            try:
                await asyncio.wait_for(self._sweeper.sweep("stop"), self.config.request_timeout_s)
            except TimeoutError:
                self.log.error("orders.left", reason="the venue did not answer before the process ended")
        if self._rest is not None:
            self._rest.close()

    def snapshot(self) -> list[Message]:
        """Orders that are not final."""
        return [tracked.report for tracked in self._table.live() if tracked.report.state is not OrderState.PENDING]

    def details(self) -> dict[str, str | int | float | bool]:
        """What the operator's line shows."""
        if not self._is_ready:
            return {"ready": False}
        now_ns = self._access.venue_time_ns
        return {
            "ready": True,
            "user_stream": "live" if self._user_stream.is_live else "down",
            "open_orders": sum(1 for _ in self._table.live()),
            "creates": self.counters["creates"],
            "resolving": len(self._resolver),
            "resolved": self._resolver.resolved,
            "parked": self._resolver.parked,
            "missed_fills": self._reconciler.missed_fills,
            "tick_to_order_us_p50": self._desk.tick_to_order_us.quantile(0.5),
            "tick_to_order_us_p99": self._desk.tick_to_order_us.quantile(0.99),
            "round_trip_us_p50": self._desk.round_trip_us.quantile(0.5),
            "weight_used_1m": self._access.pools.used(WEIGHT, now_ns),
            "blocked_s": self._access.pools.blocked_s(now_ns),
            "orders_used_10s": self._access.pools.used(ORDERS_10S, now_ns),
            "clock_offset_ms": self._access.clock_offset_ns / 1e6,
        }

    def submit(self, command: SubmitOrder, _header: Header) -> Message | Awaitable[Message]:
        """The hot path; see Desk.submit."""
        self._require_ready()
        return self._desk.submit(command)

    async def cancel(self, command: CancelOrder, _header: Header) -> ExecutionReported:
        """See Desk.cancel. Never refused by the kill switch."""
        self._require_ready()
        self.log.info("order.cancel", id=command.client_order_id)
        return await self._desk.cancel(command)

    async def cancel_all(self, command: CancelAllOrders, _header: Header) -> AllOrdersCanceled:
        """Everything of ours, or of one strategy."""
        self._require_ready()
        canceled, failed = await self._sweeper.sweep(command.reason, command.strategy)
        return AllOrdersCanceled(venue=self.venue, canceled=canceled, failed=failed)

    async def query(self, question: QueryOrder, _header: Header) -> ExecutionReported:
        """See Desk.query."""
        self._require_ready()
        return await self._desk.query(question)

    async def query_executions(self, question: QueryExecutions, _header: Header) -> ExecutionsListed:
        """See Reconciler.list_executions."""
        self._require_ready()
        return await _readable(self._reconciler.list_executions(question))

    async def query_account(self, _question: QueryAccount, _header: Header) -> AccountReported:
        """Balances, free plus locked."""
        self._require_ready()
        answer = await self._access.ask(self._access.codec.account(), urgent=True)
        try:
            amounts = self._access.codec.read_balances(body_of(answer))
            balances = {asset: f"{Decimal(free) + Decimal(locked):f}" for asset, (free, locked) in amounts.items()}
        except (MessageInvalid, InvalidOperation) as error:
            raise RequestRefused("unreadable_answer", str(error)) from None
        open_orders = await _readable(self._reconciler.count_open_orders())
        return AccountReported(
            venue=self.venue, balances=balances, open_order_count=open_orders, received_ns=answer.received_ns
        )

    async def _connect(self) -> None:
        """From nothing to trading: key, clock, what still rests, the trades so far, the user stream."""
        self._assemble(await self._wait_for(self._read_credentials))
        await self._wait_for(self._access.set_clock)
        await self._wait_for(self._warm_up)
        await self._wait_for(self._clear)
        await self._wait_for(lambda: _readable(self._reconciler.begin()))
        self._is_ready = True
        self.log.info("venue.ready", offset_ms=self._access.clock_offset_ns / 1e6)
        self.spawn(self._user_stream.run())
        self.every(self.config.clock_interval_s, self._keep_warm)
        self.every(OMS_CHECK_S, self._check_oms)
        self.every(RECONCILE_CHECK_S, self._check_reconciliation)

    async def _wait_for(self, step: Callable[[], Awaitable[M]]) -> M:
        """Repeat one step of start-up until the venue lets it succeed."""
        backoff = self._backoff()
        while True:
            await asyncio.sleep(backoff.next_s())
            try:
                return await step()
            except (PeerUnavailable, RequestRefused) as error:
                self.log.warning("venue.waiting", detail=str(error))

    async def _read_credentials(self) -> Credentials:
        return read_credentials(Path(self.fleet.venues[self.venue].credentials_file))

    async def _warm_up(self) -> None:
        assert self._rest is not None
        await self._rest.warm_up(self.config.connections_warm)

    async def _clear(self) -> None:
        _canceled, failed = await self._sweeper.sweep("start")
        if failed:
            raise RequestRefused("not_cleared", f"{failed} resting orders could not be cancelled")

    async def _keep_warm(self) -> None:
        try:
            await self._access.set_clock()
            await self._warm_up()
        except PeerUnavailable as error:
            self.log.warning("venue.unreachable", detail=str(error))

    def _assemble(self, credentials: Credentials) -> None:
        config, access = self.config, self.fleet.venues[self.venue]
        self.log.hide(credentials.secret)
        self.log.hide(credentials.key)
        signer = HmacSigner(credentials.secret)
        symbols = [each.symbol for each in self._instruments]
        codec = BinanceExecution(self._instruments, signer, config.recv_window_ms)
        self._rest = RestClient(access.rest_url, {KEY_HEADER: credentials.key}, config.request_timeout_s)
        self._access = VenueAccess(codec, self._rest, RatePools(POOLS), self.clock, self.log)
        self._resolver = Resolver(
            self._access, self._table, config, self.clock, self.log, self._publish, self.spawn, self._random
        )
        self._desk = Desk(
            self.venue, self._access, self._table, self._resolver, self._guard, config.recv_window_ms * 1_000_000,
            self.clock, self.log, self.counters,
        )  # fmt: skip
        self._sweeper = Sweeper(self._access, self._table, self._resolver, symbols, self._publish, self.log)
        self._reconciler = Reconciler(
            self.venue, self._access, self._table, self._desk, symbols, self._publish, self.log
        )

        def subscribe() -> str:
            venue_time_ms = self._access.venue_time_ns // 1_000_000
            return subscribe_frame(credentials.key, signer, venue_time_ms, config.recv_window_ms)

        self._user_stream = UserStream(
            config.user_stream_url.replace("{stream_url}", access.stream_url.rstrip("/")), codec, subscribe,
            self._backoff(), self._on_report, self._want_reconciliation, self.clock, self.log, self.counters,
        )  # fmt: skip

    def _guard(self) -> None:
        """Checked right before every create. Raises RequestRefused."""
        if self._latch.engaged:
            raise RequestRefused(KILLED, "the kill latch is engaged")
        if not self._user_stream.is_live:
            raise RequestRefused(USER_STREAM_DOWN, "fills could not be seen at once")

    def _require_ready(self) -> None:
        if not self._is_ready:
            raise RequestRefused(NOT_READY, "the venue is not reached yet, or not cleared of old orders")

    def _on_report(self, report: ExecutionReported) -> None:
        """One report of the user stream."""
        known = self._table.find(report.client_order_id)
        is_unexpected = known is None or known.was_given_up
        tracked, _is_news = self._table.take(report)
        if report.fill is not None:
            self._reconciler.note_trade(report.symbol, report.fill.trade_id)
            self.log.info(
                "order.fill", id=report.client_order_id, trade=report.fill.trade_id, side=report.fill.side,
                px=report.fill.price_ticks, qty=report.fill.quantity_lots, maker=report.fill.maker,
            )  # fmt: skip
        self._publish(report)
        if is_unexpected and tracked.is_live:
            # An order of an earlier life, or one that we had declared lost: nobody counts on it.
            self.log.error("order.stray", id=report.client_order_id)
            tracked.cancel_wanted = True
        if tracked.cancel_wanted and tracked.is_live and tracked.answering is None:
            self._resolver.resolve(tracked)

    def _publish(self, report: ExecutionReported) -> None:
        self.bus.publish(f"execution.{report.venue}.{report.symbol}", report)

    def _check_oms(self) -> None:
        silence_s, now_ns = self.bus.silence_s(OMS), self.clock.monotonic_ns()
        is_resting = any(True for _ in self._table.live())
        if self._dead_man.check(silence_s, is_resting, now_ns):
            self.counters["oms_silent"] += 1
            self.log.error("oms.silent", silence_s=round(silence_s, 2))
            self.spawn(self._sweeper.sweep("oms silent"))

    def _want_reconciliation(self) -> None:
        self._is_reconciliation_wanted = True
        self._check_reconciliation()

    def _check_reconciliation(self) -> None:
        """Reconcile when it is time: after each subscription, each second without a stream, else now and then."""
        interval_s = self.config.reconcile_interval_s if self._user_stream.is_live else 0.0
        is_due = self.clock.monotonic_ns() - self._reconciled_ns >= interval_s * 1e9
        is_idle = self._reconciling is None or self._reconciling.done()
        if is_idle and (is_due or self._is_reconciliation_wanted):
            self._reconciling = self.spawn(self._reconcile())

    async def _reconcile(self) -> None:
        # Before the questions: a subscription that is made while they are answered wants them asked again.
        self._is_reconciliation_wanted = False
        self._reconciled_ns = self.clock.monotonic_ns()
        try:
            await self._reconciler.reconcile()
            self._resolver.resume()
        except (RequestRefused, MessageInvalid) as error:
            self._is_reconciliation_wanted = True
            self.log.warning("reconcile.failed", detail=str(error))

    def _backoff(self) -> Backoff:
        return Backoff(self._random, self.config.reconnect_first_s, self.config.reconnect_cap_s)


async def _readable(work: Awaitable[M]) -> M:
    """An unreadable answer to a question is a refusal like any other to whoever asked."""
    try:
        return await work
    except MessageInvalid as error:
        raise RequestRefused("unreadable_answer", str(error)) from None
