"""The synthetic market: reproducible, sound, and lively enough to show a hedge at work within minutes."""

import asyncio
from collections import Counter
from itertools import pairwise

import msgspec
import pytest

from common.exchange.events import Event, TradeExecuted
from common.exchange.fills import fills_in
from common.model.order import Side
from services.paper_exchange.flow import run_flow
from services.paper_exchange.synthetic import STEP_S, SyntheticFlow, SyntheticMarket
from tests.unit.exchange.desk import BUY, ETH, SELL, Desk

STEPS_PER_S = round(1 / STEP_S)


class Session:
    """Some minutes of the market, and what was seen of it each second."""

    def __init__(self, seed: int, seconds: int, **market: float) -> None:
        self.desk = Desk()
        self.flow = SyntheticFlow(ETH, SyntheticMarket(**market), self.desk.book, seed)
        self.events: list[Event] = []
        self.mids: list[float] = []
        self.touches: list[int] = []
        self.spreads: Counter[int] = Counter()
        for step in range(seconds * STEPS_PER_S):
            self.flow.step(self.execute, step)
            bid, ask = self.desk.book.bids.best(), self.desk.book.asks.best()
            assert bid is not None and ask is not None and bid.price < ask.price
            if step % STEPS_PER_S == 0:
                self.mids.append((bid.price + ask.price) / 2)
                self.touches.append((bid.quantity + ask.quantity) // 2)
                self.spreads[ask.price - bid.price] += 1

    def execute(self, command):  # type: ignore[no-untyped-def]
        """Execute and remember."""
        events = self.desk.exchange.execute(command)
        self.events += events
        return events

    @property
    def trades(self) -> list[TradeExecuted]:
        """All trades."""
        return [event for event in self.events if isinstance(event, TradeExecuted)]


def test_the_seed_decides_everything():
    one, same, other = (msgspec.msgpack.encode(Session(seed, 20).events) for seed in (7, 7, 8))
    assert one == same and one != other


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_five_minutes_have_a_real_touch_real_volume_and_moves(seed: int):
    session = Session(seed, 300)
    volume = sum(trade.quantity_lots for trade in session.trades) / 10_000 / 300
    assert 2 < volume < 10, "ETH a second"
    assert 20_000 < sum(session.touches) / len(session.touches) < 120_000, "lots at the touch"
    assert session.spreads.most_common(1)[0][0] == 1
    move_bps = (max(session.mids) - min(session.mids)) / session.mids[0] * 10_000
    assert 8 < move_bps < 120 and abs(session.mids[0] / 100 - 2_680) < 5
    assert 20 <= len(session.desk.book.bids.top(1_000)) <= 150
    aggressors = Counter(trade.aggressor for trade in session.trades)
    assert min(aggressors.values()) > 0.15 * len(session.trades)


def test_trades_come_in_clusters():
    # A Poisson process has a variance equal to its mean; an excited one has more (Hawkes 1971).
    session = Session(11, 600, drift_bps=1e-9, shock_interval_s=1e9)
    counts = Counter(trade.time_ns // STEPS_PER_S for trade in session.trades)
    mean = len(session.trades) / 600
    variance = sum((counts[second] - mean) ** 2 for second in range(600)) / 600
    assert variance > 2 * mean


def test_shocks_move_the_price_within_seconds():
    calm = Session(5, 240, shock_interval_s=1e9)
    shaken = Session(5, 240, shock_interval_s=40.0, shock_bps=20.0)

    def largest(session: Session) -> float:
        return max(abs(late - early) for early, late in pairwise(session.mids[::3])) / session.mids[0] * 10_000

    assert largest(shaken) > 8 > largest(calm)


def test_resting_orders_on_both_sides_fill_as_maker():
    session = Session(7, 2)
    for number in range(60):
        for side in Side:
            best = session.desk.book.side(side).best()
            assert best is not None
            session.desk.place("me", f"{side}{number}", side, best.price, 5_000, post_only=True)
        for step in range(3 * STEPS_PER_S):
            session.flow.step(session.execute, number * 100 + step)
        for order_id in list(session.desk.exchange.ledger.open_of("me", ETH.symbol)):
            session.desk.cancel("me", order_id)
    fills = list(fills_in(session.events))
    assert {fill.side for fill in fills} == {BUY, SELL} and all(fill.maker for fill in fills)


@pytest.mark.parametrize("bad", [{"price": 0.0}, {"volatility_bps": float("nan")}, {"excitation": 1.0}])
def test_impossible_markets_are_refused(bad: dict[str, float]):
    with pytest.raises(ValueError, match=r"positive|below 1"):
        SyntheticMarket(**bad)


class Steps:
    """A flow whose steps are 100 ms apart."""

    def __init__(self) -> None:
        self.due_ns, self.played = 0, []

    def step(self, execute, time_ns):  # type: ignore[no-untyped-def]
        """Note what was due."""
        self.played.append(self.due_ns)
        self.due_ns += 100_000_000


class StepsDone(Exception):
    """Ends the endless run."""


def test_the_driver_keeps_pace_at_any_speed_and_does_not_catch_up_after_a_stall():
    naps: list[float] = []
    flow = Steps()

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 5:
            raise StepsDone
        await asyncio.sleep(seconds)
        if len(naps) == 3:
            # A stopped process: 1.2 s at speed 20 are 24 s of flow, which must not come in one burst.
            loop = asyncio.get_running_loop()
            ends = loop.time() + 1.2
            while loop.time() < ends:
                pass

    with pytest.raises(StepsDone):
        asyncio.run(run_flow(flow, lambda command: [], lambda: 0, 20.0, nap))
    assert len(flow.played) < 150 and flow.played == [100_000_000 * number for number in range(len(flow.played))]
    assert all(0.004 <= seconds <= 0.0051 for seconds in naps)
