"""The paper chain: keeps the node alive, brings the pool into being, mines, and lets the traders trade."""

import asyncio
from random import Random
from urllib.parse import urlsplit

from common.amm.pair import Pair
from common.chain import pool
from common.chain.blocks import Head
from common.chain.node import Node
from common.chain.pool import Slot0
from common.chain.wallet import create_key_file, load_wallet
from common.messages import BookImage, FeedStatusChanged, Header, Message
from common.model.errors import ConfigInvalid, OutcomeUnknown, PeerUnavailable, RequestRefused
from common.model.ids import process_name
from common.runtime import Service
from services.paper_chain.actor import Actor
from services.paper_chain.arbitrage import gap_bps
from services.paper_chain.config import PaperChainConfig
from services.paper_chain.deployment import (
    BASE_DECIMALS,
    DEPLOYER,
    QUOTE_DECIMALS,
    check_addresses,
    deploy,
    plan_deployment,
)
from services.paper_chain.genesis import LIQUIDITY_PROVIDER, create_pool, is_complete
from services.paper_chain.middle import SECOND_NS, Middle
from services.paper_chain.money import fund_lp
from services.paper_chain.node_process import NodeProcess
from services.paper_chain.prices import price_of
from services.paper_chain.traders import Swapped, Traders

NODE_TIMEOUT_S = 5.0
TICK_SPACINGS = {100: 1, 500: 10, 3000: 60, 10_000: 200}


