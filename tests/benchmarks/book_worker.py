"""One order book, one recorded operation list, one process: `python book_worker.py BOOK FILE ROUNDS [COUNT]`.

Runs in the virtual environment of the book that it measures, so it imports nothing of ours unless that is the book.
Prints one JSON object: operations per second of processor time in each round, which other work on the machine does
not stretch; fills, lots traded, CRC-32 over all fills.
"""

import gc
import json
import sys
import time
import zlib
from array import array
from pathlib import Path

LIMIT, CANCEL, MARKET = 0, 1, 2
COLUMNS = 4


class Ours:
    """common/exchange: the book that the exchange itself matches with."""

    def __init__(self):
        sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
        from common.exchange.book import OrderBook, RestingOrder

        self.order, self.book, self.log = RestingOrder, OrderBook(), []

    def run(self, operations):
        book, new, keep = self.book, self.order, self.log.extend
        remove, resting, fills = book.remove, book.orders, []
        sides = ((book.bids.append, book.asks.take), (book.asks.append, book.bids.take))
        number = 0
        for kind, side, price, lots in operations:
            if kind == CANCEL:
                remove(resting[price])
                continue
            number += 1
            rest, take = sides[side]
            left = take(lots, price if kind == LIMIT else None, "", fills)
            if fills:
                for maker, at, taken in fills:
                    keep((maker.order_id, number, at, taken))
                fills.clear()
            if left and kind == LIMIT:
                rest(price, new("", number, left))

    def fills(self):
        return self.log


class CythonOrderbook:
    """cython-orderbook of PyPI. Its order names are "1", "2", ... over all books of the process."""

    def __init__(self):
        from cython_orderbook import Order, OrderBook, OrderSide

        self.order, self.sides, self.book = Order, (OrderSide.BID, OrderSide.ASK), OrderBook()
        self.before = int(Order(side=OrderSide.BID, price=1, original_quantity=1).order_id)

    def run(self, operations):
        new, sides, before = self.order, self.sides, self.before
        limit, market, cancel = self.book.add_limit_order, self.book.add_market_order, self.book.cancel_order
        for kind, side, price, lots in operations:
            if kind == CANCEL:
                cancel(str(price + before))
            elif kind == LIMIT:
                limit(new(sides[side], lots, price))
            else:
                market(new(sides[side], lots))

    def fills(self):
        log = []
        for trade in self.book.trade_log:
            names = int(trade.filler_id), int(trade.aggressor_id)
            log.extend((names[0] - self.before, names[1] - self.before, trade.price, trade.quantity_filled))
        return log


class LightMatching:
    """lightmatchingengine of PyPI. A market order is a limit order at price 0."""

    def __init__(self):
        from lightmatchingengine.lightmatchingengine import LightMatchingEngine

        self.engine, self.log = LightMatchingEngine(), []

    def run(self, operations):
        add, cancel, keep = self.engine.add_order, self.engine.cancel_order, self.log.extend
        for kind, side, price, lots in operations:
            if kind == CANCEL:
                cancel(price, "X")
                continue
            order, trades = add("X", price, lots, side + 1)
            for trade in trades:
                # Each level that was taken from is told twice: once for the taker, once for each maker.
                if trade.order_id != order.order_id:
                    keep((trade.order_id, order.order_id, trade.trade_price, trade.trade_qty))

    def fills(self):
        return self.log


BOOKS = {"ours": Ours, "cython-orderbook": CythonOrderbook, "lightmatchingengine": LightMatching}


def main():
    book, file, rounds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    rows = array("q", file.read_bytes())
    count = int(sys.argv[4]) if len(sys.argv) > 4 else len(rows) // COLUMNS
    columns = [rows[column : COLUMNS * count : COLUMNS] for column in range(COLUMNS)]
    rates, fills = [], array("q")
    for _ in range(rounds):
        each = BOOKS[book]()
        gc.collect()
        gc.freeze()
        started = time.process_time()
        each.run(zip(*columns, strict=True))
        rates.append(count / (time.process_time() - started))
        fills = array("q", each.fills())
    crc = zlib.crc32(fills.tobytes())
    print(json.dumps({"rates": rates, "fills": len(fills) // 4, "lots": sum(fills[3::4]), "crc": crc}))


main()
