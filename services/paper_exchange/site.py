"""Everything that the venue's addresses share: the exchange, its names on the wire, its streams, its guards."""

from collections.abc import Callable, Iterable

from common.exchange.configuration import ExchangeConfig
from common.exchange.events import Event
from common.model.errors import ConfigInvalid
from common.model.instrument import Instrument
from common.storage import Journal
from services.paper_exchange import refusals
from services.paper_exchange.auth import Gatekeeper
from services.paper_exchange.broadcast import Hub
from services.paper_exchange.config import PaperExchangeConfig
from services.paper_exchange.keys import ApiKey
from services.paper_exchange.limits import DAY, TEN_SECONDS, RequestLimits
from services.paper_exchange.market_data import MarketData
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.reports import AccountReports
from services.paper_exchange.usdm_site import UsdmSite
from services.paper_exchange.user_data import UserStreams
from services.paper_exchange.venue import PaperVenue
from services.paper_exchange.wire import NS_PER_MS, MarketWire


class Site:
    """One paper venue without its sockets. Recovers from the journal when it is made."""

    def __init__(
        self,
        config: PaperExchangeConfig,
        instruments: list[Instrument],
        journal: Journal,
        keys: Iterable[ApiKey],
        now_ns: Callable[[], int],
    ) -> None:
        boot_ms = now_ns() // NS_PER_MS
        made_of = _made_of(config, instruments)
        self.venue = PaperVenue(made_of, journal, now_ns, config.snapshot_commands)
        self.exchange = self.venue.exchange
        self.config, self.customers = config, list(config.customers)
        self.spot = [each for each in instruments if each.symbol not in config.perpetuals]
        self.hub, self.users = Hub(), UserStreams()
        scales = self.exchange.ledger.scales
        self.wires = {each.symbol: MarketWire(each, scales[each.symbol]) for each in self.spot}
        self.by_name = {wire.name: wire for wire in self.wires.values()}
        self.gatekeeper = Gatekeeper(keys, self.now_ms)
        orders_max = {TEN_SECONDS: config.orders_10s_max, DAY: config.orders_day_max}
        self.limits = RequestLimits(config.request_weight_max, orders_max, self.now_ms)
        deposits = {name: account.deposits() for name, account in config.customers.items()}
        collateral = {name: account.collateral() for name, account in config.customers.items()}
        self.expired_at_start = self.venue.open(deposits, config.expires_open_orders, collateral)
        ledger = self.exchange.ledger
        self.market_data = {
            symbol: MarketData(wire, self.exchange.markets[symbol].book, self.hub, boot_ms, ledger.last_trade_id)
            for symbol, wire in self.wires.items()
        }
        # Numbers of reports start at the boot time too, so that they never repeat.
        self.reports = AccountReports(self.customers, ledger, self.wires, self.trade_group_id, boot_ms)
        self.usdm = UsdmSite(config, self.venue, boot_ms)
        self.venue.observe(self._absorb)
        self.venue.observe(self.usdm.absorb)

    def now_ms(self) -> int:
        """The venue's clock, UTC."""
        return self.venue.now_ns() // NS_PER_MS

    def market(self, name: str) -> MarketWire:
        """A market by the venue's own name. Raises VenueError."""
        wire = self.by_name.get(name)
        if wire is None:
            raise refusals.invalid_symbol()
        return wire

    def asked(self, parameters: Parameters) -> list[MarketWire]:
        """The market that a request names, those that it lists, or all. Raises VenueError."""
        if parameters.has("symbol"):
            if parameters.has("symbols"):
                raise refusals.bad_combination()
            return [self.market(parameters.symbol())]
        names = parameters.symbols()
        return list(self.wires.values()) if names is None else [self.market(name) for name in names]

    def limits_of(self, path: str) -> RequestLimits:
        """The limits that count for a path."""
        return self.usdm.limits if path.startswith("/fapi/") else self.limits

    def anchor(self, instrument: Instrument) -> Callable[[], float] | None:
        """What a synthetic price is pulled towards: a perpetual's its spot market; nothing pulls others."""
        return self.usdm.oracle.anchor(instrument) if instrument.symbol in self.usdm.wires else None

    def trade_group_id(self, account: str) -> int:
        """The number of an account's trade group; -1 = it is in none."""
        groups = self.config.trade_groups
        return list(dict.fromkeys(groups.values())).index(groups[account]) + 1 if account in groups else -1

    def beat(self) -> None:
        """Do what time brings, and send the streams that tell of a while, of what is committed; call each 100 ms."""
        self.venue.pass_time()
        self.venue.hold(self._send_streams)
        self.usdm.beat()

    def _send_streams(self) -> None:
        now_ns = self.venue.now_ns()
        for data in self.market_data.values():
            data.beat(now_ns)

    def _absorb(self, events: list[Event]) -> None:
        frames = list[tuple[str, bytes]]()
        for symbol in {symbol: None for event in events if (symbol := getattr(event, "symbol", ""))}:
            if symbol in self.market_data:
                frames += self.market_data[symbol].absorb([e for e in events if getattr(e, "symbol", "") == symbol])
        reports = self.reports.absorb(events)
        if frames or reports:
            self.venue.hold(lambda: self._tell(frames, reports))

    def _tell(self, frames: list[tuple[str, bytes]], reports: list[tuple[str, bytes]]) -> None:
        for account, report in reports:
            self.users.publish(account, report)
        for stream, payload in frames:
            self.hub.publish(stream, payload)


def _made_of(config: PaperExchangeConfig, instruments: list[Instrument]) -> ExchangeConfig:
    """The exchange that a configuration wants. Raises ConfigInvalid."""
    try:
        made_of = ExchangeConfig(
            instruments=instruments, fees=config.fee_schedule(), perpetuals=config.perpetuals, rules=config.rules,
            features=config.features, trade_groups=config.trade_groups,
        )  # fmt: skip
        config.check_markets(instruments)
    except ValueError as error:
        raise ConfigInvalid("exchange", "paper_exchange-<venue>.toml", "markets of this venue", str(error)) from error
    return made_of
