"""The market maker process: books, exposure and order facts in; quotes out."""

import asyncio

from common.messages import (
    BookImage,
    FeedStatusChanged,
    Header,
    Message,
    NetExposureChanged,
    PositionChanged,
    QuotesUpdated,
    SubmitOrder,
)
from common.model.ids import client_order_ids, process_name
from common.runtime import Service
from common.strategy.hedged_quotes import Command, QuoteIdentity, decide
from common.strategy.quote_state import QuoteState
from services.market_maker.config import MarketMakerConfig
from services.market_maker.oms_link import OmsLink
from services.market_maker.tuner import Tuner

POSITIONS = "position_server"
ID_NAME = "mm"
PUBLISH_S = 0.2
TUNE_S = 1.0
STOP_POLL_S = 0.01


class MarketMakerService(Service[MarketMakerConfig]):
    """Every handler ends in `_act`: decide, and let the commands leave without waiting for anything."""

    async def start(self) -> None:
        """Listen to everybody. Nothing is quoted before all of them have spoken."""
        config = self.config
        self._instrument = self.fleet.instrument(config.venue, config.symbol)
        self._base = self.fleet.chain.base_symbol
        self._tuner = Tuner(config.model)
        self._state = QuoteState(config.rules(self._instrument), self._tuner.line())
        self._identity = QuoteIdentity(self.name, self._instrument, client_order_ids(ID_NAME, self.boot_ns))
        self._seen_trigger_ns = 0
        self._told_reason = ""
        self._published: QuotesUpdated | None = None
        self._oms = OmsLink(
            self._state, self.name, self._instrument, self.bus, self.clock, self.log, config.oms_timeout_s, self._act
        )
        feed, market = process_name("quote_server", config.venue), f"{config.venue}.{config.symbol}"
        self.bus.subscribe(feed, f"feed.{market}|", self._on_feed)
        self.bus.follow(POSITIONS, ["position.", "exposure."], self._on_position, self._on_positions)
        self.bus.subscribe(feed, f"book.{market}|", self._on_book)
        self.every(config.check_interval_ms / 1_000, self._act)
        self.every(TUNE_S, self._tune)
        self.every(PUBLISH_S, self._publish)

    async def stop(self) -> None:
        """Cancel everything and wait, within bounds, until the oms has confirmed it."""
        self._state.stopping = True
        self._act()
        deadline_ns = self.clock.monotonic_ns() + int(self.config.stop_timeout_s * 1e9)
        while self._state.orders.live and self.clock.monotonic_ns() < deadline_ns:
            await asyncio.sleep(STOP_POLL_S)
        self._publish()
        if left := list(self._state.orders.live):
            self.log.error("quotes.left", ids=",".join(left))

    def snapshot(self) -> list[Message]:
        """The present quotes."""
        return [self._quotes()]

    def details(self) -> dict[str, str | int | float | bool]:
        """What the operator's line shows."""
        state, instrument = self._state, self._instrument
        quotes = " ".join(
            f"{order.side}:{instrument.quantity_text(order.remaining_lots)}@{instrument.price_text(order.price_ticks)}"
            for order in state.orders.live.values()
        )
        known = state.exposure is not None and state.position.known
        need_lots = state.target_lots - state.position.lots if known else 0
        return {
            "state": self._word(),
            "reason": state.reason,
            "quotes": quotes,
            "need": round(instrument.quantity(need_lots), 4),
            "sigma_bps": round(self._tuner.sigma_bps, 3),
            "submits": self.counters["submits"],
            "cancels": self.counters["cancels"],
        }

    def _on_book(self, message: Message, _header: Header) -> None:
        if isinstance(message, BookImage) and self._state.see_book(message):
            self._act(message.received_ns)

    def _on_feed(self, message: Message, _header: Header) -> None:
        if isinstance(message, FeedStatusChanged) and message.state != self._state.feed_state:
            self._state.feed_state = message.state
            self._act()

    def _on_positions(self, facts: list[Message]) -> None:
        for fact in facts:
            self._take_position(fact, self.clock.now_ns())
        self._act()

    def _on_position(self, message: Message, header: Header) -> None:
        trigger_ns = 0
        if isinstance(message, NetExposureChanged) and message.trigger_received_ns != self._seen_trigger_ns:
            # The same cause is published again with each beat; only its first arrival is a cause of ours.
            self._seen_trigger_ns = trigger_ns = message.trigger_received_ns
        if self._take_position(message, header.sent_ns):
            self._act(trigger_ns)

    def _take_position(self, message: Message, sent_ns: int) -> bool:
        if isinstance(message, NetExposureChanged) and message.base == self._base:
            return self._state.see_exposure(message, sent_ns)
        if isinstance(message, PositionChanged):
            here = (message.venue, message.symbol) == (self.config.venue, self.config.symbol)
            return here and self._state.position.take(message)
        return False

    def _act(self, trigger_received_ns: int = 0) -> None:
        self._oms.refresh()
        state = self._state
        for command in decide(state, self._identity, self.clock.now_ns(), trigger_received_ns):
            self._oms.send(command)
            self._note(command)
        if state.reason != self._told_reason:
            self._told_reason = state.reason
            self.log.info("quotes.pulled" if state.reason else "quotes.allowed", reason=state.reason)

    def _note(self, command: Command) -> None:
        if isinstance(command, SubmitOrder):
            self.counters["submits"] += 1
            self.log.info(
                "quote.placed", id=command.client_order_id, side=command.side, px=command.price_ticks,
                lots=command.quantity_lots,
            )  # fmt: skip
        else:
            self.counters["cancels"] += 1
            self.log.info("quote.canceled", id=command.client_order_id, why=self._state.reason or "moved")

    def _tune(self) -> None:
        self._tuner.see(self._state.book)
        self._state.line = self._tuner.line()

    def _word(self) -> str:
        if self._state.reason:
            return "pulled"
        return "quoting" if self._state.orders.live or self._state.hedge_side else "flat"

    def _quotes(self) -> QuotesUpdated:
        state = self._state
        known = state.exposure is not None and state.position.known
        need_lots = state.target_lots - state.position.lots if known else 0
        mid_ticks = state.touch.mid if state.touch else 0.0
        units = -need_lots / state.rules.unit_lots
        return QuotesUpdated(
            venue=self.config.venue, symbol=self.config.symbol, state=self._word(), reason=state.reason,
            mid_ticks=mid_ticks, reservation_ticks=mid_ticks + state.line.reservation_shift(units),
            net_delta=-self._instrument.quantity(need_lots), quotes=state.orders.working(),
        )  # fmt: skip

    def _publish(self) -> None:
        """On change of what is shown, at most each PUBLISH_S."""
        quotes, before = self._quotes(), self._published
        if before and _shown(before) == _shown(quotes):
            return
        self._published = quotes
        self.bus.publish(f"quotes.{quotes.venue}.{quotes.symbol}", quotes)


def _shown(quotes: QuotesUpdated) -> tuple[object, ...]:
    """What is news when it changes; the middle moves all the time."""
    return quotes.state, quotes.reason, quotes.net_delta, quotes.quotes
