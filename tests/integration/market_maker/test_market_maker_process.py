"""The real market maker and the real oms on the real bus: need to quote to fill, and every way to be pulled."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from common.model.order import OrderState, Side
from tests.conftest import PROJECT, until
from tests.integration.market_maker.peers import World


@pytest.fixture
def configs() -> Iterator[Path]:
    """A fleet of its own in a folder whose name is short enough for socket paths."""
    folder = Path(tempfile.mkdtemp(prefix="cw"))
    paper = PROJECT / "configs" / "paper"
    text = (paper / "fleet.toml").read_text()
    (folder / "fleet.toml").write_text(text.replace('var_dir = "var/paper"', f'var_dir = "{folder}/v"'))
    text = (paper / "oms.toml").read_text()
    text = text.replace("execution_timeout_s = 2.0", "execution_timeout_s = 0.3\nabsence_grace_ms = 200.0")
    (folder / "oms.toml").write_text(text)
    (folder / "market_maker.toml").write_text('venue = "binance"\nsymbol = "ETH-USDT"\nbehind_touch_bps = 0.8\n')
    yield folder
    shutil.rmtree(folder)


def play(configs: Path, story: Callable[[World], Awaitable[None]]) -> None:
    """Run one story from a cold start to an orderly end, after which nothing may rest."""

    async def run() -> None:
        world = World(configs)
        try:
            await story(world)
        finally:
            await world.close()
        assert world.venue.resting() == []
        assert max(world.venue.placed.values(), default=0) <= 1
        assert world.venue.resting_max <= 1, "more than one order rested at once"
        assert all(command.post_only for command in world.venue.history)

    asyncio.run(run())


async def quoting(world: World, lots: int = 5_000) -> None:
    """One order of this need rests."""
    world.positions.aim(world.positions.lots + lots)
    await until(lambda: world.rests(abs(lots)), 15)


def test_need_becomes_a_quote_and_fills_end_it(configs: Path) -> None:
    async def story(world: World) -> None:
        await quoting(world, 5_000)
        order = world.resting_order()
        assert (order.side, order.quantity_lots) == (Side.BUY, 5_000)
        assert 268_380 - 22 <= order.price_ticks <= 268_380
        world.handler.trade(order.client_order_id, 2_000)
        world.handler.trade(order.client_order_id, 3_000)
        await until(lambda: world.positions.lots == 5_000)
        await until(lambda: world.quotes and world.quotes[-1].state == "flat" and world.quotes[-1].net_delta == 0)
        aimed_ns = time.time_ns()
        await quoting(world, -3_000)
        assert world.resting_order().side is Side.SELL
        assert aimed_ns < world.resting_order().trigger_received_ns < time.time_ns()  # The exposure caused it.
        health = await world.health()
        assert health.details["state"] == "quoting"
        assert health.details["need"] == -0.3

    play(configs, story)


def test_a_moved_market_moves_the_quote_in_two_steps(configs: Path) -> None:
    async def story(world: World) -> None:
        await quoting(world)
        for bid in (268_480, 268_300, 268_380):
            before = world.resting_order()
            world.feed.bid, world.feed.ask = bid, bid + 1
            await until(lambda before=before: world.venue.resting() not in ([], [before.client_order_id]))
            assert bid - 22 <= world.resting_order().price_ticks <= bid
        # `play` checks that two orders never rested at once.

    play(configs, story)


def test_stale_books_pull_the_quotes_and_fresh_ones_bring_them_back(configs: Path) -> None:
    async def story(world: World) -> None:
        await quoting(world)
        world.feed.quiet, began = True, time.monotonic()
        await until(lambda: not world.venue.resting())
        assert time.monotonic() - began < 1.0  # 0.5 s threshold, one check interval, three hops on a busy machine.
        await world.pulled("book_stale")
        world.feed.quiet = False
        await until(lambda: world.rests(5_000))
        world.feed.state = "stale"
        await until(lambda: not world.venue.resting())
        await world.pulled("feed_not_live")

    play(configs, story)


def test_an_incomplete_exposure_and_a_silent_position_server_pull_the_quotes(configs: Path) -> None:
    async def story(world: World) -> None:
        await quoting(world)
        world.positions.complete = False
        await until(lambda: not world.venue.resting())
        await world.pulled("exposure_incomplete")
        world.positions.complete = True
        await until(lambda: world.rests(5_000))
        world.positions._showing.cancel()
        await until(lambda: not world.venue.resting())
        await world.pulled("exposure_stale")

    play(configs, story)


def test_the_kill_switch_stops_it_and_rearming_lets_it_go_on(configs: Path) -> None:
    async def story(world: World) -> None:
        await quoting(world)
        await world.kill_switch(engage=True)
        await until(lambda: not world.venue.resting())
        await world.pulled("killed")
        placed = len(world.venue.history)
        world.positions.aim(9_000)
        world.feed.bid, world.feed.ask = 268_500, 268_501
        await asyncio.sleep(0.5)  # A while in which it could do wrong: nothing may happen in it.
        assert len(world.venue.history) == placed
        await world.kill_switch(engage=False)
        await until(lambda: world.rests(9_000))

    play(configs, story)


def test_a_dead_oms_pulls_the_quotes_and_its_next_life_is_quoted_through(configs: Path) -> None:
    async def story(world: World) -> None:
        await quoting(world)
        order = world.resting_order()
        world.oms.kill()
        await world.pulled("oms_silent")
        world.handler.trade(order.client_order_id, 2_000)  # Unheard by everybody for now.
        world.oms.start()
        await until(lambda: world.positions.lots == 2_000, 15)
        await until(lambda: world.rests(3_000) and world.resting_order() != order, 15)

    play(configs, story)


def test_a_killed_market_maker_clears_what_its_former_life_left(configs: Path) -> None:
    async def story(world: World) -> None:
        await quoting(world)
        left = world.resting_order().client_order_id
        world.maker.kill()
        world.maker.start()
        await until(lambda: world.venue.orders[left][1] is OrderState.CANCELED, 15)
        await until(lambda: world.rests(5_000), 15)
        assert world.resting_order().client_order_id != left

    play(configs, story)


def test_a_lost_answer_never_leads_to_a_second_order_beside_the_first(configs: Path) -> None:
    async def story(world: World) -> None:
        await quoting(world)
        world.handler.on_submit = world.handler.accept_in_silence
        world.feed.bid, world.feed.ask = 268_480, 268_481
        await until(lambda: len(world.venue.history) == 2)
        world.handler.on_submit = world.handler.accept
        await until(lambda: len(world.venue.history) >= 3 or world.rests(5_000))
        await until(lambda: world.rests(5_000), 10)
        world.handler.on_submit = world.handler.lose
        world.feed.bid, world.feed.ask = 268_580, 268_581
        await until(lambda: not world.venue.resting())
        world.handler.on_submit = world.handler.accept
        await until(lambda: world.rests(5_000), 10)

    play(configs, story)
