"""The real oms process on the real bus, between peers that misbehave."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from common.messages import (
    CancelAllOrders,
    CancelOrder,
    EngageKill,
    ExecutionReported,
    FillsListed,
    KillStateChanged,
    ListFills,
    Message,
    OrderChanged,
    QueryExecutions,
    QueryOrder,
    RearmTrading,
    Rejected,
    SubmitOrder,
)
from common.model.order import OrderState, Side
from common.storage import Journal
from services.oms.records import OrderAccepted
from tests.conftest import PROJECT, until
from tests.integration.oms.peers import SYMBOL, VENUE, World


@pytest.fixture
def configs() -> Iterator[Path]:
    """A fleet of its own in a folder whose name is short enough for socket paths."""
    folder = Path(tempfile.mkdtemp(prefix="cw"))
    text = (PROJECT / "configs" / "paper" / "fleet.toml").read_text()
    (folder / "fleet.toml").write_text(text.replace('var_dir = "var/paper"', f'var_dir = "{folder}/v"'))
    text = (PROJECT / "configs" / "paper" / "oms.toml").read_text()
    text = text.replace("execution_timeout_s = 2.0", "execution_timeout_s = 0.3\nabsence_grace_ms = 200.0")
    (folder / "oms.toml").write_text(text.replace("lease_s = 2.0", "lease_s = 0.6"))
    yield folder
    shutil.rmtree(folder)


def play(configs: Path, story: Callable[[World], Awaitable[None]]) -> None:
    """Run one story from a cold start to an orderly end."""

    async def run() -> None:
        world = World(configs)
        try:
            await story(world)
        finally:
            await world.close()

    asyncio.run(run())


def test_life_of_an_order(configs: Path) -> None:
    async def story(world: World) -> None:
        maker, venue = world.maker, world.venue
        first = await maker.accepted(maker.command())
        assert first.state is OrderState.PENDING
        opened = await maker.reaches(first.client_order_id, OrderState.OPEN)
        assert 0 < opened.tick_to_order_us < 1e6
        again = await maker.submit(
            maker.command(client_order_id=first.client_order_id)
        )  # the same id and terms: the present state, and nothing new at the venue
        assert isinstance(again, OrderChanged) and again.state is OrderState.OPEN
        other = maker.command(lots=101, client_order_id=first.client_order_id)
        assert await maker.refusal(other) == "id_reused"
        venue.trade(first.client_order_id, 4)
        await maker.reaches(first.client_order_id, OrderState.PARTIALLY_FILLED)
        reply = await maker.ask(CancelOrder(client_order_id=first.client_order_id, venue=VENUE, symbol=SYMBOL))
        assert isinstance(reply, OrderChanged)
        canceled = await maker.reaches(first.client_order_id, OrderState.CANCELED)
        assert canceled.filled_lots == 4
        venue.trade(first.client_order_id, 1)  # late: after the cancel, and it counts
        await until(lambda: [fill.quantity_lots for fill in maker.fills] == [4, 1])
        assert [fill.fill_sequence for fill in maker.fills] == [1, 2]
        assert venue.venue.placed == {first.client_order_id: 1}

    play(configs, story)


def test_refusals_say_what_was_expected_and_stick_to_their_id(configs: Path) -> None:
    async def story(world: World) -> None:
        maker = world.maker
        await maker.accepted(maker.command())
        expired = maker.command(expires_at_ns=time.time_ns() - 1)
        assert await maker.refusal(expired) == "expired"
        assert await maker.refusal(maker.command(lots=10**7)) == "order_size"
        assert await maker.refusal(maker.command(price_ticks=200_000)) == "price_collar"
        assert await maker.refusal(maker.command(symbol="BTC-USDT")) == "market_unknown"
        assert await maker.refusal(maker.command(strategy="nobody")) == "strategy_unknown"
        assert await maker.refusal(maker.command(client_order_id="mine")) == "invalid"
        reply = await maker.submit(maker.command(lots=10**7))
        assert isinstance(reply, Rejected) and "expected 1 to 500000 lots, got 10000000" in reply.detail
        later = maker.command(client_order_id=expired.client_order_id)
        assert await maker.refusal(later) == "expired"
        world.oms.kill()
        world.oms.restart()
        await maker.accepted(maker.command())
        assert await maker.refusal(maker.command(client_order_id=expired.client_order_id)) == "expired"
        assert await maker.refusal(maker.command(client_order_id="cw-mm-test-999", lots=10**7)) == "order_size"

    play(configs, story)


def test_nothing_passes_before_the_first_reconciliation(configs: Path) -> None:
    async def story(world: World) -> None:
        maker = world.maker
        world.venue.busy = True
        await until(lambda: world.maker.snapshots, 10)
        code = await maker.refusal(maker.command())
        assert code in ("not_reconciled", "execution_unavailable")
        world.venue.busy = False
        await maker.accepted(maker.command())
        assert world.venue.count(QueryExecutions) >= 1

    play(configs, story)


def test_lost_answers_are_resolved_by_asking_and_never_by_sending_again(configs: Path) -> None:
    async def story(world: World) -> None:
        maker, venue = world.maker, world.venue
        await maker.accepted(maker.command())
        venue.on_submit = venue.accept_in_silence
        resting = maker.command()
        assert isinstance(await maker.submit(resting), OrderChanged)
        await maker.reaches(resting.client_order_id, OrderState.UNKNOWN)
        await maker.reaches(resting.client_order_id, OrderState.OPEN)
        venue.on_submit = venue.lose
        lost = maker.command(expires_at_ns=time.time_ns() + 10**9)
        assert isinstance(await maker.submit(lost), OrderChanged)
        await maker.reaches(lost.client_order_id, OrderState.UNKNOWN)
        rejected = await maker.reaches(lost.client_order_id, OrderState.REJECTED)
        assert rejected.reason_code == "unknown_order"
        # While it could still have been under way, "unknown" at the venue was no verdict.
        assert rejected.changed_ns > lost.expires_at_ns
        assert set(venue.venue.placed.values()) == {1} and lost.client_order_id not in venue.venue.placed
        assert venue.count(QueryOrder) >= 2

    play(configs, story)


def test_a_handler_that_is_gone_means_rejected_at_once_or_refused(configs: Path) -> None:
    async def story(world: World) -> None:
        maker = world.maker
        await maker.accepted(maker.command())
        await world.venue.close()
        codes = set()
        deadline = time.monotonic() + 8
        while "execution_unavailable" not in codes:
            assert time.monotonic() < deadline, codes
            # What is sent before the loss of the connection shows ends as UNKNOWN, everything later is definite.
            reply = await maker.submit(maker.command())
            codes |= {reply.code} if isinstance(reply, Rejected) else set()
            codes |= {change.reason_code for change in maker.changes}
            await asyncio.sleep(0.05)
        await world.replace_handler_after_close()
        await maker.accepted(maker.command())

    play(configs, story)


def test_duplicates_gaps_and_missed_trades_end_in_the_venues_truth(configs: Path) -> None:
    async def story(world: World) -> None:
        maker, venue = world.maker, world.venue
        order = await maker.accepted(maker.command(500))
        key = order.client_order_id
        await maker.reaches(key, OrderState.OPEN)
        first = venue.trade(key, 5)
        for _ in range(3):
            venue.tell(venue.venue.report(key, first))
        for _ in range(4):
            venue.trade(key, 5, tell=False)  # missed; the next report's cumulative quantity gives it away
        venue.tell(venue.venue.report(key))
        await until(lambda: len(maker.fills) == 5)
        assert [fill.trade_id for fill in maker.fills] == [1, 2, 3, 4, 5]
        assert [fill.fill_sequence for fill in maker.fills] == [1, 2, 3, 4, 5]
        invalid = ExecutionReported(
            client_order_id=key, venue=VENUE, symbol=SYMBOL, state=OrderState.FILLED, filled_lots=501,
            event_time_ns=0, received_ns=0,
        )  # fmt: skip
        venue.tell(invalid)
        venue.trade(key, 475)
        await maker.reaches(key, OrderState.FILLED)
        assert (await world.health()).counters["reports_invalid"] == 1
        page = await maker.ask(ListFills(after_sequence=2, limit=2))
        assert isinstance(page, FillsListed)
        assert ([fill.fill_sequence for fill in page.fills], page.last_sequence) == ([3, 4], 6)

    play(configs, story)


def test_kill_9_between_journal_and_answer_neither_loses_nor_doubles(configs: Path) -> None:
    async def story(world: World) -> None:
        maker, venue = world.maker, world.venue
        await maker.accepted(maker.command())

        def die(command: SubmitOrder) -> None:
            venue.venue.place(command)
            world.oms.kill()

        venue.on_submit = die
        caught = maker.command()
        sending = asyncio.ensure_future(maker.submit(caught))
        await until(lambda: caught.client_order_id in venue.venue.placed)
        venue.trade(caught.client_order_id, 3)  # while nobody listens
        venue.venue.place(maker.command(client_order_id="cw-mm-stray-1"))
        venue.venue.place(maker.command(client_order_id="manual-1"))
        venue.on_submit = venue.accept
        world.oms.restart()
        await until(
            lambda: any(
                (change.client_order_id, change.filled_lots) == (caught.client_order_id, 3) for change in maker.changes
            ),
            10,
        )
        again = await maker.accepted(maker.command(client_order_id=caught.client_order_id))
        assert again.client_order_id == caught.client_order_id and again.filled_lots == 3
        assert [fill.quantity_lots for fill in (await maker.listed()).fills] == [3]
        await until(lambda: "cw-mm-stray-1" not in venue.venue.resting())
        assert "manual-1" in venue.venue.resting()
        assert venue.venue.placed[caught.client_order_id] == 1
        sending.cancel()

    play(configs, story)


def test_an_intent_that_never_left_ends_as_rejected_after_restart(configs: Path) -> None:
    async def story(world: World) -> None:
        maker, venue = world.maker, world.venue
        await maker.accepted(maker.command())
        venue.on_submit = lambda command: world.oms.kill()  # type: ignore[func-returns-value]
        intent = maker.command()
        sending = asyncio.ensure_future(maker.submit(intent))
        await until(lambda: world.oms.process.poll() is not None)
        venue.on_submit = venue.accept
        world.oms.restart()
        rejected = await maker.reaches(intent.client_order_id, OrderState.REJECTED, 10)
        assert rejected.reason_code == "unknown_order" and intent.client_order_id not in venue.venue.placed
        sending.cancel()

    play(configs, story)


def test_a_new_life_of_the_handler_is_reconciled_before_trading_goes_on(configs: Path) -> None:
    async def story(world: World) -> None:
        maker = world.maker
        kept = await maker.accepted(maker.command())
        await maker.reaches(kept.client_order_id, OrderState.OPEN)
        gone = await maker.accepted(maker.command())
        await maker.reaches(gone.client_order_id, OrderState.OPEN)
        venue = world.venue.venue
        await world.venue.close()
        venue.cancel(gone.client_order_id)  # as the handler does at its start
        venue.trade(kept.client_order_id, 100)
        await world.replace_handler_after_close()
        await maker.reaches(gone.client_order_id, OrderState.CANCELED)
        await maker.reaches(kept.client_order_id, OrderState.FILLED)
        assert sum(fill.quantity_lots for fill in maker.fills) == 100

    play(configs, story)


def test_a_silent_strategy_loses_its_orders(configs: Path) -> None:
    async def story(world: World) -> None:
        maker = world.maker
        order = await maker.accepted(maker.command())
        await maker.reaches(order.client_order_id, OrderState.OPEN)
        maker.fall_silent()
        begun = time.monotonic()
        await maker.reaches(order.client_order_id, OrderState.CANCELED)
        assert 0.3 < time.monotonic() - begun < 2.0

    play(configs, story)


def test_kill_cancels_everything_refuses_and_survives_kill_9(configs: Path) -> None:
    async def story(world: World) -> None:
        maker, venue = world.maker, world.venue
        for _ in range(3):
            order = await maker.accepted(maker.command())
            await maker.reaches(order.client_order_id, OrderState.OPEN)
        killed = await maker.ask(EngageKill(reason="test", operator="me"))
        assert isinstance(killed, KillStateChanged)
        assert (killed.engaged, killed.reason, killed.operator, killed.canceled) == (True, "test", "me", 3)
        assert venue.venue.resting() == []
        assert await maker.refusal(maker.command()) == "killed"
        world.oms.kill()
        world.oms.restart()
        await until(lambda: len(maker.snapshots) == 2, 10)
        assert any(isinstance(fact, KillStateChanged) and fact.engaged for fact in maker.snapshots[-1])
        assert await maker.refusal(maker.command()) == "killed"
        rearmed = await maker.ask(RearmTrading(operator="me"))
        assert isinstance(rearmed, KillStateChanged) and not rearmed.engaged
        await maker.accepted(maker.command())

    play(configs, story)


def test_a_latch_made_by_somebody_else_works_within_a_moment(configs: Path) -> None:
    async def story(world: World) -> None:
        maker = world.maker
        order = await maker.accepted(maker.command())
        await maker.reaches(order.client_order_id, OrderState.OPEN)
        (configs / "v" / "KILL").touch()
        begun = time.monotonic()
        assert await maker.refusal(maker.command()) == "killed"
        await maker.reaches(order.client_order_id, OrderState.CANCELED)
        assert time.monotonic() - begun < 0.5
        assert world.venue.count(CancelAllOrders) == 1
        (configs / "v" / "KILL").unlink()
        await maker.accepted(maker.command())

    play(configs, story)


def test_worst_case_exposure_counts_live_orders(configs: Path) -> None:
    async def story(world: World) -> None:
        maker, venue = world.maker, world.venue
        text = (
            (configs / "oms.toml").read_text().replace('position_quantity_max = "600"', 'position_quantity_max = "9"')
        )
        (configs / "oms.toml").write_text(text)
        world.oms.kill()
        world.oms.restart()
        first = await maker.accepted(maker.command(50_000))
        await maker.reaches(first.client_order_id, OrderState.OPEN)
        assert await maker.refusal(maker.command(40_001)) == "position_limit"
        await maker.accepted(maker.command(90_000, Side.SELL, 250_010))
        venue.trade(first.client_order_id, 50_000)
        await maker.reaches(first.client_order_id, OrderState.FILLED)
        await maker.accepted(maker.command(40_000))
        assert await maker.refusal(maker.command(1)) in ("position_limit", "order_notional")

    play(configs, story)


def test_an_intent_in_the_journal_that_was_never_sent_is_settled_by_asking(configs: Path) -> None:
    now_ns = time.time_ns()
    command = SubmitOrder(
        client_order_id="cw-mm-dead-1", strategy="market_maker", venue=VENUE, symbol=SYMBOL, side=Side.BUY,
        price_ticks=249_990, quantity_lots=100, expires_at_ns=now_ns + 10**8,
    )  # fmt: skip
    journal = Journal(configs / "v" / "oms.db", "process")
    journal.record(OrderAccepted(command=command, at_ns=now_ns))
    journal.close()

    async def story(world: World) -> None:
        await world.maker.answers(command, OrderState.REJECTED)
        assert world.venue.count(QueryOrder) >= 1 and world.venue.count(SubmitOrder) == 0
        again = await world.maker.submit(
            world.maker.command(client_order_id="cw-mm-dead-1")
        )  # in time, but the id is spent
        assert isinstance(again, OrderChanged) and again.state is OrderState.REJECTED

    play(configs, story)


def test_ids_that_left_memory_are_still_answered_after_a_restart(configs: Path) -> None:
    text = (configs / "oms.toml").read_text()
    (configs / "oms.toml").write_text("finished_orders_kept = 2\nsnapshot_entries = 4\n" + text)

    async def story(world: World) -> None:
        maker = world.maker
        done = []
        for _ in range(5):
            order = await maker.accepted(maker.command())
            await maker.reaches(order.client_order_id, OrderState.OPEN)
            world.venue.trade(order.client_order_id, 100)
            await maker.reaches(order.client_order_id, OrderState.FILLED)
            done.append(order.client_order_id)
        refused = maker.command(lots=10**7)
        assert await maker.refusal(refused) == "order_size"
        for _ in range(3):
            assert await maker.refusal(maker.command(lots=10**7)) == "order_size"
        for life in range(2):
            for key in done:
                reply = await maker.submit(maker.command(client_order_id=key))
                assert isinstance(reply, OrderChanged) and reply.state is OrderState.FILLED, (life, key)
            repeat = maker.command(client_order_id=refused.client_order_id)
            assert await maker.refusal(repeat) == "order_size"
            world.oms.kill()
            world.oms.restart()
            await maker.accepted(maker.command())
        assert set(world.venue.venue.placed.values()) == {1}
        assert [fill.fill_sequence for fill in (await maker.listed()).fills] == [1, 2, 3, 4, 5]

    play(configs, story)


def test_fills_that_left_memory_are_listed_from_the_journal(configs: Path) -> None:
    text = (configs / "oms.toml").read_text()
    (configs / "oms.toml").write_text("fills_kept = 2\n" + text)

    async def story(world: World) -> None:
        order = await world.maker.accepted(world.maker.command())
        await world.maker.reaches(order.client_order_id, OrderState.OPEN)
        for _ in range(6):
            world.venue.trade(order.client_order_id, 1)
        await until(lambda: len(world.maker.fills) == 6)
        assert [fill.fill_sequence for fill in (await world.maker.listed()).fills] == [1, 2, 3, 4, 5, 6]

    play(configs, story)


def test_a_kill_without_a_handler_cancels_as_soon_as_there_is_one(configs: Path) -> None:
    async def story(world: World) -> None:
        maker = world.maker
        order = await maker.accepted(maker.command())
        await maker.reaches(order.client_order_id, OrderState.OPEN)
        await world.venue.close()
        killed = await maker.ask(EngageKill(reason="test", operator="me"))
        assert isinstance(killed, KillStateChanged) and killed.engaged and killed.canceled == 0
        await world.replace_handler_after_close()
        await maker.reaches(order.client_order_id, OrderState.CANCELED)
        assert await maker.refusal(maker.command()) == "killed"

    play(configs, story)


def test_a_cancel_that_overtakes_its_order_is_repeated_once_the_order_rests(configs: Path) -> None:
    async def story(world: World) -> None:
        maker, venue = world.maker, world.venue
        await maker.accepted(maker.command())
        answers: list[asyncio.Future[Message]] = []

        def slow(_command: SubmitOrder) -> asyncio.Future[Message]:
            answers.append(asyncio.get_running_loop().create_future())
            return answers[-1]

        venue.on_submit = slow
        order = maker.command()
        assert isinstance(await maker.submit(order), OrderChanged)
        await maker.ask(CancelOrder(client_order_id=order.client_order_id, venue=VENUE, symbol=SYMBOL))
        await until(lambda: venue.count(CancelOrder) == 1)
        venue.venue.place(order)
        answers[0].set_result(venue.venue.report(order.client_order_id))
        begun = time.monotonic()
        await maker.reaches(order.client_order_id, OrderState.CANCELED)
        assert time.monotonic() - begun < 0.2

    play(configs, story)


def test_it_ends_in_order_while_an_order_is_under_way(configs: Path) -> None:
    async def story(world: World) -> None:
        await world.maker.accepted(world.maker.command())
        world.venue.on_submit = world.venue.accept_in_silence
        assert isinstance(await world.maker.submit(world.maker.command()), OrderChanged)
        world.oms.end()
        world.oms.restart()
        await world.maker.reaches(f"cw-mm-test-{world.maker.count}", OrderState.OPEN, 10)

    play(configs, story)


def test_an_order_that_the_venue_lost_ends_after_a_second_denial(configs: Path) -> None:
    async def story(world: World) -> None:
        maker, venue = world.maker, world.venue
        order = await maker.accepted(maker.command())
        await maker.reaches(order.client_order_id, OrderState.OPEN)
        await venue.close()
        del venue.venue.orders[order.client_order_id]
        await world.replace_handler_after_close()
        gone = await maker.reaches(order.client_order_id, OrderState.CANCELED)
        assert gone.reason_code == "lost_at_venue" and world.venue.count(QueryOrder) == 2

    play(configs, story)
