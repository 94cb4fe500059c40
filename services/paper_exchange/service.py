"""The paper venue as a process: a site, its port, and the market that flows through it."""

from pathlib import Path

from common.messages import ExecuteExchangeCommand, Message, QueryExchange
from common.model.errors import ConfigInvalid
from common.model.instrument import Instrument
from common.runtime import Service
from services.paper_exchange.bus_api import BusApi
from services.paper_exchange.config import PaperExchangeConfig
from services.paper_exchange.flow import MarketFlow, run_flow
from services.paper_exchange.keys import ensure_keys
from services.paper_exchange.recording import check_recording, read_recording
from services.paper_exchange.replay import ReplayFlow
from services.paper_exchange.server import Server, loopback_address
from services.paper_exchange.site import Site
from services.paper_exchange.synthetic import SyntheticFlow

BEAT_S = 0.1


class PaperExchangeService(Service[PaperExchangeConfig]):
    """Speaks a venue's own protocol; what that does not have is served on the bus."""

    async def start(self) -> None:
        """Recover from the journal, open the port, start the flow."""
        access = self.fleet.venues[self.venue]
        host, port = loopback_address(access.rest_url, f"fleet.toml: venues.{self.venue}.rest_url")
        instruments = [each for each in self.fleet.instruments if each.venue == self.venue]
        keys = ensure_keys(Path(access.credentials_file), self.config.customers)
        journal = self.open_journal(self.name, self.config.journal_durability)
        self._site = Site(self.config, instruments, journal, keys, self.clock.now_ns)
        ledger = self._site.exchange.ledger
        self.log.info(
            "venue.recovered", commands=self._site.venue.commands, orders=len(ledger.orders), trades=len(ledger.trades),
            expired=self._site.expired_at_start,
        )  # fmt: skip
        self._bus_api = BusApi(self._site.venue, self.venue, self.bus.publish)
        self.on_request[ExecuteExchangeCommand] = self._bus_api.execute
        self.on_request[QueryExchange] = self._bus_api.report
        self._flows = [self._flow(each) for each in instruments]
        for flow in self._flows:
            self.spawn(run_flow(flow, self._site.venue.execute, self.clock.now_ns, self.config.speed))
        self._server = Server(self._site)
        await self._server.start(host, port)
        self.every(BEAT_S, self._site.beat)
        self.log.info(
            "venue.open", address=f"{host}:{port}", flow=self.fleet.flow or f"synthetic seed {self.fleet.seed}"
        )

    async def stop(self) -> None:
        """Close the port."""
        if hasattr(self, "_server"):
            await self._server.stop()

    def snapshot(self) -> list[Message]:
        """The newest events of the exchange's rooms."""
        return list(self._bus_api.facts)

    def details(self) -> dict[str, str | int | float | bool]:
        """Orders, fills and clients."""
        ledger = self._site.exchange.ledger
        return {
            "orders": ledger.last_order_id,
            "open_orders": len(ledger.open_order_ids()),
            "trades": len(ledger.trades),
            "requests": self._server.rest.requests,
            "refusals": self._server.rest.refusals,
            "sockets": len(self._server.sockets),
            "flow_loops": sum(flow.loops for flow in self._flows if isinstance(flow, ReplayFlow)),
        }

    def _flow(self, instrument: Instrument) -> MarketFlow:
        recording = self.config.recordings.get(instrument.symbol, self.fleet.flow)
        if not recording:
            book, anchor = self._site.exchange.markets[instrument.symbol].book, self._site.anchor(instrument)
            seed = self.fleet.seed + list(self._site.exchange.markets).index(instrument.symbol)
            return SyntheticFlow(instrument, self.config.synthetic, book, seed, anchor)
        path = Path(recording)
        if not path.is_file():
            raise ConfigInvalid("recording", "FLOW", "a file", recording)
        check_recording(path, instrument)
        return ReplayFlow(
            instrument.symbol,
            lambda: read_recording(path, instrument),
            lambda loops: self.log.info("flow.looped", loops=loops, recording=path.name),
        )
