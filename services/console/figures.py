"""The figures of a run, from what its processes say and what its journals prove."""

import math
import time

import msgspec

from common.messages import FeedStatusChanged, LpInventoryChanged, Message, ProfitReported
from services.console.facts import hear_facts, load_facts, pick
from services.console.journals import read_orders, read_positions, read_venue
from services.console.site import RunRecord, Site
from services.console.supervisor import Supervisor

SETTLE_TRIES = 5
SETTLE_S = 0.3
PNL_SOURCES = (
    "lp_fees",
    "lp_inventory",
    "lp_against_hold",
    "hedge_trading",
    "hedge_inventory",
    "cefi_fees",
    "gas",
    "total",
)


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Of one latency, in microseconds; None before the first."""

    p50: float | None
    p99: float | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The report. Deltas in base units, money in USD. None: the run ended before anybody could say."""

    run_seconds: float | None
    lp_rebalances: int | None
    lp_fees_usd: float | None
    cefi_orders: int
    cefi_fills: int
    taker_fills: int
    unhedged_delta_std: float | None
    net_delta_std: float | None
    max_abs_net_delta: float | None
    hedge_turnover_usd: float | None
    pnl: dict[str, float] | None
    venue_fills_minus_position: float | None
    duplicate_client_ids: int
    gaps: int | None
    resyncs: int | None
    tick_to_order_us: Percentiles


def measure(site: Site, record: RunRecord) -> Figures:
    """Figures of the present run, or of the last one when the fleet is down."""
    facts = hear_facts(site) if Supervisor(site.socket).is_running() else load_facts(site, record.run_id)
    return compute(site, record, facts)


def compute(site: Site, record: RunRecord, facts: list[Message]) -> Figures:
    """Figures from given facts and the journals."""
    profit = next(iter(pick(facts, ProfitReported)), None)
    lp = next(iter(pick(facts, LpInventoryChanged)), None)
    feeds = pick(facts, FeedStatusChanged)
    orders = read_orders(site.var / "oms.db", record.started_ns)
    difference, duplicates = settled_comparison(site)
    return Figures(
        run_seconds=profit.run_seconds if profit else None,
        lp_rebalances=lp.rebalances if lp else None,
        lp_fees_usd=profit.lp_fees if profit else None,
        cefi_orders=orders.orders, cefi_fills=orders.fills, taker_fills=orders.taker_fills,
        unhedged_delta_std=profit.unhedged_delta_std if profit else None,
        net_delta_std=profit.net_delta_std if profit else None,
        max_abs_net_delta=profit.max_abs_net_delta if profit else None,
        hedge_turnover_usd=profit.hedge_turnover if profit else None,
        pnl={source: getattr(profit, source) for source in PNL_SOURCES} if profit else None,
        venue_fills_minus_position=difference, duplicate_client_ids=duplicates,
        gaps=sum(feed.gaps for feed in feeds) if feeds else None,
        resyncs=sum(feed.resyncs for feed in feeds) if feeds else None,
        tick_to_order_us=Percentiles(
            p50=percentile(orders.tick_to_order_us, 0.50), p99=percentile(orders.tick_to_order_us, 0.99)
        ),
    )  # fmt: skip


def settled_comparison(site: Site) -> tuple[float | None, int]:
    """As `compare_with_venues`; a difference must outlast the time that a fill needs from the venue to us."""
    for _ in range(SETTLE_TRIES):
        difference, duplicates = compare_with_venues(site)
        if not difference:
            break
        time.sleep(SETTLE_S)
    return difference, duplicates


def compare_with_venues(site: Site) -> tuple[float | None, int]:
    """(sum of |venue's fills - our position| in base units, ids that a venue accepted twice), paper venues only."""
    positions = read_positions(site.var / "position_server.db")
    difference, duplicates, compared = 0.0, 0, False
    for venue in site.fleet.venues:
        path = site.var / f"paper_exchange-{venue}.db"
        if not path.exists():
            continue
        compared, book = True, read_venue(path)
        duplicates += book.duplicate_client_ids
        for each in site.fleet.instruments:
            if each.venue == venue:
                lots = book.lots[each.symbol] - positions.get((venue, each.symbol), 0)
                difference += each.quantity(abs(lots))
    return (difference if compared else None), duplicates


def percentile(values: list[float], share: float) -> float | None:
    """Nearest-rank percentile: the smallest value that at least `share` of all values do not exceed."""
    if not values:
        return None
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]
