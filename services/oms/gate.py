"""Whether a new order may leave: the state of the desk first, then the limits of common/risk.

Codes beside those of `common.risk.limits`:

    killed           the kill latch is engaged           expired         the command came too late
    not_reconciled   the venue's truth is not known yet  market_unknown  no limits are configured for this market
    execution_unavailable   the execution handler is silent, so nothing could be sent
    strategy_unknown        no process of this name could be watched, so its orders could not be taken off
"""

from collections.abc import Iterable, Mapping

from common.messages import BookImage, SubmitOrder
from common.model.instrument import Instrument
from common.model.order import OrderType
from common.risk.limits import (
    MarketPrice,
    OrderLimits,
    OrderTerms,
    Refusal,
    check_gross,
    check_order,
    gross_notional,
)
from services.oms.ledger import Ledger, Market


class Gate:
    """Limits of all markets and the newest prices; asks nobody and changes nothing."""

    def __init__(
        self, ledger: Ledger, markets: Mapping[Market, tuple[Instrument, OrderLimits]], gross_notional_max: float
    ) -> None:
        self._ledger, self._markets, self._gross_max = ledger, markets, gross_notional_max
        self._prices: dict[Market, MarketPrice] = {}
        self._lot_values: dict[Market, float] = {}

    def see_book(self, book: BookImage) -> None:
        """Take the middle of a two-sided book; a one-sided one leaves the old price to grow stale."""
        key = book.venue, book.symbol
        if book.bids and book.asks and key in self._markets:
            instrument, _ = self._markets[key]
            self._prices[key] = MarketPrice(mid_ticks=book.mid_ticks, received_ns=book.received_ns)
            self._lot_values[key] = instrument.quantity(1) * instrument.price(book.mid_ticks)

    def check(self, command: SubmitOrder, now_ns: int) -> Refusal | None:
        """First limit that the order breaks."""
        key = command.venue, command.symbol
        if key not in self._markets:
            known = ", ".join(" ".join(each) for each in self._markets)
            return Refusal(code="market_unknown", expected=f"one of {known}", got=" ".join(key))
        instrument, limits = self._markets[key]
        terms = OrderTerms(
            side=command.side, price_ticks=command.price_ticks, quantity_lots=command.quantity_lots,
            order_type=command.order_type,
        )  # fmt: skip
        exposure = self._ledger.exposure(*key)
        refusal = check_order(terms, instrument, limits, exposure, self._prices.get(key), now_ns)
        return refusal or self._check_gross(key, terms)

    def _check_gross(self, key: Market, terms: OrderTerms) -> Refusal | None:
        # A market without a book since our start counts nothing; its own orders are refused as `book_missing`.
        before = gross_notional((self._ledger.exposure(*each), value) for each, value in self._lot_values.items())
        exposure, value = self._ledger.exposure(*key), self._lot_values[key]
        added = exposure.with_order(terms.side, terms.quantity_lots).gross_lots - exposure.gross_lots
        return check_gross(before, before + added * value, self._gross_max)


def check_command(
    command: SubmitOrder, *, now_ns: int, killed: bool, reconciled: bool, silence_s: float, silence_s_max: float,
    strategies: Iterable[str],
) -> Refusal | None:  # fmt: skip
    """First reason of the desk's own state to refuse an order."""
    if killed:
        return Refusal(code="killed", expected="the kill latch released (rearm)", got="engaged")
    if command.expires_at_ns < now_ns:
        late_ms = (now_ns - command.expires_at_ns) / 1e6
        return Refusal(code="expired", expected="arrival before expires_at_ns", got=f"{late_ms:.1f} ms later")
    if command.strategy not in strategies:
        return Refusal(
            code="strategy_unknown", expected="a process that the oms listens to", got=command.strategy or "nothing"
        )
    if command.order_type is OrderType.LIMIT and command.price_ticks <= 0:
        return Refusal(code="price_collar", expected="a price of at least 1 tick", got=str(command.price_ticks))
    if silence_s > silence_s_max:
        return Refusal(
            code="execution_unavailable",
            expected=f"a heartbeat of the execution handler within {silence_s_max:g} s",
            got=f"{silence_s:.1f} s of silence",
        )
    if not reconciled:
        return Refusal(code="not_reconciled", expected="open orders and trades known", got=f"{command.venue} pending")
    return None
