"""The rest of the world in one market: liquidity that is told as levels, and trades of others."""

from common.exchange.book import BookSide, Level, RestingOrder
from common.exchange.commands import LevelSizes, PrintTrade, SetLevels, SetTouch, TakeLiquidity
from common.exchange.events import EXTERNAL_ACCOUNT
from common.exchange.matching import Market, Taker
from common.model.order import Side


class ExternalLiquidity:
    """Orders of the external account, which have no numbers. While the market does not trade they trade with nobody."""

    def __init__(self, market: Market) -> None:
        self._market, self._book = market, market.book

    def set_levels(self, command: SetLevels) -> None:
        """Make the external account's size at each price absolute."""
        self._set(command.bids, command.asks)

    def drop_all(self) -> None:
        """Nothing of the outside world rests any more."""
        for makers in (self._book.bids, self._book.asks):
            for level in list(makers.best_first()):
                if lots := level.quantity_of(EXTERNAL_ACCOUNT):
                    self._shrink(level, lots)

    def set_touch(self, command: SetTouch) -> None:
        """Drop everything better than the touch, and make the touch absolute."""
        self._drop_better(Side.BUY, command.bid[0])
        self._drop_better(Side.SELL, command.ask[0])
        self._set([command.bid], [command.ask])

    def print_trade(self, command: PrintTrade) -> None:
        """Somebody took `quantity_lots` at a price."""
        makers = self._book.side(command.aggressor.opposite)
        self._drop_better(makers.side, command.price_ticks)
        if self._market.facts.is_open:
            missing = command.quantity_lots - sum(level.quantity for level in makers.through(command.price_ticks))
            if missing > 0:
                self._offer(makers, command.price_ticks, missing)
            self._take(command.aggressor, command.price_ticks, command.quantity_lots)

    def take(self, command: TakeLiquidity) -> None:
        """Take from the best price on."""
        if self._market.facts.is_open:
            self._take(command.side, command.price_ticks, command.quantity_lots)

    def _take(self, side: Side, limit: int, lots: int) -> int:
        taker = Taker(EXTERNAL_ACCOUNT, side, limit, lots)
        self._market.match(taker)
        return taker.lots

    def _set(self, bids: LevelSizes, asks: LevelSizes) -> None:
        # Shrinking goes first, so nothing crosses halfway.
        changes = [(self._book.bids, *level) for level in bids] + [(self._book.asks, *level) for level in asks]
        growing = list[tuple[BookSide, int, int]]()
        for makers, price, target in changes:
            level = makers.level(price)
            more = target - (0 if level is None else level.quantity_of(EXTERNAL_ACCOUNT))
            if more > 0:
                growing.append((makers, price, more))
            elif more < 0 and level is not None:
                self._shrink(level, -more)
        for makers, price, more in growing:
            self._offer(makers, price, more)

    def _offer(self, makers: BookSide, price: int, lots: int) -> None:
        opposite = self._book.side(makers.side.opposite)
        best = opposite.best()
        if best is not None and opposite.reaches(best.price, price):
            # The newest word of the outside world wins over its older one; then what crosses is ours and trades.
            self._drop(opposite, price)
            best = opposite.best()
            if best is not None and opposite.reaches(best.price, price) and not self._market.facts.is_open:
                return
            lots = self._take(makers.side, price, lots)
        if lots:
            level = makers.level(price)
            last = None if level is None else level.tail
            if last is not None and last.account == EXTERNAL_ACCOUNT:
                self._market.grow(makers, last, lots)
            else:
                self._market.rest(makers.side, price, RestingOrder(EXTERNAL_ACCOUNT, 0, lots))

    def _drop_better(self, side: Side, price: int) -> None:
        self._drop(self._book.side(side), price + side.sign)

    def _drop(self, makers: BookSide, limit: int) -> None:
        best = makers.best()
        if best is None or not makers.reaches(best.price, limit):
            return
        for level in makers.through(limit):
            if lots := level.quantity_of(EXTERNAL_ACCOUNT):
                self._shrink(level, lots)

    def _shrink(self, level: Level, lots: int) -> None:
        for order in level.backwards():
            if order.account == EXTERNAL_ACCOUNT:
                taken = min(lots, order.quantity)
                self._market.reduce(order, taken)
                lots -= taken
                if not lots:
                    return
