"""A venue that breaks: whatever happens to an answer, an order is placed at most once and its truth is found."""

import asyncio

import pytest

from common.messages import CancelAllOrders, CancelOrder, ExecutionReported, QueryOrder, Rejected
from common.model.order import OrderState
from tests.conftest import until
from tests.integration.execution_handler.world import SYMBOL, VENUE, World, play

CREATE, CANCEL, QUERY = "POST /api/v3/order", "DELETE /api/v3/order", "GET /api/v3/order"


@pytest.mark.parametrize("mute", [False, True], ids=["stream tells", "only a query tells"])
@pytest.mark.parametrize("fault", ["accept_drop", "accept_hang", "accept_garbage", "accept_500", "accept_1007"])
def test_accepted_order_whose_answer_is_lost(fault: str, mute: bool) -> None:
    async def story(world: World) -> None:
        world.venue.mute_users = mute
        world.venue.faults[CREATE].append(fault)
        order = world.order()
        answer = await world.ask(order)
        assert isinstance(answer, ExecutionReported)
        assert answer.state in ((OrderState.UNKNOWN,) if mute else (OrderState.UNKNOWN, OrderState.OPEN))
        await until(lambda: any(report.state is OrderState.OPEN for report in world.told(order.client_order_id)))
        repeat = await world.ask(order)
        assert isinstance(repeat, ExecutionReported) and repeat.state is OrderState.OPEN
        assert world.venue.accepted[order.client_order_id] == 1
        assert world.venue.requests[CREATE] == 1

    play(story)


@pytest.mark.parametrize("fault", ["drop", "hang", "500"])
def test_order_that_never_arrived_is_given_up_after_the_window(fault: str) -> None:
    async def story(world: World) -> None:
        world.venue.faults[CREATE].append(fault)
        order = world.order()
        answer = await world.ask(order)
        assert isinstance(answer, ExecutionReported) and answer.state is OrderState.UNKNOWN
        question = QueryOrder(client_order_id=order.client_order_id, venue=VENUE, symbol=SYMBOL)
        early = await world.ask(question)
        assert isinstance(early, ExecutionReported) and early.state is OrderState.UNKNOWN
        await until(lambda: bool(world.told(order.client_order_id)))
        (verdict,) = world.told(order.client_order_id)
        assert (verdict.state, verdict.reason_code) == (OrderState.REJECTED, "unknown_order")
        assert (verdict.received_ns - answer.sent_ns) / 1e6 > world.config.recv_window_ms + world.config.lost_grace_ms
        assert world.venue.requests[CREATE] == 1 and not world.venue.accepted

    play(story)


def test_order_that_appears_after_it_was_given_up_is_told_and_taken_off() -> None:
    async def story(world: World) -> None:
        world.venue.faults[CREATE].append("500")
        order = world.order()
        await world.ask(order)
        await until(lambda: bool(world.told(order.client_order_id)))
        world.venue.add_resting(order.client_order_id)
        await world.venue._tell(world.venue.orders[order.client_order_id], "NEW")
        await until(lambda: not world.venue.resting)
        await until(lambda: world.told(order.client_order_id)[-1].state is OrderState.CANCELED)
        assert OrderState.OPEN in [report.state for report in world.told(order.client_order_id)]

    play(story)


def test_venue_that_is_gone_is_a_definite_no() -> None:
    async def story(world: World) -> None:
        port = world.venue.port
        await world.venue.stop()
        first = await world.ask(world.order())
        await until(lambda: not world.service._user_stream.is_live)
        for answer in (first, await world.ask(world.order())):
            # Refused before a connection was tried, or after none could be made: in both cases nothing left.
            assert isinstance(answer, Rejected) or (answer.state, answer.sent_ns) == (OrderState.REJECTED, 0)
        await world.venue.start(port)
        await until(lambda: world.service._user_stream.is_live)
        answer = await world.ask(world.order())
        assert isinstance(answer, ExecutionReported) and answer.state is OrderState.OPEN

    play(story)


@pytest.mark.parametrize("fault", ["accept_drop", "accept_hang", "drop", "500", "accept_1007"])
def test_cancel_whose_answer_is_lost(fault: str) -> None:
    async def story(world: World) -> None:
        world.venue.mute_users = True
        order = world.order()
        await world.ask(order)
        world.venue.faults[CANCEL].append(fault)
        answer = await world.ask(CancelOrder(client_order_id=order.client_order_id, venue=VENUE, symbol=SYMBOL))
        assert isinstance(answer, ExecutionReported) and answer.state is OrderState.UNKNOWN
        await until(lambda: bool(world.told(order.client_order_id)))
        assert world.told(order.client_order_id)[-1].state is OrderState.CANCELED
        assert world.venue.resting == []

    play(story)


