"""Everything that the market maker knows between two decisions, and when it must not quote."""

from dataclasses import dataclass, field

from common.messages import BookImage, NetExposureChanged, OrderFilled
from common.model.order import Side
from common.pricing.glft import LinearQuotes
from common.strategy.quote_orders import QuoteOrders
from common.strategy.quote_position import FillNews, HedgePosition
from common.strategy.quote_rules import QuoteRules
from common.strategy.quote_targets import Touch

NOT_YET = "starting"


@dataclass(slots=True)
class Backoff:
    """Pause of one side after refusals."""

    until_ns: int = 0
    next_ns: int = 0


@dataclass(slots=True)
class QuoteState:
    """Inputs as they came, our orders, and the memory of the last decision.

    `exposure_sent_ns` is when the position server sent the exposure. `oms_silence_s` and `oms_synced` (its facts are
    followed without a hole) are refreshed by the caller, as are `feed_state` and `killed`. `reason` says why nothing
    is quoted, "" while quoting is allowed. `needs_fills`: the oms must be asked for the fills after the last heard.
    """

    rules: QuoteRules
    line: LinearQuotes
    orders: QuoteOrders = field(default_factory=QuoteOrders)
    position: HedgePosition = field(default_factory=HedgePosition)
    book: BookImage | None = None
    exposure: NetExposureChanged | None = None
    exposure_sent_ns: int = 0
    feed_state: str = ""
    killed: bool | None = None
    oms_silence_s: float = float("inf")
    oms_synced: bool = False
    stopping: bool = False
    needs_fills: bool = False
    reason: str = NOT_YET
    touch: Touch | None = None
    bid_depth_lots: float = 0.0
    ask_depth_lots: float = 0.0
    depth_seen_ns: int = 0
    hedge_side: Side | None = None
    backoffs: dict[Side, Backoff] = field(default_factory=lambda: {Side.BUY: Backoff(), Side.SELL: Backoff()})

    def see_book(self, book: BookImage) -> bool:
        """Take an image; true if it can change the decision: another best price, or the first one."""
        before, self.book = self.book, book
        if not (before and before.bids and before.asks and book.bids and book.asks):
            return True
        return before.bids[0][0] != book.bids[0][0] or before.asks[0][0] != book.asks[0][0] or bool(self.reason)

    def see_exposure(self, exposure: NetExposureChanged, sent_ns: int) -> bool:
        """Take an exposure; true if it can change the decision."""
        before, self.exposure, self.exposure_sent_ns = self.exposure, exposure, sent_ns
        return (
            before is None
            or before.cefi_target_lots != exposure.cefi_target_lots
            or before.complete != exposure.complete
            or bool(self.reason)
        )

    def fill(self, fill: OrderFilled, now_ns: int, lots_here: bool = True) -> bool:
        """Take a fill, of the hedge market unless `lots_here` is false; true if it was counted now.

        After a hole `needs_fills` is set and the fill is left for the list that must be asked for.
        """
        lots = fill.side.sign * fill.quantity_lots if lots_here else 0
        news = self.position.add(fill.fill_sequence, lots, now_ns)
        if news is FillNews.COUNTED and lots_here:
            self.orders.count_fill(fill.client_order_id, fill.quantity_lots)
        self.needs_fills = self.needs_fills or news is FillNews.GAP
        return news is FillNews.COUNTED

    @property
    def target_lots(self) -> int:
        """Lots that we should hold; needs an exposure."""
        assert self.exposure is not None
        return self.exposure.cefi_target_lots

    def blocked_by(self, now_ns: int) -> str:
        """First reason to show no quote at all; "" when quoting is allowed."""
        return self._oms_trouble(now_ns) or self._exposure_trouble(now_ns) or self._book_trouble(now_ns)

    def _oms_trouble(self, now_ns: int) -> str:
        if self.stopping:
            return "stopping"
        if self.oms_silence_s > self.rules.oms_silence_s_max:
            return "oms_silent"
        if not self.oms_synced or self.killed is None:
            return "oms_unsynced"
        if self.killed:
            return "killed"
        if self.orders.has_leftovers():
            return "leftovers"
        oldest_ns = self.position.oldest_pending_ns
        if (oldest_ns and now_ns - oldest_ns > self.rules.fill_age_ns_max) or self.needs_fills:
            return "position_behind_fills"
        unheard_ns = self.orders.oldest_unheard_ns()
        return "fills_missing" if unheard_ns and now_ns - unheard_ns > self.rules.fill_age_ns_max else ""

    def _exposure_trouble(self, now_ns: int) -> str:
        exposure = self.exposure
        if exposure is None or not self.position.known:
            return "exposure_missing"
        age_ns = now_ns - self.exposure_sent_ns
        if abs(age_ns) > self.rules.exposure_age_ns_max:
            return "exposure_stale"
        if not exposure.complete:
            return "exposure_incomplete"
        return "lp_stale" if exposure.lp_age_ms * 1e6 + age_ns > self.rules.lp_age_ns_max else ""

    def _book_trouble(self, now_ns: int) -> str:
        book = self.book
        if book is None or not book.bids or not book.asks:
            return "book_missing"
        if abs(now_ns - book.received_ns) > self.rules.book_age_ns_max:  # Either way: a clock may be set back.
            return "book_stale"
        if self.feed_state != "live":
            return "feed_not_live"
        bid, ask = book.bids[0][0], book.asks[0][0]
        if bid >= ask:
            return "book_crossed"
        return "spread_wide" if ask - bid > self.rules.spread_bps_max * bid / 10_000 else ""
