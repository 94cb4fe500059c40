"""A seeded market: a price with trends and shocks, clustered trades, and a book that follows.

The price is a random walk with slowly changing volatility, a drift that is redrawn about each minute and, every few
minutes, a shock that runs for about a second; a perpetual's is also pulled towards its underlying's. Buyers and sellers
arrive as two mutually exciting Hawkes processes with exponential kernels (Hawkes 1971, eq. 7), sampled on a grid of
STEP_S; the drift and shocks push their rates.
"""

from collections.abc import Callable
from math import exp, floor, log, sqrt
from random import Random

import msgspec

from common.exchange.book import BookSide, OrderBook
from common.exchange.commands import LevelSizes, SetLevels, TakeLiquidity
from common.exchange.events import EXTERNAL_ACCOUNT
from common.model.instrument import Instrument
from common.model.order import Side
from services.paper_exchange.flow import Execute

STEP_S = 0.05
RATE_PER_S_MAX = 200.0


class SyntheticMarket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[synthetic]`: prices in quote units, quantities in base units, times in seconds.

    `volatility_bps` and `drift_bps` are per square-root second and per second. `trades_per_s` is the mean of both
    sides together, of which the share `excitation` is caused by earlier trades.
    """

    price: float = 2_680.0
    volatility_bps: float = 0.7
    drift_bps: float = 0.07
    drift_interval_s: float = 60.0
    shock_interval_s: float = 150.0
    shock_bps: float = 10.0
    trades_per_s: float = 8.0
    excitation: float = 0.6
    trade_quantity: float = 0.6
    touch_quantity: float = 6.0
    depth_bps: float = 30.0
    level_changes_per_s: float = 80.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be positive and finite, got {getattr(self, name)}")
        if self.excitation >= 1:
            raise ValueError(f"excitation must be below 1 or the trades explode, got {self.excitation}")


class FairPrice:
    """The latent price in ticks, and how hard it is being pushed (bps per second)."""

    VOLATILITY_REVERSION_PER_S = 0.02
    VOLATILITY_OF_VOLATILITY = 0.1
    SHOCK_S = 1.0
    ANCHOR_PER_S = 0.5  # arbitrage closes half of a gap in about 1.4 s

    def __init__(self, market: SyntheticMarket, start_ticks: float, random: Random) -> None:
        self._market, self._random = market, random
        self.ticks = start_ticks
        self.push_bps = self._shock_bps = 0.0
        self._heat = 0.0  # log of volatility over its mean
        self._drift_bps = random.gauss(0.0, market.drift_bps)
        self._shock_left_s = 0.0

    def advance(self, dt_s: float) -> None:
        """Move by one step."""
        market, random = self._market, self._random
        if random.random() < dt_s / market.drift_interval_s:
            self._drift_bps = random.gauss(0.0, market.drift_bps)
        if self._shock_left_s > 0:
            self._shock_left_s -= dt_s
        elif random.random() < dt_s / market.shock_interval_s:
            self._shock_left_s = self.SHOCK_S
            self._shock_bps = random.choice((-1, 1)) * market.shock_bps * random.uniform(0.5, 1.5) / self.SHOCK_S
        self._heat += self.VOLATILITY_OF_VOLATILITY * sqrt(dt_s) * random.gauss(0.0, 1.0)
        self._heat -= self.VOLATILITY_REVERSION_PER_S * dt_s * self._heat
        self.push_bps = self._drift_bps + (self._shock_bps if self._shock_left_s > 0 else 0.0)
        noise = market.volatility_bps * exp(self._heat) * sqrt(dt_s) * random.gauss(0.0, 1.0)
        self.ticks *= exp((self.push_bps * dt_s + noise) / 10_000)

    def pull(self, anchor_ticks: float, dt_s: float) -> None:
        """Take back what a step's part of ANCHOR_PER_S closes of the distance to another price."""
        self.ticks *= exp(min(1.0, self.ANCHOR_PER_S * dt_s) * log(anchor_ticks / self.ticks))


class Arrivals:
    """Buyers and sellers: rate_i(t) = base_i + sum over past trades of both sides of a kernel a_ij * exp(-b * age)."""

    DECAY_PER_S = 3.0
    OWN_SHARE = 0.8
    PUSH_PER_BPS = 1.0
    FACTOR_MAX = 8.0

    def __init__(self, market: SyntheticMarket, random: Random) -> None:
        self._random = random
        self._base = market.trades_per_s / 2 * (1 - market.excitation)
        self._jump_own = market.excitation * self.OWN_SHARE * self.DECAY_PER_S
        self._jump_other = market.excitation * (1 - self.OWN_SHARE) * self.DECAY_PER_S
        self._excited = {Side.BUY: 0.0, Side.SELL: 0.0}

    def advance(self, dt_s: float, push_bps: float) -> list[Side]:
        """Sides of the takers of one step, in random order."""
        takers = list[Side]()
        for side in Side:
            factor = min(self.FACTOR_MAX, exp(self.PUSH_PER_BPS * push_bps * side.sign))
            rate = min(RATE_PER_S_MAX, self._base * factor + self._excited[side])
            takers += [side] * _poisson(self._random, rate * dt_s)
        for side in Side:
            self._excited[side] *= exp(-self.DECAY_PER_S * dt_s)
        for side in takers:
            self._excited[side] += self._jump_own
            self._excited[side.opposite] += self._jump_other
        self._random.shuffle(takers)
        return takers


class SyntheticFlow:
    """The market as a flow: each STEP_S takers take, the price moves, and external levels follow it.

    `anchor` tells the price in ticks that this one is pulled towards, 0 while there is none.
    """

    LEVELS_MIN, LEVELS_MAX = 30, 120
    SWEEP_BPS = 10.0

    def __init__(
        self,
        instrument: Instrument,
        market: SyntheticMarket,
        book: OrderBook,
        seed: int,
        anchor: Callable[[], float] | None = None,
    ) -> None:
        self.due_ns = 0
        self._anchor = anchor
        self._symbol, self._book, self._market = instrument.symbol, book, market
        self._random = Random(seed)
        self._lots_per_base = 1 / float(instrument.lot_size)
        self._fair = FairPrice(market, market.price / float(instrument.tick_size), self._random)
        self._arrivals = Arrivals(market, self._random)
        self._depth_ticks = self._fair.ticks * market.depth_bps / 10_000

    def step(self, execute: Execute, time_ns: int) -> None:
        """Takers first, against the book as it stands; then the book moves to the new price."""
        for side in self._arrivals.advance(STEP_S, self._fair.push_bps):
            self._take(side, execute, time_ns)
        self._fair.advance(STEP_S)
        if self._anchor is not None and (anchor_ticks := self._anchor()):
            self._fair.pull(anchor_ticks, STEP_S)
        levels = self._quote()
        if levels[0] or levels[1]:
            execute(SetLevels(time_ns=time_ns, symbol=self._symbol, bids=levels[0], asks=levels[1]))
        self.due_ns += int(STEP_S * 1e9)

    def _take(self, side: Side, execute: Execute, time_ns: int) -> None:
        best = self._book.side(side.opposite).best()
        if best is None:
            return
        limit = round(best.price * (1 + side.sign * self.SWEEP_BPS / 10_000))
        # Log-normal sizes: most trades are dust, the mean comes from the few large ones.
        quantity = self._market.trade_quantity * exp(self._random.gauss(-1.125, 1.5))
        lots = max(1, round(min(quantity, 50 * self._market.trade_quantity) * self._lots_per_base))
        execute(TakeLiquidity(time_ns=time_ns, symbol=self._symbol, side=side, price_ticks=limit, quantity_lots=lots))

    def _quote(self) -> tuple[LevelSizes, LevelSizes]:
        """Changes that bring both sides to the fair price: stale levels go, the touch is there, some others change."""
        spread = 1 if self._random.random() < 0.9 else 1 + _poisson(self._random, 2.0)
        bid = floor(self._fair.ticks - spread / 2)
        return self._side_changes(self._book.bids, bid), self._side_changes(self._book.asks, bid + spread)

    def _side_changes(self, makers: BookSide, touch: int) -> LevelSizes:
        sign, random = makers.side.sign, self._random
        held = {level.price: lots for level in makers.through(None) if (lots := level.quantity_of(EXTERNAL_ACCOUNT))}
        horizon = 2 * self._depth_ticks
        changes = {price: 0 for price in held if not 0 <= (touch - price) * sign <= horizon}
        if touch not in held or random.random() < STEP_S:
            changes[touch] = self._size(0.0)
        kept = [price for price in held if price != touch and price not in changes]
        for _ in range(
            max(_poisson(random, self._market.level_changes_per_s * STEP_S / 2), self.LEVELS_MIN - len(kept))
        ):
            if len(kept) > self.LEVELS_MIN and random.random() < len(kept) / self.LEVELS_MAX:
                changes[kept.pop(random.randrange(len(kept)))] = 0
                continue
            distance = min(horizon, random.expovariate(2 / self._depth_ticks))
            price = touch - sign * round(distance)
            if price > 0:
                changes[price] = self._size(distance / self._depth_ticks)
        return list(changes.items())

    def _size(self, depth: float) -> int:
        """Lots of a level: around the touch quantity, four times that at the depth scale."""
        mean = self._market.touch_quantity * (1 + 3 * depth)
        return max(1, round(self._random.gammavariate(2.0, mean / 2) * self._lots_per_base))


def _poisson(random: Random, mean: float) -> int:
    """A Poisson number by Knuth's product of uniforms; for small means."""
    bound, product, number = exp(-mean), random.random(), 0
    while product > bound:
        product *= random.random()
        number += 1
    return number
