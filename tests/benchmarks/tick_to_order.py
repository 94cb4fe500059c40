"""From a book image to an order's bytes leaving for the venue, beside bare ZeroMQ hops of the same number.

market_maker, oms, execution_handler and paper_exchange are the real processes, with their journals. The benchmark plays
quote_server and position_server: it lets the book go stale, waits until the quotes are pulled, then publishes one image
into a standing need; the order that answers it carries the image's time to the socket. Three hops, as there.
"""

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path

from common.bus import Bus
from common.messages import (
    BookImage,
    FeedStatusChanged,
    Header,
    Message,
    NetExposureChanged,
    OrderChanged,
    PositionChanged,
    QueryHealth,
)
from common.model.order import OrderState
from common.runtime import Fleet, load_fleet
from tests.benchmarks.bare_chain import latencies_us
from tests.benchmarks.measure import percentile, table
from tests.conftest import PROJECT, until
from tests.fleet.fleet import PaperFleet
from tests.integration.oms.peers import SYMBOL, VENUE, Peer

ORDERS = 60
ROUNDS = 4
WARM_UP_ORDERS = 10
STALE_MS = 100.0
PROGRAMS = (
    ("paper_exchange", VENUE),
    ("execution_handler", VENUE),
    ("oms", ""),
    ("market_maker", ""),
)


def main(orders: int = ORDERS, rounds: int = ROUNDS) -> None:
    """Print both distributions and their ratio; the two take turns, since the machine's speed drifts."""
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(rounds):
        measured, interval_s = asyncio.run(_measure(orders))
        ours += measured
        bare += latencies_us(interval_s, orders)
    rows = [
        (name, len(values), round(percentile(values, 0.5)), round(percentile(values, 0.99)))
        for name, values in (("bare ZeroMQ, 3 hops", bare), ("fleet: image to order on the wire", ours))
    ]
    table(("path", "samples", "p50 µs", "p99 µs"), rows)
    print(f"\np50 ratio {rows[1][2] / rows[0][2]:.2f}, p99 ratio {rows[1][3] / rows[0][3]:.2f}")


class Books(Peer):
    """A quote server that shows an image only when it is asked to."""

    def show(self) -> None:
        """One image, stamped now. Far below the paper venue's book, so that the order rests."""
        now_ns = time.time_ns()
        self.bus.publish(
            f"book.{VENUE}.{SYMBOL}",
            BookImage(
                venue=VENUE, symbol=SYMBOL, update_id=1, event_time_ns=now_ns, received_ns=now_ns,
                bids=[(200_000 - level, 60_000) for level in range(20)],
                asks=[(200_001 + level, 60_000) for level in range(20)],
            ),
        )  # fmt: skip

    def tell_live(self) -> None:
        """The feed itself is fine."""
        now_ns = time.time_ns()
        self.bus.publish(
            f"feed.{VENUE}.{SYMBOL}",
            FeedStatusChanged(
                venue=VENUE, symbol=SYMBOL, state="live", reason="", clock_offset_ns=0, gaps=0, resyncs=0,
                event_time_ns=now_ns, received_ns=now_ns,
            ),
        )  # fmt: skip


class Need(Peer):
    """A position server that always wants one ETH bought."""

    def tell(self) -> None:
        """Position zero, target one."""
        self.facts = [
            PositionChanged(
                venue=VENUE, symbol=SYMBOL, quantity_lots=0, cash="0", fees="0", average_price=0.0, mark_price=0.0,
                realized_pnl=0.0, unrealized_pnl=0.0, fill_count=0, taker_fill_count=0, last_fill_sequence=0,
                reconciled_ns=0, venue_difference_lots=0,
            ),
            NetExposureChanged(
                base="ETH", lp_delta=-1.0, lp_gamma=0.0, cefi_delta=0.0, hedge_target=1.0, net_delta=-1.0,
                cefi_position_lots=0, cefi_target_lots=10_000, lp_age_ms=1.0, complete=True, reason="",
                trigger_received_ns=0,
            ),
        ]  # fmt: skip
        self.bus.publish(f"position.{VENUE}.{SYMBOL}", self.facts[0])
        self.bus.publish("exposure.ETH", self.facts[1])


class Orders:
    """What the oms says of orders."""

    def __init__(self, bus: Bus) -> None:
        self.live: set[str] = set()
        self.latency_us: dict[str, float] = {}
        bus.follow("oms", ["order."], self._on_order, self._on_snapshot)

    def _on_snapshot(self, facts: list[Message]) -> None:
        self.live = {fact.client_order_id for fact in facts if isinstance(fact, OrderChanged)}

    def _on_order(self, message: Message, _header: Header) -> None:
        if not isinstance(message, OrderChanged):
            return
        if message.state.is_final:
            self.live.discard(message.client_order_id)
        else:
            self.live.add(message.client_order_id)
        if message.state is OrderState.OPEN and message.tick_to_order_us > 0:
            self.latency_us[message.client_order_id] = message.tick_to_order_us


async def _measure(count: int) -> tuple[list[float], float]:
    """Latencies, and the mean pause between ticks in seconds."""
    made = PaperFleet()
    _hurry(made.config / "market_maker.toml")
    fleet = load_fleet(made.config)
    programs = [
        subprocess.Popen(
            [sys.executable, "-m", f"services.{service}", str(made.config), *(["--venue", venue] if venue else [])],
            cwd=PROJECT, stdout=subprocess.DEVNULL,
        )
        for service, venue in PROGRAMS
    ]  # fmt: skip
    try:
        return await _tick(fleet, count)
    finally:
        for program in reversed(programs):
            program.terminate()
            program.wait(15)
        made.remove()


async def _tick(fleet: Fleet, count: int) -> tuple[list[float], float]:
    books, need = Books(fleet, "quote_server-binance"), Need(fleet, "position_server")
    orders = Orders(need.bus)
    stir = asyncio.create_task(_stir(books, need))
    await need.bus.request("market_maker", QueryHealth(), 20)
    began_s = time.monotonic()
    try:
        while len(orders.latency_us) < WARM_UP_ORDERS + count:
            known = len(orders.latency_us)
            books.show()
            # The first ones may be refused: the oms reconciles with the venue before it lets an order pass.
            await until(lambda known=known: len(orders.latency_us) > known or not known, 30)
            await asyncio.sleep(STALE_MS / 1_000)
            await until(lambda: not orders.live, 30)
    finally:
        stir.cancel()
        await asyncio.gather(stir, return_exceptions=True)
        await books.close()
        await need.close()
    spent_s = time.monotonic() - began_s
    return list(orders.latency_us.values())[WARM_UP_ORDERS:], spent_s / len(orders.latency_us)


async def _stir(books: Books, need: Need) -> None:
    while True:
        books.tell_live()
        need.tell()
        await asyncio.sleep(0.1)


def _hurry(path: Path) -> None:
    text, count = re.subn(r"book_age_ms_max = [\d.]+", f"book_age_ms_max = {STALE_MS}", path.read_text())
    assert count == 1, f"{path} does not say book_age_ms_max"
    path.write_text(text)


if __name__ == "__main__":
    main()