def test_cancel_all_takes_off_what_is_still_unknown() -> None:
    async def story(world: World) -> None:
        world.venue.mute_users = True
        world.venue.faults[CREATE].append("accept_hang")
        world.venue.faults[QUERY].extend(["500"] * 3)
        order = world.order()
        asking = asyncio.ensure_future(world.ask(order))
        await until(lambda: bool(world.venue.accepted))
        await world.ask(CancelAllOrders(venue=VENUE, reason="kill"))
        await asking
        await until(lambda: not world.venue.resting)
        await until(lambda: not any(True for _ in world.service._table.live()))

    play(story)


@pytest.mark.parametrize("fault", ["accept_slowly", "accept_hang"])
def test_cancel_while_the_create_is_on_the_wire(fault: str) -> None:
    async def story(world: World) -> None:
        world.venue.faults[CREATE].append(fault)
        order = world.order()
        asking = asyncio.ensure_future(world.ask(order))
        await until(lambda: world.venue.requests[CREATE] == 1)
        answer = await world.ask(CancelOrder(client_order_id=order.client_order_id, venue=VENUE, symbol=SYMBOL))
        assert isinstance(answer, ExecutionReported) and answer.state is OrderState.CANCELED
        assert world.venue.resting == [] and world.venue.accepted[order.client_order_id] == 1
        await asking

    play(story)


def test_cancel_all_also_takes_off_what_arrives_after_it() -> None:
    async def story(world: World) -> None:
        world.venue.faults[CREATE].append("accept_slowly")
        order = world.order()
        asking = asyncio.ensure_future(world.ask(order))
        await until(lambda: world.venue.requests[CREATE] == 1)
        await world.ask(CancelAllOrders(venue=VENUE, reason="kill"))
        assert not world.venue.accepted, "the create has not reached the book yet"
        await asking
        await until(lambda: world.venue.orders[order.client_order_id]["status"] == "CANCELED")

    play(story)


def test_throttled_creates_wait_and_cancels_go_out() -> None:
    async def story(world: World) -> None:
        order = world.order()
        await world.ask(order)
        world.venue.faults[CREATE].append("429")
        for _ in range(2):
            answer = await world.ask(world.order())
            assert isinstance(answer, ExecutionReported)
            assert (answer.state, answer.reason_code) == (OrderState.REJECTED, "rate_limited")
        assert world.venue.requests[CREATE] == 2
        answer = await world.ask(CancelOrder(client_order_id=order.client_order_id, venue=VENUE, symbol=SYMBOL))
        assert isinstance(answer, ExecutionReported) and answer.state is OrderState.CANCELED
        await asyncio.sleep(1.05)  # The venue's own Retry-After.
        answer = await world.ask(world.order())
        assert isinstance(answer, ExecutionReported) and answer.state is OrderState.OPEN

    play(story)


def test_wrong_clock_is_a_definite_no_and_is_set_again() -> None:
    async def story(world: World) -> None:
        world.venue.clock_offset_ms += 3_600_000
        answer = await world.ask(world.order())
        assert isinstance(answer, ExecutionReported)
        assert (answer.state, answer.reason_code) == (OrderState.REJECTED, "clock")
        await until(lambda: "clock.set" in world.output.getvalue())
        answer = await world.ask(world.order())
        assert isinstance(answer, ExecutionReported) and answer.state is OrderState.OPEN

    play(story)


def test_what_the_stream_missed_is_published_after_it_returns() -> None:
    async def story(world: World) -> None:
        partly, wholly, gone = world.order(), world.order(), world.order()
        for order in (partly, wholly, gone):
            await world.ask(order)
        world.venue.mute_users = True
        trades = [
            await world.venue.fill(partly.client_order_id, "0.3"),
            await world.venue.fill(wholly.client_order_id, "1"),
        ]
        world.venue.orders[gone.client_order_id]["status"] = "CANCELED"
        world.venue.mute_users = False
        later = await world.venue.fill(partly.client_order_id, "0.1")
        await world.venue.drop_users()
        await until(lambda: {r.fill.trade_id for r in world.reports if r.fill} == {*trades, later})
        await until(lambda: world.told(gone.client_order_id)[-1].state is OrderState.CANCELED)
        assert world.told(wholly.client_order_id)[-1].filled_lots == 10_000
        assert world.told(partly.client_order_id)[-1].filled_lots == 4_000
        fills = [report.fill.trade_id for report in world.reports if report.fill]
        assert sorted(fills) == sorted({*trades, later})

    play(story)


def test_garbage_on_the_user_stream_is_counted_and_survived() -> None:
    async def story(world: World) -> None:
        order = world.order()
        await world.ask(order)
        for user in world.venue.users:
            await user.send_str('{"subscriptionId":0,"event":{"e":"executionReport","s":"ETHUSDT","c":"cw-x","X":"?"}}')
        await until(lambda: world.service._user_stream.connects == 2 and world.service._user_stream.is_live)
        assert world.service.counters["malformed_frames"] == 1
        await world.venue.fill(order.client_order_id, "1")
        await until(lambda: any(report.fill for report in world.told(order.client_order_id)))

    play(story)
