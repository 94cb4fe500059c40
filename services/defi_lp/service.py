"""The process: recovers, lives on the chain, and shows its inventory."""

from common.chain.head_stream import BlockWaker
from common.chain.node import Node
from common.messages import (
    BookImage,
    ExecuteLpCommand,
    Header,
    LpCommandTaken,
    LpInventoryChanged,
    LpPerformanceReported,
    LpPreviewed,
    LpRebalanced,
    LpReported,
    LpSagaEnded,
    Message,
    PreviewLpCommand,
    QueryLp,
)
from common.model.errors import InputInvalid, OutcomeUnknown, PeerUnavailable, RequestRefused
from common.runtime import Service
from common.strategy.lp_book import LpBook
from common.strategy.lp_records import AnyRecord
from services.defi_lp.config import DefiLpConfig
from services.defi_lp.connection import connect
from services.defi_lp.keeping import Keeping
from services.defi_lp.mid import MidWatch
from services.defi_lp.performance import Performance
from services.defi_lp.preview import Previewer
from services.defi_lp.publication import Publication
from services.defi_lp.reading import Reading
from services.defi_lp.report import report

PAUSE_S_MAX = 1.0
PROFIT_FIGURES = ("profit", "against_hold", "fees", "lvr", "gas")
TOPICS = {
    LpInventoryChanged: "lp",
    LpRebalanced: "rebalance",
    LpSagaEnded: "saga",
    LpPerformanceReported: "performance",
}


class DefiLpService(Service[DefiLpConfig]):
    """Start-up is recovery: both journals are read, open transactions are resolved, and the chain says what we own."""

    async def start(self) -> None:
        """Journals and links; the chain is waited for in the background, because it may come up after us."""
        config, chain = self.config, self.fleet.chain
        self._pool_name = f"{chain.base_symbol}-{config.quote_symbol}-{chain.fee_ppm}"
        self._journal = self.open_journal("lp", config.journal_durability)
        self._transactions = self.open_journal("lp_transactions", config.journal_durability)
        self._book = LpBook(record for _, _, record in self._journal.read_as(AnyRecord))
        self._performance = Performance(
            self.open_journal("lp_performance", config.journal_durability), chain.name, self._pool_name,
            config.performance_checkpoint_s,
        )  # fmt: skip
        self._publication = Publication(chain.name, self._pool_name, config.settled_after_blocks)
        self._node = Node(chain.rpc_url, timeout_s=config.rpc_timeout_s)
        self._waker = BlockWaker(chain.ws_url)
        self._keeping: Keeping | None = None
        self._trouble = ""
        instrument = self.fleet.instrument(config.mid_venue, config.mid_symbol)
        self._mid = MidWatch(instrument, config.mid_age_ms_max, config.sigma_half_life_s, config.sigma_floor_annual)
        topic = f"book.{config.mid_venue}.{config.mid_symbol}|"
        self.bus.subscribe(f"quote_server-{config.mid_venue}", topic, self._on_book)
        self.on_request[ExecuteLpCommand] = self._execute
        self.on_request[PreviewLpCommand] = self._preview
        self.on_request[QueryLp] = self._report
        self.spawn(self._live())
        self.spawn(self._waker.run())

    async def stop(self) -> None:
        """Leave the ranges on the chain; the journals say all that the next life needs."""
        self._performance.keep(self.clock.now_ns())
        await self._node.close()

    def snapshot(self) -> list[Message]:
        """The newest inventory and performance."""
        return [each for each in (self._publication.last, self._performance.last) if each]

    def details(self) -> dict[str, str | int | float | bool]:
        """Range, price, amounts, fees, rebalances, block."""
        last = self._publication.last
        if last is None:
            return {"state": "waiting", "trouble": self._trouble}
        keeping, told = self._keeping, self._performance.last
        return {
            "state": last.state, "doing": last.doing, "halted": last.halted, "price": round(last.price, 4),
            "price_lower": round(last.price_lower, 4), "price_upper": round(last.price_upper, 4),
            "in_range": last.gamma != 0.0,
            "base": round(last.base_total, 6), "quote": round(last.quote_total, 2),
            "residual": round(last.residual, 6), "fees_base": round(last.fees_base, 8),
            "fees_quote": round(last.fees_quote, 6), "rebalances": last.rebalances, "block": last.block_number,
            "ranges": len(last.ranges), "value": round(last.value_quote, 2),
            "sigma_annual": round(self._mid.sigma_annual, 4), "held": keeping.held if keeping else "",
            **{name: round(getattr(told, name), 2) if told else 0.0 for name in PROFIT_FIGURES},
            "trouble": self._trouble, "stream": "live" if self._waker.is_live else self._waker.trouble or "off",
        }  # fmt: skip

    def _execute(self, command: ExecuteLpCommand, _header: Header) -> LpCommandTaken:
        keeping, reading = self._ready()
        taken = keeping.desk.take(command, reading, self.clock.now_ns())
        self.log.info("lp.command", action=command.action, operator=command.operator, id=command.command_id)
        return taken

    async def _preview(self, question: PreviewLpCommand, _header: Header) -> LpPreviewed:
        keeping, reading = self._ready()
        return await self._previewer.preview(question.action, keeping, reading, self.clock.now_ns())

    def _report(self, question: QueryLp, _header: Header) -> LpReported:
        keeping, _ = self._ready()
        return report(keeping, self._publication, self._performance, question.command_id, self._trouble)

    def _ready(self) -> tuple[Keeping, Reading]:
        """Raises RequestRefused until the chain was read for the first time."""
        if self._keeping is None or self._keeping.reading is None:
            raise RequestRefused("not_connected", f"the chain was not read yet {self._trouble}".strip())
        return self._keeping, self._keeping.reading

    def _on_book(self, message: Message, _header: Header) -> None:
        if isinstance(message, BookImage):
            self._mid.take(message)

    async def _live(self) -> None:
        """Turn after turn, for ever. What the node refuses or loses is tried anew; anything else ends the process."""
        config = self.config
        at = await connect(config, self.fleet.chain, self._node, self.path, self._transactions, self.log)
        self._keeping = Keeping(
            config, at, self._journal, self._book, self._publication, self._performance, self._mid, self._publish,
            self.log,
        )  # fmt: skip
        self._previewer = Previewer(config, at.node, at.wallet.address)
        self.log.info(
            "lp.connected", wallet=at.wallet.address, pool=at.venue.home, sagas=len(self._book.sagas),
            steps=self._book.step_count,
        )  # fmt: skip
        pause = config.poll_s
        while True:
            try:
                await self._keeping.turn(self.clock.now_ns())
                self._recover_from_trouble()
                pause = config.poll_s
            except (PeerUnavailable, OutcomeUnknown, RequestRefused, InputInvalid) as error:
                # A node that is away, behind or mid-reorganisation. Nothing is published meanwhile, on purpose.
                self._meet_trouble(error)
                pause = min(2 * pause, PAUSE_S_MAX)
            await self._waker.wait(pause)

    def _publish(self, message: Message) -> None:
        self.counters[type(message).__name__] += 1
        self.bus.publish(f"{TOPICS[type(message)]}.{self.fleet.chain.name}.{self._pool_name}", message)

    def _meet_trouble(self, error: Exception) -> None:
        self.counters["node_trouble"] += 1
        if str(error) != self._trouble:
            self.log.warning("lp.node_trouble", error=type(error).__name__, detail=str(error))
        self._trouble = str(error)

    def _recover_from_trouble(self) -> None:
        if self._trouble:
            self.log.info("lp.node_back")
        self._trouble = ""
