"""Everything that USD-M's addresses share: the venue's perpetuals, their streams, wallets, limits and listen keys."""

from collections.abc import Iterable, Iterator

import msgspec

from common.exchange.events import Event, TradeExecuted
from common.exchange.margin.funding_rate import INTEREST_RATE
from common.exchange.rules import NS_PER_S
from services.paper_exchange import refusals
from services.paper_exchange.broadcast import Hub
from services.paper_exchange.config import PaperExchangeConfig
from services.paper_exchange.limits import MINUTE, TEN_SECONDS, RequestLimits
from services.paper_exchange.usdm_funding import FundingRates
from services.paper_exchange.usdm_income import Income
from services.paper_exchange.usdm_market_data import UsdmMarketData
from services.paper_exchange.usdm_oracle import OracleFeed
from services.paper_exchange.usdm_positions import Positions
from services.paper_exchange.usdm_user_data import AccountReports, ListenKeys, OrderReports, Report
from services.paper_exchange.usdm_wire import ContractWire, decimal_text, is_liquidation
from services.paper_exchange.venue import PaperVenue
from services.paper_exchange.wire import NS_PER_MS, Json

SECOND_BEATS = 10
SLOW_MARK_SECONDS = 3
FUNDING_INTERVAL_NS = 3_600 * NS_PER_S
INTEREST_TEXT = decimal_text(INTEREST_RATE, 9)
CALL_PERCENT = 80
"""Maintenance margin is so much of the equity when a margin call is sent."""

_encode = msgspec.json.Encoder().encode


