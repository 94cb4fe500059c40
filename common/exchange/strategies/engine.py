"""Strategies as the exchange runs them: what owners and managers may say, and what comes of it."""

from collections.abc import Callable
from typing import Any

import msgspec

from common.exchange.admission import is_name, is_whole
from common.exchange.core import Core
from common.exchange.events import RejectReason
from common.exchange.grids.commands import StartGrid
from common.exchange.grids.engine import Grids
from common.exchange.orders import Orders
from common.exchange.quotes.commands import SetQuote
from common.exchange.quotes.engine import Quotes
from common.exchange.quotes.prices import BPS
from common.exchange.quotes.terms import QuoteTerms
from common.exchange.refusal import Refused, feature_off
from common.exchange.strategies.commands import StartStrategy, StopStrategy
from common.exchange.strategies.events import StrategyStarted, StrategyStopped
from common.exchange.strategies.hedging import Hedging
from common.exchange.strategies.limits import limit_of, limits_fit
from common.exchange.strategies.strategy import Strategy
from common.exchange.strategies.terms import CustomTerms, DeltaNeutralTerms, GridTerms, TwoSidedTerms
from common.exchange.vaults.events import VaultClosed
from common.exchange.vaults.records import VAULT_PREFIX

STRATEGIES_MAX = 10
"""Strategies of one account."""


class StrategiesState(msgspec.Struct, frozen=True, kw_only=True):
    """All strategies, the oldest first, and the number of the newest there ever was."""

    last_id: int
    strategies: list[Strategy]


