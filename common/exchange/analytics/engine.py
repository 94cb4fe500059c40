"""Analytics as the exchange runs it: hears of trades, payments and hours, and answers questions."""

from collections.abc import Callable
from typing import Any

from common.exchange.analytics.counting import Counting
from common.exchange.analytics.day_figures import DayFigures
from common.exchange.analytics.equity import HOUR_NS, HOURS_KEPT
from common.exchange.analytics.figures import Figures
from common.exchange.analytics.leaders import Leader, Ranking, leaders
from common.exchange.analytics.payments import Payments
from common.exchange.analytics.records import AccountRecord, Records
from common.exchange.analytics.states import AnalyticsState, figures_state, records_of, state_of
from common.exchange.analytics.totals import total_of
from common.exchange.analytics.views import AccountView, MarketView, TagView
from common.exchange.core import Core
from common.exchange.events import RejectReason, TradeExecuted
from common.exchange.margin.accounts import Position
from common.exchange.money import RATE_SCALE
from common.exchange.purse import Purse
from common.exchange.refusal import Refused
from common.exchange.states import Key

HOUR = "analytics_hour"


class Analytics:
    """Figures of accounts, strategies and markets. It takes no commands; questions change nothing."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.handlers: dict[Any, Callable[[Any], None]] = {}
        self.trading: frozenset[Any] = frozenset()
        self._records = Records()
        self._purse = Purse(core)
        self._counting = Counting(core, self._records, self._purse, self._sample_at)
        self.hear: Callable[[TradeExecuted], None] = self._counting.hear
        """Counts a trade that was just settled."""
        self._is_on = core.config.features.analytics
        if self._is_on:
            core.on_trade.append(self.hear)
            core.doers[HOUR] = self._sample
            self._payments = Payments(core, self._counting, self._purse)

    @property
    def state(self) -> AnalyticsState:
        """All of it, for snapshots."""
        return state_of(self._records)

    def load(self, state: AnalyticsState) -> None:
        """Become what `state` was."""
        self._records = records_of(state)
        self._counting.load(self._records)

    def account(self, account: str, asset: str) -> AccountView:
        """An account's figures in the markets that are quoted in an asset."""
        record = self._asked().accounts.get(account)
        capital = None if record is None else record.capital.get(asset)
        if record is None or capital is None:
            raise Refused(RejectReason.UNKNOWN_ACCOUNT, f"{account} has not traded for {asset}")
        hours, days, markets = capital.equity.hours, capital.equity.days, self._quoted_in(record, asset)
        return AccountView(
            account=account, asset=asset, total=total_of(list(markets.values())), markets=figures_state(markets),
            other_units=capital.other_units, put_in_units=capital.put_in_units,
            equity_units=self._purse.worth(account, asset),
            hours_last=hours.last, hours=list(hours.equity), hours_flows=list(hours.flows),
            days_last=days.last, days=list(days.equity), days_flows=list(days.flows),
        )  # fmt: skip

    def tag(self, tag: str) -> TagView:
        """What the orders with a link have done; nothing yet is an empty answer."""
        return TagView(tag=tag, markets=figures_state(self._asked().tags.get(tag, {})))

    def market(self, symbol: str) -> MarketView:
        """A market's last 24 hours."""
        days, core = self._asked().days, self._core
        if symbol not in core.markets:
            raise Refused(RejectReason.UNKNOWN_MARKET, symbol)
        day = days[symbol].figures(core.time_ns) if symbol in days else DayFigures()
        holders = core.margin.holders.get(symbol, {})
        return MarketView(
            symbol=symbol, day=day, average_e9=day.average_ticks(RATE_SCALE),
            volume_units=day.tick_lots * core.ledger.scales[symbol].tick_lot_units,
            open_interest_lots=sum(_long_lots(core.margin.position(account, symbol)) for account in holders),
        )  # fmt: skip

    def leaderboard(self, asset: str, ranking: Ranking, count: int) -> list[Leader]:
        """Who leads in the markets that are quoted in an asset."""
        rows = list[Leader]()
        for account, record in self._asked().accounts.items():
            if (capital := record.capital.get(asset)) is not None:
                figures = self._quoted_in(record, asset).values()
                rows.append(
                    Leader(
                        account=account,
                        net_units=sum(each.net_units for each in figures) + capital.other_units,
                        volume_units=sum(each.volume_units for each in figures),
                        deposited_units=capital.put_in_units,
                    )
                )
        return leaders(rows, ranking, count)

    def _asked(self) -> Records:
        if not self._is_on:
            raise Refused(RejectReason.FEATURE_OFF, "analytics")
        return self._records

    def _quoted_in(self, record: AccountRecord, asset: str) -> dict[str, Figures]:
        scales = self._core.ledger.scales
        return {symbol: figures for symbol, figures in record.markets.items() if scales[symbol].quote == asset}

    def _sample_at(self, hour: int) -> None:
        self._records.next_hour = hour
        self._core.schedule(hour * HOUR_NS, HOUR, hour)

    def _sample(self, key: Key, _due_ns: int) -> None:
        """A full hour has come: what every account is worth, in the order in which they came."""
        hour, now = int(key), self._core.time_ns // HOUR_NS
        for account, record in self._records.accounts.items():
            for asset, capital in record.capital.items():
                equity = self._purse.worth(account, asset)
                capital.equity.sample(hour, equity, capital.net_flow_units)
        # Of hours beyond what is kept nobody would ever ask; they are filled with the next one.
        self._sample_at(max(hour + 1, now - HOURS_KEPT))


def _long_lots(position: Position) -> int:
    return max(0, position.lots) + sum(max(0, part.lots) for part in position.parts.values())
