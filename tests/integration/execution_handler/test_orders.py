"""Orders on a venue that works: what is sent, what is answered, what is published."""

import asyncio
import time

import pytest

from common.messages import (
    AccountReported,
    AllOrdersCanceled,
    CancelAllOrders,
    CancelOrder,
    ExecutionReported,
    ExecutionsListed,
    QueryAccount,
    QueryExecutions,
    QueryOrder,
    Rejected,
)
from common.model.order import OrderState, Side, TimeInForce
from common.storage import Latch
from tests.conftest import until
from tests.integration.execution_handler.world import SYMBOL, VENUE, World, play


def test_order_is_placed_filled_and_cancelled() -> None:
    async def story(world: World) -> None:
        order = world.order()
        placed = await world.ask(order)
        assert isinstance(placed, ExecutionReported)
        assert (placed.state, placed.filled_lots, placed.price_ticks) == (OrderState.OPEN, 0, 250_000)
        assert order.trigger_received_ns < placed.sent_ns < placed.received_ns
        trade_id = await world.venue.fill(order.client_order_id, "0.2500")
        await until(lambda: any(report.fill for report in world.told(order.client_order_id)))
        (fill,) = [report.fill for report in world.told(order.client_order_id) if report.fill]
        assert (fill.trade_id, fill.quantity_lots, fill.price_ticks, fill.side) == (trade_id, 2_500, 250_000, Side.BUY)
        assert (fill.maker, fill.fee, fill.fee_asset) == (True, "0.0001", "ETH")
        canceled = await world.ask(CancelOrder(client_order_id=order.client_order_id, venue=VENUE, symbol=SYMBOL))
        assert isinstance(canceled, ExecutionReported)
        assert (canceled.state, canceled.filled_lots) == (OrderState.CANCELED, 2_500)
        assert world.venue.resting == []
        details = (await world.health()).details
        assert details["tick_to_order_us_p50"] > 0
        assert abs(details["clock_offset_ms"] - 1_270) < 50
        assert "order.sent" in world.output.getvalue() and "tick_to_order_us=" in world.output.getvalue()
        assert "test-secret" not in world.output.getvalue()

    play(story)


def test_repeated_id_places_nothing() -> None:
    async def story(world: World) -> None:
        order = world.order()
        first, second = await asyncio.gather(world.ask(order), world.ask(order))
        third = await world.ask(order)
        assert first == second == third
        assert world.venue.accepted[order.client_order_id] == 1
        assert world.venue.requests["POST /api/v3/order"] == 1

    play(story)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires_at_ns": 1}, "expired"),
        ({"price_ticks": 400_000}, "post_only_would_take"),
        ({"symbol": "BTC-USDT"}, "invalid"),
        ({"client_order_id": "cw-mm-&x=1"}, "invalid"),
        ({"time_in_force": TimeInForce.IOC}, "invalid"),
        ({"quantity_lots": 0}, "invalid"),
    ],
)
def test_refusals(changes: dict[str, object], code: str) -> None:
    async def story(world: World) -> None:
        answer = await world.ask(world.order(**changes))
        if isinstance(answer, Rejected):
            assert code in answer.code
        else:
            assert isinstance(answer, ExecutionReported)
            assert (answer.state, answer.reason_code) == (OrderState.REJECTED, code)
        assert world.venue.resting == []

    play(story)


def test_kill_latch_stops_creates_and_not_cancels() -> None:
    async def story(world: World) -> None:
        order = world.order()
        await world.ask(order)
        latch = Latch(world.fleet.var_path / "KILL")
        latch.engage("test", "nobody", time.time_ns())
        refused = await world.ask(world.order())
        assert isinstance(refused, Rejected) and refused.code == "killed"
        swept = await world.ask(CancelAllOrders(venue=VENUE, reason="kill"))
        assert swept == AllOrdersCanceled(venue=VENUE, canceled=1)
        assert world.venue.resting == []
        latch.rearm()
        again = await world.ask(world.order())
        assert isinstance(again, ExecutionReported) and again.state is OrderState.OPEN

    play(story)