class UsdmSite:
    """USD-M futures of one paper venue, without its sockets. A venue without perpetuals has an empty one."""

    def __init__(self, config: PaperExchangeConfig, venue: PaperVenue, boot_ms: int) -> None:
        self.config, self.venue, self.exchange = config, venue, venue.exchange
        exchange, scales = venue.exchange, venue.exchange.ledger.scales
        contracts = {
            symbol: each for symbol, each in exchange.instruments.items() if symbol in exchange.config.perpetuals
        }
        self.wires = {symbol: ContractWire(each, scales[symbol]) for symbol, each in contracts.items()}
        self.by_name = {wire.name: wire for wire in self.wires.values()}
        self.hub, self.keys = Hub(), ListenKeys()
        orders_max = {TEN_SECONDS: config.futures_orders_10s_max, MINUTE: config.futures_orders_minute_max}
        self.limits = RequestLimits(config.futures_weight_max, orders_max, self.now_ms)
        last_trade_id = exchange.ledger.last_trade_id
        self.market_data = {
            symbol: UsdmMarketData(wire, exchange.markets[symbol], self.hub, boot_ms, last_trade_id)
            for symbol, wire in self.wires.items()
        }
        self.positions = Positions(exchange, self.wires)
        self.oracle, self._tells_oracle = OracleFeed(exchange, contracts), config.oracle_from_world
        self.funding = FundingRates(exchange)
        self.incomes = {account: Income(account, self.wires) for account in config.customers}
        self._order_reports = OrderReports(config.customers, exchange, self.wires)
        self._account_reports = [AccountReports(account, self.positions) for account in config.customers]
        self._called: set[tuple[str, str]] = set()
        self._forced: dict[str, Json] = {}
        """The newest liquidation order by market, until it is told."""
        self._beats = 0

    def now_ms(self) -> int:
        """The venue's clock, UTC."""
        return self.venue.now_ns() // NS_PER_MS

    def market(self, name: str) -> ContractWire:
        """A market by the venue's own name. Raises VenueError."""
        wire = self.by_name.get(name)
        if wire is None:
            raise refusals.invalid_symbol()
        return wire

    def absorb(self, events: list[Event]) -> None:
        """Take in the events of one command; what they make is sent after the commit."""
        if not self.wires or not events:
            return
        frames = list[tuple[str, bytes]]()
        for symbol in {symbol: None for event in events if (symbol := getattr(event, "symbol", ""))}:
            if symbol in self.market_data:
                own = [event for event in events if getattr(event, "symbol", "") == symbol]
                frames += self.market_data[symbol].absorb(own)
        for income in self.incomes.values():
            income.absorb(events)
        self.funding.absorb(events)
        self._note_forced(events)
        reports = list(self._order_reports.absorb(events))
        for each in self._account_reports:
            reports += each.absorb(events)
        frames += self._addressed(reports)
        if frames:
            self.venue.hold(lambda: self._tell(frames))

    def beat(self) -> None:
        """Tell the exchange what is due, and send what is paced; call each 100 ms."""
        if not self.wires:
            return
        self._beats += 1
        if self._beats % SECOND_BEATS == 0 and self._tells_oracle:
            for command in self.oracle.commands(self.venue.now_ns()):
                self.venue.execute(command)
        self.venue.hold(self._send_paced)

    def premium(self, symbol: str, now_ns: int) -> Json:
        """Mark, oracle and funding of a market, as premiumIndex has them."""
        wire, mark = self.wires[symbol], self.mark(symbol)
        index = wire.price(self.funding.oracle(symbol))
        return {
            "symbol": wire.name,
            "markPrice": wire.price(mark),
            "indexPrice": index,
            "estimatedSettlePrice": index,
            "lastFundingRate": self.funding.rate(symbol),
            "interestRate": INTEREST_TEXT,
            "nextFundingTime": (now_ns // FUNDING_INTERVAL_NS + 1) * FUNDING_INTERVAL_NS // NS_PER_MS,
            "time": now_ns // NS_PER_MS,
        }

    def mark(self, symbol: str) -> int:
        """The mark in ticks, or the last price before there is one; 0 = neither."""
        facts = self.exchange.markets[symbol].facts
        return facts.mark or facts.last

    def open_lots(self, symbol: str) -> int:
        """Lots that are held long, which are as many as are held short."""
        margin = self.exchange.margin
        lots = (margin.position(account, symbol).lots for account in margin.holders[symbol])
        return sum(each for each in lots if each > 0)

    def _send_paced(self) -> None:
        now_ns = self.venue.now_ns()
        for data in self.market_data.values():
            data.beat(now_ns)
        for key in self.keys.take_expired(now_ns // NS_PER_MS):
            self.end_stream(key)
        if self._beats % SECOND_BEATS == 0 and self._tells_oracle:
            self._send_marks(now_ns)
            self._send_forced(now_ns)
            self._tell(self._addressed(self._margin_calls(now_ns)))

    def end_stream(self, key: str) -> None:
        """Tell those who listen to a private stream that it is over."""
        event = {"e": "listenKeyExpired", "E": self.now_ms(), "listenKey": key}
        self.hub.publish(key, _encode(event))

    def _addressed(self, reports: Iterable[Report]) -> list[tuple[str, bytes]]:
        """Reports as frames of the private streams that somebody hears."""
        addressed = ((self.keys.key_of(account), report) for account, report in reports)
        return [(key, _encode(report)) for key, report in addressed if key is not None and self.hub.is_heard(key)]

    def _tell(self, frames: list[tuple[str, bytes]]) -> None:
        for stream, payload in frames:
            self.hub.publish(stream, payload)

    def _send_marks(self, now_ns: int) -> None:
        paces = ["@1s"]
        if self._beats % (SECOND_BEATS * SLOW_MARK_SECONDS) == 0:
            paces.append("")
        shown = [self._mark_event(symbol, now_ns) for symbol in self.wires if self.mark(symbol)]
        for pace in paces:
            for event in shown:
                self._publish(f"{event['s'].lower()}@markPrice{pace}", event)
            if shown:
                self._publish(f"!markPrice@arr{pace}", shown)

    def _mark_event(self, symbol: str, now_ns: int) -> Json:
        premium = self.premium(symbol, now_ns)
        return {
            "e": "markPriceUpdate",
            "E": premium["time"],
            "s": premium["symbol"],
            "p": premium["markPrice"],
            "i": premium["indexPrice"],
            "P": premium["estimatedSettlePrice"],
            "r": premium["lastFundingRate"],
            "T": premium["nextFundingTime"],
        }

    def _note_forced(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, TradeExecuted) and event.symbol in self.wires:
                order = self.exchange.ledger.orders.get(event.taker.order_id)
                if order is not None and is_liquidation(order):
                    self._forced[event.symbol] = self.wires[event.symbol].forced(order, event.quantity_lots)

    def _send_forced(self, now_ns: int) -> None:
        forced, self._forced = self._forced, {}
        for order in forced.values():
            event = {"e": "forceOrder", "E": now_ns // NS_PER_MS, "o": order}
            self._publish(f"{order['s'].lower()}@forceOrder", event)
            self._publish("!forceOrder@arr", event)

    def _publish(self, stream: str, event: Json | list[Json]) -> None:
        if self.hub.is_heard(stream):
            self.hub.publish(stream, _encode(event))

    def _margin_calls(self, now_ns: int) -> Iterator[Report]:
        """One call when an account comes near its liquidation, and none again before it has recovered."""
        for account in self.incomes:
            for name, (maintained, equity) in self.positions.margin_ratios(account).items():
                if not maintained or maintained * 100 < equity * CALL_PERCENT:
                    self._called.discard((account, name))
                elif (account, name) not in self._called:
                    self._called.add((account, name))
                    yield account, self._margin_call(account, name, now_ns)

    def _margin_call(self, account: str, name: str, now_ns: int) -> Json:
        """The call for a wallet by its asset, or for an isolated position by its market."""
        event: Json = {"e": "MARGIN_CALL", "E": now_ns // NS_PER_MS}
        symbols = [name]
        if name not in self.wires:
            symbols = self.positions.cross_symbols(account, name)
            event["cw"] = self.positions.asset(account, name)["crossWalletBalance"]
        return event | {"p": [self.positions.at_risk(account, symbol) for symbol in symbols]}
