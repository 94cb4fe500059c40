"""What market makers ask of the exchange: a grid of 50 levels, a quote that moves, the analytics of a trade.

The headline figures are those that exchanges of this kind publish; the must is what they are to be left behind by.
"""

from itertools import count, cycle

from common.exchange.commands import PlaceOrder, SetLevels
from common.exchange.events import TradeExecuted
from common.exchange.exchange import Exchange
from common.exchange.grids.commands import StartGrid, StopGrid
from common.exchange.grids.levels import GridSpacing
from common.exchange.quotes.commands import MoveQuote, SetQuote
from common.exchange.quotes.terms import QuoteTerms
from common.model.order import Side
from tests.benchmarks.book_operations import START_PRICE
from tests.benchmarks.exchange import ACCOUNTS, PERPETUAL, SPOT, make_exchange
from tests.benchmarks.measure import best_ns, table

LEVELS = 50
MAKER, TAKER = ACCOUNTS[:2]


def main(rounds: int = 200) -> None:
    """Print the best time of many short rounds, which other work on the machine disturbs least."""
    rows = list[tuple[object, ...]]()
    for symbol in (SPOT, PERPETUAL):
        for spacing in GridSpacing:
            rows.append((f"{spacing} grid of {LEVELS} levels, {symbol}", _grid_us(symbol, spacing, rounds), 5_000, 250))
    for symbol in (SPOT, PERPETUAL):
        rows.append((f"quote update, both sides move, {symbol}", _quote_us(symbol, rounds), 500, 25))
    table(
        ("operation", "best us", "headline us", "must us", "headline / ours"),
        [(*row, row[2] / row[1]) for row in rows],
    )
    print()
    table(("analytics", "us a side"), [(symbol, _analytics_us(symbol, rounds)) for symbol in (SPOT, PERPETUAL)])


def _grid_us(symbol: str, spacing: GridSpacing, rounds: int) -> float:
    exchange = make_exchange()

    def start() -> object:
        return exchange.execute(
            StartGrid(
                time_ns=exchange.time_ns + 1, account=MAKER, symbol=symbol, grid="g", spacing=spacing,
                low_ticks=START_PRICE * 9 // 10, high_ticks=START_PRICE * 11 // 10, levels=LEVELS, quantity_lots=100,
                reference_ticks=START_PRICE,
            )
        )  # fmt: skip

    best = float("inf")
    for _ in range(rounds):
        best = min(best, best_ns(start, 1, 1))
        exchange.execute(StopGrid(time_ns=exchange.time_ns + 1, account=MAKER, grid="g"))
    return best / 1e3


def _quote_us(symbol: str, rounds: int) -> float:
    exchange = make_exchange()
    levels = range(50)
    bids, asks = ([(START_PRICE + sign * (500 + each), 1_000) for each in levels] for sign in (-1, 1))
    exchange.execute(SetLevels(time_ns=2, symbol=symbol, bids=bids, asks=asks))
    terms = QuoteTerms(bid_lots=100, ask_lots=100, mid_ticks=START_PRICE, spread_bps=10, spread_bps_min=5)
    exchange.execute(SetQuote(time_ns=3, account=MAKER, symbol=symbol, terms=terms))
    # Up to 24 ticks a move, of a quote that is 100 wide.
    middles = cycle(START_PRICE + step * 12 % 25 for step in range(25))

    def move() -> object:
        command = MoveQuote(time_ns=exchange.time_ns + 1, account=MAKER, symbol=symbol, mid_ticks=next(middles))
        return exchange.execute(command)

    return best_ns(move, 20, rounds) / 1e3


def _analytics_us(symbol: str, rounds: int) -> float:
    exchange = make_exchange()
    trades = cycle(_round_trip(exchange, symbol))
    return best_ns(lambda: exchange.analytics.hear(next(trades)), 100, rounds) / 2e3


def _round_trip(exchange: Exchange, symbol: str) -> list[TradeExecuted]:
    """A purchase and a sale of two customers."""
    numbers, trades = count(), list[TradeExecuted]()
    for buyer, seller in ((MAKER, TAKER), (TAKER, MAKER)):
        for account, side in ((seller, Side.SELL), (buyer, Side.BUY)):
            command = PlaceOrder(
                time_ns=exchange.time_ns + 1, account=account, symbol=symbol, client_order_id=f"t{next(numbers)}",
                side=side, price_ticks=START_PRICE, quantity_lots=10,
            )  # fmt: skip
            trades += [event for event in exchange.execute(command) if isinstance(event, TradeExecuted)]
    return trades