def test_cancel_of_a_filled_or_unheard_order_answers_the_truth() -> None:
    async def story(world: World) -> None:
        order = world.order()
        await world.ask(order)
        await world.venue.fill(order.client_order_id, "1", report=False)
        answer = await world.ask(CancelOrder(client_order_id=order.client_order_id, venue=VENUE, symbol=SYMBOL))
        assert isinstance(answer, ExecutionReported)
        assert (answer.state, answer.filled_lots) == (OrderState.FILLED, 10_000)
        for question in (CancelOrder, QueryOrder):
            answer = await world.ask(question(client_order_id="cw-mm-never", venue=VENUE, symbol=SYMBOL))
            assert isinstance(answer, ExecutionReported)
            assert (answer.state, answer.reason_code) == (OrderState.REJECTED, "unknown_order")

    play(story)


def test_only_our_prefix_and_strategy_is_swept() -> None:
    async def story(world: World) -> None:
        world.venue.add_resting("a-person")
        mine, other = world.order(), world.order(client_order_id="cw-grid-1")
        await asyncio.gather(world.ask(mine), world.ask(other))
        swept = await world.ask(CancelAllOrders(venue=VENUE, reason="test", strategy="mm"))
        assert swept == AllOrdersCanceled(venue=VENUE, canceled=1)
        assert sorted(world.venue.resting) == ["a-person", "cw-grid-1"]
        await world.ask(CancelAllOrders(venue=VENUE, reason="test"))
        assert world.venue.resting == ["a-person"]

    play(story)


def test_executions_account_and_snapshot() -> None:
    async def story(world: World) -> None:
        world.venue.add_resting("a-person")
        await world.venue.fill("a-person", "0.5")
        first, second = world.order(), world.order()
        await world.ask(first)
        await world.ask(second)
        filled = await world.venue.fill(first.client_order_id, "1")
        listed = await world.ask(QueryExecutions(venue=VENUE, symbol=SYMBOL, after_trade_id=-1))
        assert isinstance(listed, ExecutionsListed) and listed.complete
        assert [(fill.trade_id, fill.client_order_id) for fill in listed.fills] == [(filled, first.client_order_id)]
        assert [report.client_order_id for report in listed.open_orders] == [second.client_order_id]
        later = await world.ask(QueryExecutions(venue=VENUE, symbol=SYMBOL, after_trade_id=filled))
        assert isinstance(later, ExecutionsListed) and later.fills == []
        account = await world.ask(QueryAccount(venue=VENUE))
        assert isinstance(account, AccountReported)
        assert (account.balances, account.open_order_count) == ({"ETH": "1.75000000"}, 1)
        (fact,) = world.service.snapshot()
        assert isinstance(fact, ExecutionReported) and fact.client_order_id == second.client_order_id

    play(story)


def test_start_and_stop_leave_nothing_resting() -> None:
    async def story(world: World) -> None:
        await world.ask(world.order())
        world.service.shut_down()
        await world.running
        assert world.venue.resting == []
        world.venue.add_resting("cw-mm-old")
        world.venue.add_resting("a-person")
        await world.start_handler()
        assert world.venue.resting == ["a-person"]

    play(story)


def test_silent_oms_loses_its_orders_and_gets_the_venue_back() -> None:
    async def story(world: World) -> None:
        await world.ask(world.order())
        world.beating.cancel()
        await until(lambda: not world.venue.resting)
        assert world.service.counters["oms_silent"] == 1
        world.beating = asyncio.ensure_future(world.beat())
        await until(lambda: world.service.bus.silence_s("oms") < 0.1)
        await asyncio.sleep(2 * world.config.oms_silence_s_max)
        await world.ask(world.order())
        assert len(world.venue.resting) == 1 and world.service.counters["oms_silent"] == 1
        world.beating.cancel()
        await until(lambda: not world.venue.resting)
        assert world.service.counters["oms_silent"] == 2

    play(story)
