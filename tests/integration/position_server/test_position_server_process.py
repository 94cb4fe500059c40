"""The real position server on the real bus: exactly-once fills, exposure, reconciliation, restarts."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from common.messages import HealthReported, NetExposureChanged, PositionChanged, ProfitReported, QueryHealth
from common.model.order import Side
from tests.conftest import PROJECT, until
from tests.integration.position_server.peers import OmsPeer, World


@pytest.fixture
def configs() -> Iterator[Path]:
    """A fleet of its own in a folder whose name is short enough for socket paths."""
    folder = Path(tempfile.mkdtemp(prefix="cw"))
    text = (PROJECT / "configs" / "paper" / "fleet.toml").read_text()
    (folder / "fleet.toml").write_text(text.replace('var_dir = "var/paper"', f'var_dir = "{folder}/v"'))
    text = (PROJECT / "configs" / "paper" / "position_server.toml").read_text()
    text = text.replace("reconcile_interval_s = 60.0", "reconcile_interval_s = 0.3\nreconcile_retry_s = 0.1")
    (folder / "position_server.toml").write_text(
        text + "publish_interval_s = 0.1\nprofit_interval_s = 0.1\nsnapshot_interval_s = 0.2\n"
    )
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


def position(world: World) -> PositionChanged:
    assert world.observer.position is not None
    return world.observer.position


def exposure(world: World) -> NetExposureChanged:
    assert world.observer.exposure is not None
    return world.observer.exposure


def profit(world: World) -> ProfitReported:
    assert world.observer.profit is not None
    return world.observer.profit


async def complete(world: World) -> None:
    """Every source is there."""
    await until(lambda: world.observer.snapshots, 10)

    def ready() -> bool:
        world.books.tell(250_000)
        return exposure(world).complete and position(world).reconciled_ns > 0

    await until(ready)


def test_exposure_is_incomplete_until_every_source_is_there_and_then_adds_up(configs: Path) -> None:
    async def story(world: World) -> None:
        await until(lambda: world.observer.snapshots, 10)
        await until(lambda: exposure(world).reason == "lp_missing,book_missing")
        assert not exposure(world).complete
        world.lp.tell(3.0)
        await until(lambda: exposure(world).reason == "book_missing")
        await complete(world)
        assert (exposure(world).lp_delta, exposure(world).hedge_target) == (3.0, -3.0)
        assert exposure(world).cefi_target_lots == -30_000
        world.oms.fill(Side.SELL, 12_000)
        await until(lambda: exposure(world).cefi_position_lots == -12_000)
        assert exposure(world).net_delta == pytest.approx(1.8) and exposure(world).complete
        assert exposure(world).trigger_received_ns > 0
        world.lp.tell(-1.0)
        await until(lambda: exposure(world).lp_delta == -1.0)
        assert exposure(world).net_delta == pytest.approx(-2.2)
        world.lp.fall_silent()
        await until(lambda: exposure(world).reason == "lp_silent", 6)
        assert not exposure(world).complete and exposure(world).net_delta == pytest.approx(-2.2)

    play(configs, story)


def test_fills_count_once_through_duplicates_holes_and_new_lives(configs: Path) -> None:
    async def story(world: World) -> None:
        for _ in range(7):
            world.oms.fill(Side.BUY, 10, tell=False)  # before anybody listens
        world.lp.tell(0.0)
        await complete(world)
        assert world.observer.lots == 70
        again = world.oms.fill(Side.BUY, 5)
        world.oms.tell(again)
        world.oms.fill(Side.SELL, 1, tell=False)  # a hole in the numbers that the topic's own sequence cannot show
        world.oms.fill(Side.BUY, 2)
        await until(lambda: world.observer.lots == 76)
        world.kill()
        world.oms.fill(Side.BUY, 100, tell=False)  # while nobody was there
        world.start()
        await until(lambda: world.observer.snapshots >= 2 and world.observer.lots == 176, 10)
        fills = world.oms.fills
        await world.oms.close()
        world.oms = OmsPeer(world.fleet, [*fills])  # a new life of the oms, with one fill that was never told
        world.account.oms = world.oms
        world.oms.fill(Side.SELL, 6, tell=False)
        await until(lambda: world.observer.lots == 170, 10)
        assert position(world).fill_count == 12 and position(world).last_fill_sequence == 12
        await complete(world)
        assert position(world).venue_difference_lots == 0

    play(configs, story)


def test_differences_with_the_venue_are_confirmed_then_told(configs: Path) -> None:
    async def story(world: World) -> None:
        world.lp.tell(0.0)
        world.oms.fill(Side.BUY, 10_000, tell=False, fee="0.001", fee_asset="ETH")
        await complete(world)
        assert position(world).venue_difference_lots == 0
        assert Decimal(position(world).fees) == Decimal("2.5")
        world.account.balance_shift = Decimal("-0.0042")
        await until(lambda: position(world).venue_difference_lots == -42)
        world.account.balance_shift = Decimal(0)
        await until(lambda: position(world).venue_difference_lots == 0)
        world.kill()
        world.account.balance_shift = Decimal("0.01")  # the opening balance is remembered: still a difference
        world.start()
        await until(lambda: position(world).venue_difference_lots == 100, 10)
        health = await world.observer.bus.request("position_server", QueryHealth(), 2.0)
        assert isinstance(health, HealthReported) and health.details["venue_open_orders"] == 2

    play(configs, story)


def test_profit_adds_up_by_source_and_survives_kill_9(configs: Path) -> None:
    async def story(world: World) -> None:
        world.lp.tell(0.0)
        await complete(world)
        await until(lambda: world.observer.profit and profit(world).samples >= 2)
        world.books.tell(250_000)
        world.oms.fill(Side.SELL, 20_000, 250_010, fee="0.5")  # 2 ETH, 0.10 above the middle
        await until(lambda: profit(world).hedge_trading == pytest.approx(0.2))
        world.books.tell(250_100)
        await until(lambda: profit(world).hedge_inventory == pytest.approx(-2.0))
        world.lp.tell(
            2.0, base_total=102.0, quote_total=245_003.0, fees_base=0.001, fees_quote=2.0, gas_spent_native=0.01
        )
        await until(lambda: profit(world).lp_fees > 0)
        told = profit(world)
        assert told.lp_fees == pytest.approx(0.001 * 2501 + 2.0)
        assert told.lp_inventory == pytest.approx((102 - 0.001) * 2501 + 245_001 - 500_000)
        assert told.lp_against_hold == pytest.approx(told.lp_inventory - 100)
        assert (told.cefi_fees, told.gas) == (pytest.approx(0.5), pytest.approx(25.01))
        whole = (102 * 2501 + 245_003 - 500_000) + (0.2 - 2.0) - 0.5 - 25.01
        assert told.total == pytest.approx(whole)
        assert told.hedge_turnover == pytest.approx(5000.2)
        await until(lambda: profit(world).samples > told.samples + 8)  # several snapshots later
        before = profit(world)
        world.kill()
        world.start()
        await until(lambda: world.observer.snapshots >= 2, 10)
        await complete(world)
        await until(lambda: profit(world).samples >= before.samples)
        after = profit(world)
        assert after.run_seconds > before.run_seconds and after.max_abs_net_delta >= 2.0 - 1e-9
        world.books.tell(250_100)
        await until(lambda: profit(world).total == pytest.approx(whole))
        assert profit(world).net_delta_std > 0 and profit(world).unhedged_delta_std > 0

    play(configs, story)