class PaperChainService(Service[PaperChainConfig]):
    """README.md beside this file tells its life. Publishes nothing but heartbeats."""

    async def start(self) -> None:
        """Node, contracts, the LP's key and money. The pool waits for the first book."""
        chain = self.fleet.chain
        self._contracts, self._pair = chain.contracts, self._pair_of(chain.fee_ppm)
        port = self.config.node_port or self._port(chain.rpc_url)
        self._node = Node(f"http://127.0.0.1:{port}", timeout_s=NODE_TIMEOUT_S)
        deployer = Actor(self._node, DEPLOYER, chain.chain_id)
        deployment = plan_deployment(deployer.address, chain.fee_ppm)
        check_addresses(deployment.contracts, chain.contracts, "fleet.toml")
        instrument = self.fleet.instrument(self.config.venue, self.config.symbol)
        self._middle = Middle(instrument, self.config.book_age_s_max)
        self._phase, self._gap_bps, self._price = "waiting for a book", 0.0, 0.0
        self._head: Head | None = None
        self._grew_ns = 0
        self._process = NodeProcess(
            self.path("chain"), port, chain.chain_id,
            self.config.history_states, self.config.state_interval_s,
        )  # fmt: skip
        key_file = self.path(self.config.lp_key_file)
        if create_key_file(key_file):
            self.log.info("lp.key_created", path=str(key_file))
        await self._process.start(self._node, self.config.blocks_kept, self.log)
        self._first_block = (await self._node.head()).number
        if created := await deploy(self._node, deployer, deployment):
            self.log.info("chain.deployed", contracts=created)
        faucet = Actor(self._node, "faucet", chain.chain_id)
        lp = load_wallet(key_file).address
        if await fund_lp(self._node, faucet, self._contracts, self._pair, lp, self.config.lp_funding):
            self.log.info("lp.funded", wallet=lp)
        self._listen()
        self.spawn(self._watch_node())
        self.spawn(self._live())
        self.every(self.config.state_interval_s, self._process.state.back_up)

    async def stop(self) -> None:
        """End the node in order: it writes its state."""
        self._phase = "stopping"
        # A start that was refused may have ended before there was a node.
        if hasattr(self, "_process"):
            await self._process.stop()
            await self._node.close()

    def details(self) -> dict[str, str | int | float | bool]:
        """Block, pool price, gap to the exchange, swaps by trader."""
        return {
            "phase": self._phase,
            "block": self._head.number if self._head else 0,
            "price": round(self._price, 2),
            "gap_bps": round(self._gap_bps, 2),
            "arbitrage_swaps": self.counters["swap.arbitrageur"],
            "noise_swaps": self.counters["swap.noise"],
        }

    def on_market(self, message: Message, _header: Header) -> None:
        """The venue's newest book, and what its feed reports of itself."""
        if isinstance(message, BookImage):
            self._middle.on_book(message, self.clock.monotonic_ns())
        elif isinstance(message, FeedStatusChanged):
            self._middle.on_feed(message, self.clock.monotonic_ns())

    def _listen(self) -> None:
        source = process_name("quote_server", self.config.venue)
        market = f"{self.config.venue}.{self.config.symbol}|"
        for kind in ("book", "feed"):
            self.bus.subscribe(source, f"{kind}.{market}", self.on_market)

    async def _watch_node(self) -> None:
        while True:
            code = await self._process.ended()
            if self._phase not in ("renewing the node", "stopping"):
                raise PeerUnavailable(f"anvil ended on its own with code {code}")
            await asyncio.sleep(self.config.round_interval_s)

    async def _live(self) -> None:
        """Pool, traders, then rounds for ever. A node that hangs is waited for: its death ends us elsewhere."""
        traders: Traders | None = None
        while True:
            try:
                if traders is None:
                    traders = await self._open_market()
                await self._round(traders)
            except (PeerUnavailable, OutcomeUnknown) as error:
                self.counters["node_unavailable"] += 1
                self.log.warning("chain.node_silent", detail=str(error))
            except RequestRefused as refusal:
                self.counters["swap.refused"] += 1
                self.log.warning("chain.refused", code=refusal.code, detail=refusal.detail)
            await asyncio.sleep(self.config.round_interval_s)

    async def _open_market(self) -> Traders | None:
        """The traders once there is a pool to trade in; until then None."""
        chain, ranges = self.fleet.chain, self.config.liquidity
        provider = Actor(self._node, LIQUIDITY_PROVIDER, chain.chain_id)
        if not await is_complete(self._node, provider.address, self._contracts, chain.fee_ppm, len(ranges)):
            middle = self._middle.price(self.clock.monotonic_ns())
            if middle is None:
                return None
            await create_pool(self._node, provider, self._contracts, self._pair, middle, ranges)
            self.log.info("chain.pool_created", pool=self._contracts.pool, px=float(middle), ranges=len(ranges))
        head = await self._node.head()
        # The height makes it another sequence after each restart, and the same one in each replay of a fresh chain.
        random = Random(f"{self.fleet.seed}/{head.number}")
        now_s = self.clock.monotonic_ns() / SECOND_NS
        traders = Traders(self._node, self._contracts, self._pair, self.config, chain.chain_id, random, now_s)
        await traders.prepare()
        return traders

    async def _round(self, traders: Traders | None) -> None:
        """One look at the chain, and whatever is due: a block, a renewal, a swap of either trader."""
        head = await self._grow()
        if head.number - self._first_block >= self.config.blocks_per_life:
            await self._renew(head)
        if traders is None:
            return
        slot0 = await self._node.read(pool.slot0(self._contracts.pool))
        self._price = float(price_of(self._pair, slot0.sqrt_price_x96))
        now_ns = self.clock.monotonic_ns()
        middle = self._middle.price(now_ns)
        if middle is None:
            self._phase = "waiting for a book"
            return
        self._phase = "trading"
        self._gap_bps = gap_bps(self._pair, slot0.sqrt_price_x96, middle)
        self._told(await traders.correct(head, slot0.sqrt_price_x96, middle))
        self._told(await traders.make_noise(head, await self._sqrt_price(), now_ns / SECOND_NS))

    async def _sqrt_price(self) -> int:
        slot0: Slot0 = await self._node.read(pool.slot0(self._contracts.pool))
        return slot0.sqrt_price_x96

    async def _grow(self) -> Head:
        """The newest block; a new one is mined when the chain has stood still for the longest pause."""
        head, now_ns = await self._node.head(), self.clock.monotonic_ns()
        if self._head is None or head.hash != self._head.hash:
            self._head, self._grew_ns = head, now_ns
        elif now_ns - self._grew_ns >= self.config.block_interval_s * SECOND_NS:
            await self._node.request("evm_mine")
            self.counters["blocks.mined"] += 1
        return head

    async def _renew(self, head: Head) -> None:
        """Start the node anew from a trimmed state: its memory grows with every block it ever mined."""
        self._phase = "renewing the node"
        await self._process.stop()
        await self._process.start(self._node, self.config.blocks_kept, self.log)
        self._first_block = head.number
        self.counters["node.renewed"] += 1
        self._phase = "waiting for a book"

    def _told(self, swapped: Swapped | None) -> None:
        if swapped:
            self.counters[f"swap.{swapped.trader}"] += 1
            side = "sell" if swapped.sells_base else "buy"
            self.log.info(
                "chain.swap", trader=swapped.trader, side=side, usd=round(swapped.quote), px=round(swapped.price, 2)
            )

    def _pair_of(self, fee_ppm: int) -> Pair:
        if fee_ppm not in TICK_SPACINGS:
            raise ConfigInvalid("fee tier", "fleet.toml: chain.fee_ppm", f"one of {list(TICK_SPACINGS)}", fee_ppm)
        base, quote = self.fleet.chain.contracts.base_token, self.fleet.chain.contracts.quote_token
        return Pair(
            base_is_token0=int(base, 16) < int(quote, 16), base_decimals=BASE_DECIMALS,
            quote_decimals=QUOTE_DECIMALS, tick_spacing=TICK_SPACINGS[fee_ppm], fee_ppm=fee_ppm,
        )  # fmt: skip

    def _port(self, rpc_url: str) -> int:
        parts = urlsplit(rpc_url)
        if parts.hostname not in ("127.0.0.1", "localhost") or parts.port is None:
            raise ConfigInvalid("address", "fleet.toml: chain.rpc_url", "http://127.0.0.1:<port>", rpc_url)
        return parts.port
