"""Everything that the venue's addresses share: the exchange, its names on the wire, its streams, its guards."""

from collections.abc import Callable

from common.exchange.configuration import ExchangeConfig
from common.exchange.events import Event
from common.exchange.money import units_from_text
from common.model.errors import ConfigInvalid
from common.model.instrument import Instrument
from common.storage import Journal
from common.venues.credentials import Credentials
from services.paper_exchange import refusals
from services.paper_exchange.auth import Gatekeeper
from services.paper_exchange.broadcast import Hub
from services.paper_exchange.config import PaperExchangeConfig
from services.paper_exchange.limits import RequestLimits
from services.paper_exchange.market_data import MarketData
from services.paper_exchange.user_data import AccountReports, UserStreams
from services.paper_exchange.venue import ACCOUNT, PaperVenue
from services.paper_exchange.wire import NS_PER_MS, MarketWire


class Site:
    """One paper venue without its sockets. Recovers from the journal when it is made."""

    def __init__(
        self,
        config: PaperExchangeConfig,
        instruments: list[Instrument],
        journal: Journal,
        credentials: Credentials,
        now_ns: Callable[[], int],
    ) -> None:
        boot_ms = now_ns() // NS_PER_MS
        made_of = _made_of(config, instruments)
        self.venue = PaperVenue(made_of, journal, now_ns, config.snapshot_commands)
        self.exchange = self.venue.exchange
        self.config = config
        self.spot = [each for each in instruments if each.symbol not in config.perpetuals]
        self.hub, self.users = Hub(), UserStreams()
        scales = self.exchange.ledger.scales
        self.wires = {each.symbol: MarketWire(each, scales[each.symbol]) for each in self.spot}
        self.by_name = {wire.name: wire for wire in self.wires.values()}
        self.gatekeeper = Gatekeeper(credentials, self.now_ms)
        self.limits = RequestLimits(
            config.request_weight_max, config.orders_10s_max, config.orders_day_max, self.now_ms
        )
        units = {asset: units_from_text(amount) for asset, amount in config.balances.items()}
        self.expired_at_start = self.venue.open(units, config.expires_open_orders)
        self.market_data = {
            symbol: MarketData(wire, self.exchange.markets[symbol].book, self.hub, boot_ms)
            for symbol, wire in self.wires.items()
        }
        self._reports = AccountReports(ACCOUNT, self.exchange.ledger, self.wires)
        self.venue.observe(self._absorb)

    def now_ms(self) -> int:
        """The venue's clock, UTC."""
        return self.venue.now_ns() // NS_PER_MS

    def market(self, name: str) -> MarketWire:
        """A market by the venue's own name. Raises VenueError."""
        wire = self.by_name.get(name)
        if wire is None:
            raise refusals.invalid_symbol()
        return wire

    def beat(self) -> None:
        """Send depth streams, of what is committed; call each 100 ms."""
        self.venue.hold(self._send_depth)

    def _send_depth(self) -> None:
        now_ns = self.venue.now_ns()
        for data in self.market_data.values():
            data.beat(now_ns)

    def _absorb(self, events: list[Event]) -> None:
        frames = list[tuple[str, bytes]]()
        events = [each for each in events if getattr(each, "symbol", "") not in self.exchange.config.perpetuals]
        for symbol in {symbol: None for event in events if (symbol := getattr(event, "symbol", ""))}:
            frames += self.market_data[symbol].absorb([e for e in events if getattr(e, "symbol", "") == symbol])
        reports = self._reports.absorb(events)
        if frames or reports:
            self.venue.hold(lambda: self._tell(frames, reports))

    def _tell(self, frames: list[tuple[str, bytes]], reports: list[bytes]) -> None:
        for report in reports:
            self.users.publish(report)
        for stream, payload in frames:
            self.hub.publish(stream, payload)


def _made_of(config: PaperExchangeConfig, instruments: list[Instrument]) -> ExchangeConfig:
    """The exchange that a configuration wants. Raises ConfigInvalid."""
    try:
        return ExchangeConfig(
            instruments=instruments, fees=config.fee_schedule(), perpetuals=config.perpetuals, rules=config.rules,
            features=config.features, trade_groups=config.trade_groups,
        )  # fmt: skip
    except ValueError as error:
        raise ConfigInvalid("exchange", "paper_exchange-<venue>.toml", "markets of this venue", str(error)) from error