class Strategies:
    """All strategies by account and name."""

    def __init__(self, core: Core, orders: Orders, grids: Grids, quotes: Quotes) -> None:
        self._core, self._grids, self._quotes = core, grids, quotes
        self.strategies: dict[int, Strategy] = {}
        self._last_id = 0
        self._named: dict[tuple[str, str], int] = {}
        self._by_grid: dict[int, int] = {}
        self._by_quote: dict[int, int] = {}
        self._hedging = Hedging(core, orders, self._end)
        core.hearers.setdefault(VaultClosed, []).append(self._hear_closed)
        grids.on_over = self._hear_grid
        quotes.on_over = self._hear_quote
        handlers: dict[Any, Callable[[Any], None]] = {StartStrategy: self.start, StopStrategy: self.stop}
        is_on = core.config.features.strategies
        self.handlers = handlers if is_on else dict.fromkeys(handlers, feature_off)
        self.trading: frozenset[Any] = frozenset(handlers)

    @property
    def state(self) -> StrategiesState:
        """All of it, for snapshots."""
        return StrategiesState(last_id=self._last_id, strategies=list(self.strategies.values()))

    def load(self, state: StrategiesState) -> None:
        """Become what `state` was."""
        self._last_id = state.last_id
        for strategy in state.strategies:
            self._know(strategy)

    def find(self, account: str, name: str) -> Strategy | None:
        """A strategy by its name."""
        return self.strategies.get(self._named.get((account, name), 0))

    def of_account(self, account: str) -> list[Strategy]:
        """Strategies of an account, the oldest first."""
        return [each for each in self.strategies.values() if each.account == account]

    def start(self, command: StartStrategy) -> None:
        """A new strategy, or the reason why not; then nothing has been placed."""
        account, name, terms = command.account, command.strategy, command.terms
        if not is_name(name):
            raise Refused(RejectReason.NAME_INVALID, f"got {name!r}")
        if (account, name) in self._named:
            raise Refused(RejectReason.NAME_TAKEN, name)
        if len(self.of_account(account)) >= STRATEGIES_MAX:
            raise Refused(RejectReason.TOO_MANY_STRATEGIES, f"at most {STRATEGIES_MAX} an account")
        strategy = Strategy(
            strategy_id=self._last_id + 1, account=account, name=name, terms=terms, started_ns=self._core.time_ns
        )
        if isinstance(terms, GridTerms):
            self._start_grid(strategy, terms)
        elif isinstance(terms, TwoSidedTerms):
            self._start_quote(strategy, terms)
        elif isinstance(terms, DeltaNeutralTerms):
            self._check_hedge(account, terms)
        elif isinstance(terms, CustomTerms):
            self._check_limits(account, terms)
        else:
            raise Refused(RejectReason.STRATEGY_INVALID, f"got {type(terms).__name__}")
        self._last_id = strategy.strategy_id
        self._know(strategy)
        self._core.tell(
            StrategyStarted(
                time_ns=self._core.time_ns, account=account, strategy=name, strategy_id=strategy.strategy_id,
                kind=strategy.kind, tag=strategy.tag,
            )
        )  # fmt: skip
        if isinstance(terms, DeltaNeutralTerms):
            self._hedging.look_soon(strategy)

    def stop(self, command: StopStrategy) -> None:
        """It is over."""
        strategy = self.find(command.account, command.strategy)
        if strategy is None:
            raise Refused(RejectReason.UNKNOWN_STRATEGY, str(command.strategy))
        self._end(strategy, "stopped")

    def delta_units(self, account: str, base: str) -> int:
        """What an account holds of a base, spot and perpetuals together, in units of 1e-8."""
        return self._hedging.delta_units(account, base)

    def _start_grid(self, strategy: Strategy, terms: GridTerms) -> None:
        if not self._core.config.features.grids:
            raise Refused(RejectReason.FEATURE_OFF, "grids")
        self._check_market(terms.symbol)
        command = StartGrid(
            time_ns=self._core.time_ns, account=strategy.account, symbol=terms.symbol, grid=strategy.name,
            spacing=terms.spacing, low_ticks=terms.low_ticks, high_ticks=terms.high_ticks, levels=terms.levels,
            quantity_lots=terms.quantity_lots, reference_ticks=terms.reference_ticks,
        )  # fmt: skip
        self._grids.start(command)
        grid = self._grids.find(strategy.account, strategy.name)
        assert grid is not None  # it was just started
        strategy.part_id = grid.grid_id

    def _start_quote(self, strategy: Strategy, terms: TwoSidedTerms) -> None:
        if not self._core.config.features.quotes:
            raise Refused(RejectReason.FEATURE_OFF, "quotes")
        self._check_market(terms.symbol)
        if not is_whole(terms.held_lots_max, 1):
            raise Refused(RejectReason.STRATEGY_INVALID, f"held_lots_max is {terms.held_lots_max!r}")
        if self._quotes.find(strategy.account, terms.symbol) is not None:
            raise Refused(RejectReason.WRONG_STATE, f"the account has a quote in {terms.symbol}")
        quote_terms = QuoteTerms(
            bid_lots=terms.bid_lots, ask_lots=terms.ask_lots, spread_bps=terms.spread_bps, follows_mark=True,
            threshold_bps=terms.threshold_bps, spread_bps_min=terms.spread_bps_min, held_lots_max=terms.held_lots_max,
            skew_bps=terms.skew_bps, refills=True,
        )  # fmt: skip
        account, symbol, now_ns = strategy.account, terms.symbol, self._core.time_ns
        self._quotes.set(SetQuote(time_ns=now_ns, account=account, symbol=symbol, terms=quote_terms))
        quote = self._quotes.find(account, symbol)
        assert quote is not None  # it was just set
        strategy.part_id = quote.quote_id

    def _check_market(self, symbol: str) -> None:
        if symbol not in self._core.markets:
            raise Refused(RejectReason.UNKNOWN_MARKET, str(symbol))

    def _check_hedge(self, account: str, terms: DeltaNeutralTerms) -> None:
        symbol = terms.hedge_symbol
        self._check_market(symbol)
        if self._core.ledger.scales[symbol].base != terms.base:
            raise Refused(RejectReason.STRATEGY_INVALID, f"{symbol} is no market of {terms.base}")
        instrument = self._core.instruments[symbol]
        numbers = (
            is_whole(terms.band_units, self._core.ledger.scales[symbol].lot_units)
            and is_whole(terms.order_lots_max, instrument.quantity_lots_min, instrument.quantity_lots_max)
            and is_whole(terms.reprice_bps, 0, BPS - 1)
            and (is_whole(terms.target_units, 0) or is_whole(-terms.target_units, 0))
        )
        if not numbers:
            raise Refused(RejectReason.STRATEGY_INVALID, "a number is out of its bounds; a band is at least one lot")
        for each in self.of_account(account):
            if isinstance(each.terms, DeltaNeutralTerms) and each.terms.base == terms.base:
                raise Refused(RejectReason.WRONG_STATE, f"{each.name} hedges {terms.base} already")

    def _check_limits(self, account: str, terms: CustomTerms) -> None:
        if not limits_fit(terms, dict[str, object](self._core.markets)):
            raise Refused(RejectReason.STRATEGY_INVALID, "limits are whole numbers about markets that there are")
        if any(isinstance(each.terms, CustomTerms) for each in self.of_account(account)):
            raise Refused(RejectReason.WRONG_STATE, "the account has a custom strategy")

    def _know(self, strategy: Strategy) -> None:
        self.strategies[strategy.strategy_id] = strategy
        self._named[strategy.account, strategy.name] = strategy.strategy_id
        terms = strategy.terms
        if isinstance(terms, GridTerms):
            self._by_grid[strategy.part_id] = strategy.strategy_id
        elif isinstance(terms, TwoSidedTerms):
            self._by_quote[strategy.part_id] = strategy.strategy_id
        elif isinstance(terms, DeltaNeutralTerms):
            self._hedging.add(strategy, terms)
        else:
            self._core.strategy_limits[strategy.account] = limit_of(self._core, terms)

    def _end(self, strategy: Strategy, reason: str) -> None:
        """Take its orders off and forget it."""
        terms = strategy.terms
        del self.strategies[strategy.strategy_id], self._named[strategy.account, strategy.name]
        # Forgotten first, so that the end of its grid or quote is no news any more.
        if isinstance(terms, GridTerms):
            del self._by_grid[strategy.part_id]
            if grid := self._grids.grids.get(strategy.part_id):
                self._grids.end(grid, reason)
        elif isinstance(terms, TwoSidedTerms):
            del self._by_quote[strategy.part_id]
            if quote := self._quotes.quotes.get(strategy.part_id):
                self._quotes.end(quote, reason)
        elif isinstance(terms, DeltaNeutralTerms):
            self._hedging.remove(strategy, terms)
        else:
            del self._core.strategy_limits[strategy.account]
        self._core.tell(
            StrategyStopped(
                time_ns=self._core.time_ns, account=strategy.account, strategy=strategy.name,
                strategy_id=strategy.strategy_id, reason=reason,
            )
        )  # fmt: skip

    def _hear_closed(self, event: VaultClosed) -> None:
        """Nobody may trade for a closed vault: nothing of it is left to wait."""
        account, reason = VAULT_PREFIX + event.vault, "vault closed"
        for strategy in self.of_account(account):
            self._end(strategy, reason)
        for grid in [each for each in self._grids.grids.values() if each.account == account]:
            self._grids.end(grid, reason)
        for quote in [each for each in self._quotes.quotes.values() if each.account == account]:
            self._quotes.end(quote, reason)

    def _hear_grid(self, grid_id: int, reason: str) -> None:
        if strategy_id := self._by_grid.get(grid_id):
            self._end(self.strategies[strategy_id], reason)

    def _hear_quote(self, quote_id: int, reason: str) -> None:
        if strategy_id := self._by_quote.get(quote_id):
            self._end(self.strategies[strategy_id], reason)
