"""Quotes as the exchange runs them: what owners may say, and what comes of it."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from common.exchange.admission import is_whole
from common.exchange.core import Core
from common.exchange.events import RejectReason
from common.exchange.orders import Orders
from common.exchange.quotes.commands import CancelQuote, MoveQuote, SetQuote
from common.exchange.quotes.events import QuoteEnded
from common.exchange.quotes.placing import Placing
from common.exchange.quotes.quote import Quote
from common.exchange.quotes.terms import QuoteTerms, must_follow, shape_fault, terms_fault
from common.exchange.refusal import Refused, feature_off
from common.exchange.rules import NS_PER_S
from common.exchange.states import Key
from common.model.order import Side

REACT, FOLLOW, EXPIRE, RETRY = "quote", "quote_follow", "quote_expire", "quote_retry"
MOVABLE = (("mid_ticks", 0), ("bid_ticks", 0), ("ask_ticks", 0), ("bid_lots", 1), ("ask_lots", 1))
"""Numbers that a quote may change in place, and the least that each may be."""

FOLLOWERS_MAX = 200
"""Quotes of one market that follow its mark: each new mark may move all of them."""


class QuotesState(msgspec.Struct, frozen=True, kw_only=True):
    """All quotes, the oldest first, and the number of the newest there ever was."""

    last_id: int
    quotes: list[Quote]


class Quotes:
    """All quotes by account and market. `on_over` hears of every quote that ended: (its number, why)."""

    def __init__(self, core: Core, orders: Orders) -> None:
        self._core = core
        self.quotes: dict[int, Quote] = {}
        self._last_id = 0
        self._keyed: dict[tuple[str, str], int] = {}
        self._followers: dict[str, dict[int, None]] = {}
        self._placing = Placing(core, orders)
        self.on_over: Callable[[int, str], None] = lambda quote_id, reason: None
        handlers: dict[Any, Callable[[Any], None]] = {
            SetQuote: self.set,
            MoveQuote: self.move,
            CancelQuote: self.cancel,
        }
        is_on = core.config.features.quotes
        self.handlers = handlers if is_on else dict.fromkeys(handlers, feature_off)
        self.trading: frozenset[Any] = frozenset(handlers)
        core.doers |= {REACT: self._react, FOLLOW: self._follow, EXPIRE: self._expire, RETRY: self._retry}
        core.on_mark.append(self._hear_mark)

    @property
    def state(self) -> QuotesState:
        """All of it, for snapshots."""
        return QuotesState(last_id=self._last_id, quotes=list(self.quotes.values()))

    def load(self, state: QuotesState) -> None:
        """Become what `state` was."""
        self._last_id = state.last_id
        for quote in state.quotes:
            self._know(quote)

    def find(self, account: str, symbol: str) -> Quote | None:
        """The quote of an account in a market."""
        return self.quotes.get(self._keyed.get((account, symbol), 0))

    def set(self, command: SetQuote) -> None:
        """A new quote, or other terms for one; or the reason why not, and then nothing has changed."""
        account, symbol, terms = command.account, command.symbol, command.terms
        if fault := terms_fault(terms, self._core.time_ns, self._core.config.quote_spread_bps_min):
            raise Refused(*fault)
        quote = self.find(account, symbol)
        is_new = quote is None
        if quote is None:
            quote = Quote(
                quote_id=self._last_id + 1, account=account, symbol=symbol, terms=terms, started_ns=self._core.time_ns
            )
        followers = self._followers.get(symbol, {})
        if terms.follows_mark and quote.quote_id not in followers and len(followers) >= FOLLOWERS_MAX:
            raise Refused(RejectReason.TOO_MANY_QUOTES, f"at most {FOLLOWERS_MAX} follow one mark")
        self._place(quote, terms)
        if is_new:
            self._last_id = quote.quote_id
        self._know(quote)
        if terms.expires_ns:
            self._core.schedule(terms.expires_ns, EXPIRE, quote.quote_id)

    def move(self, command: MoveQuote) -> None:
        """Other prices or sizes."""
        quote = self._quote(command)
        changes = dict[str, int]()
        for name, least in MOVABLE:
            if (value := getattr(command, name)) is not None:
                if not is_whole(value, least):
                    raise Refused(RejectReason.QUOTE_INVALID, f"{name} is {value!r}")
                changes[name] = value
        terms = replace(quote.terms, **changes)
        if fault := shape_fault(terms, self._core.time_ns, self._core.config.quote_spread_bps_min):
            raise Refused(*fault)
        self._place(quote, terms)

    def cancel(self, command: CancelQuote) -> None:
        """Both sides go."""
        self.end(self._quote(command), "canceled")

    def end(self, quote: Quote, reason: str) -> None:
        """It is over."""
        self._placing.withdraw(quote)
        del self.quotes[quote.quote_id], self._keyed[quote.account, quote.symbol]
        self._followers.get(quote.symbol, {}).pop(quote.quote_id, None)
        self._core.tell(
            QuoteEnded(
                time_ns=self._core.time_ns, account=quote.account, symbol=quote.symbol, quote_id=quote.quote_id,
                reason=reason,
            )
        )  # fmt: skip
        self.on_over(quote.quote_id, reason)

    def _place(self, quote: Quote, terms: QuoteTerms) -> None:
        """Let a quote be as terms say, or raise why it cannot be."""
        wanted = self._placing.wanted(quote, terms)
        if isinstance(wanted, RejectReason):
            raise Refused(wanted)
        sides, others = wanted
        if sides.bid is None and sides.ask is None:
            raise Refused(RejectReason.QUOTE_INVALID, "the position leaves room for neither side")
        if reason := self._placing.put(quote, sides, others):
            raise Refused(reason)
        quote.terms = terms
        quote.marked_ticks = self._core.markets[quote.symbol].facts.mark

    def _know(self, quote: Quote) -> None:
        self.quotes[quote.quote_id] = quote
        self._keyed[quote.account, quote.symbol] = quote.quote_id
        for side in Side:
            if order_id := quote.order(side):
                self._placing.quote_of[order_id] = quote
        followers = self._followers.setdefault(quote.symbol, {})
        followers.pop(quote.quote_id, None)
        if quote.terms.follows_mark:
            followers[quote.quote_id] = None

    def _quote(self, command: MoveQuote | CancelQuote) -> Quote:
        quote = self.find(command.account, command.symbol)
        if quote is None:
            raise Refused(RejectReason.UNKNOWN_QUOTE, command.symbol)
        return quote

    def _hear_mark(self, symbol: str) -> None:
        if self._followers.get(symbol):
            self._core.soon(FOLLOW, symbol)

    def _follow(self, key: Key, _due_ns: int) -> None:
        """A mark is new: move the quotes that follow it, the oldest first."""
        mark = self._core.markets[str(key)].facts.mark
        for quote_id in sorted(self._followers.get(str(key), ())):
            quote = self.quotes[quote_id]
            if must_follow(quote.terms, quote.marked_ticks, mark):
                self._put_again(quote)

    def _react(self, key: Key, _due_ns: int) -> None:
        """An order traded or ended. One that is no quote's any more is no news."""
        quote = self._placing.quote_of.get(int(key))
        if quote is None:
            return
        ends, terms = self._placing.drop_ended(quote), quote.terms
        if terms.refills:
            # What trades comes back; what its owner or the venue took off would be fought for, so it ends the quote.
            wrong = [end for end, is_filled in ends if terms.linked or not is_filled]
        else:
            wrong = [end for end, _ in ends] if terms.linked or not quote.has_orders else []
        if wrong:
            self.end(quote, ", ".join(wrong))
        elif terms.refills:
            self._put_again(quote)

    def _put_again(self, quote: Quote) -> None:
        """The market or the position is another one: go where the terms say now. What may not be ends the quote."""
        terms = quote.terms
        wanted = self._placing.wanted(quote, terms)
        if isinstance(wanted, RejectReason):
            self.end(quote, wanted)
            return
        sides, others = wanted
        if not terms.refills:
            sides = self._placing.remaining(quote, sides)
        reason = self._placing.put(quote, sides, others)
        if reason is None:
            quote.marked_ticks = self._core.markets[quote.symbol].facts.mark
        elif reason is not RejectReason.MARKET_HALTED:
            self.end(quote, reason)
        elif not quote.retry_ns:
            facts = self._core.markets[quote.symbol].facts
            quote.retry_ns = max(facts.phase_until_ns, self._core.time_ns + NS_PER_S)
            self._core.schedule(quote.retry_ns, RETRY, quote.quote_id)

    def _retry(self, key: Key, _due_ns: int) -> None:
        """A market that was halted may be open again."""
        quote = self.quotes.get(int(key))
        if quote is not None:
            quote.retry_ns = 0
            self._put_again(quote)

    def _expire(self, key: Key, due_ns: int) -> None:
        quote = self.quotes.get(int(key))
        if quote is not None and quote.terms.expires_ns == due_ns:
            self.end(quote, "expired")
