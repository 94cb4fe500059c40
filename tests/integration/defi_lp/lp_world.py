"""The LP as a real process between a real node and a real bus; the test plays the book and reads the inventory."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

from common.amm.full_math import UINT128_MAX
from common.bus import Bus
from common.chain import erc20, pool, position_manager, router
from common.chain.wallet import create_key_file, load_wallet
from common.messages import (
    BookImage,
    HealthReported,
    LpInventoryChanged,
    LpRebalanced,
    LpSagaEnded,
    Message,
    QueryHealth,
)
from common.runtime import load_fleet
from services.paper_chain.config import LpFunding
from services.paper_chain.money import fund_lp
from tests.conftest import PROJECT, until
from tests.integration.chain.history import WalletHistory, read_history
from tests.integration.chain.world import World
from tests.integration.defi_lp.hedge import Hedge

LP, BOOKS, READER = "defi_lp", "quote_server-binance", "market_maker"
FUNDING = LpFunding(native=10.0, base=20.0, quote=54_000.0)
TOPIC = "book.binance.ETH-USDT"


class LpWorld:
    """Configuration folder, wallet, process. Enter it once per test, in its event loop.

    `line`: address by which the LP reaches the node, where that is another than the test's own (a fault proxy).
    `hedged` starts the real position server beside it. `settings` are `name=value` of defi_lp.toml, `table.name=value`
    where the file leaves the default.
    """

    def __init__(
        self, url: str, folder: Path, *, base_is_token0: bool = False, settings: str = "", line: str = "",
        hedged: bool = False,
    ) -> None:  # fmt: skip
        self.chain = World(url, base_is_token0=base_is_token0)
        self._line, self._hedged = line or url, hedged
        self.hedge: Hedge | None = None
        self.configs, self.var = folder / "c", folder / "v"
        self.mid, self.book_speaks = 2500.0, True
        self.inventories: list[LpInventoryChanged] = []
        self.rebalances: list[LpRebalanced] = []
        self.sagas: list[LpSagaEnded] = []
        self.process: subprocess.Popen[bytes] | None = None
        self._settings = settings

    async def __aenter__(self) -> "LpWorld":
        await self.chain.__aenter__()
        self._write_configs()
        create_key_file(self.var / "keys" / "lp.key")
        self.wallet = load_wallet(self.var / "keys" / "lp.key").address
        fleet = load_fleet(self.configs)
        self._buses = [Bus(name, time.time_ns(), fleet.endpoints(), time.time_ns) for name in (BOOKS, READER)]
        self.books, self.reader = self._buses
        self._publisher = self.books.bind()
        self._publisher.state = "running"
        self.replica = self.reader.follow(
            LP, ["lp.", "rebalance.", "saga."], lambda fact, _: self._take(fact), self._take_all
        )
        self._speaking = asyncio.get_running_loop().create_task(self._speak())
        if self._hedged:
            self.hedge = Hedge(self.configs, fleet)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._speaking.cancel()
        if self.process:
            self.process.kill()
            self.process.wait(10)
        if self.hedge:
            await self.hedge.close()
        for bus in self._buses:
            bus.close()
        await self.chain.__aexit__()

    @property
    def last(self) -> LpInventoryChanged:
        """The newest inventory that was published."""
        return self.inventories[-1]

    async def fund(self) -> None:
        """The wallet's first money."""
        faucet, at = self.chain.actor("faucet"), self.chain.contracts
        assert await fund_lp(self.chain.node, faucet, at, self.chain.pair, self.wallet, FUNDING)

    def start(self, dies: tuple[str, int, str] | None = None) -> None:
        """Start the process; `dies` = (journal, commit, "before" or "after") as `mortal.py` takes it."""
        program = ["services.defi_lp"] if dies is None else ["tests.integration.defi_lp.mortal", *map(str, dies)]
        command = [sys.executable, "-m", *program, str(self.configs)]
        with (self.var / "lp.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=PROJECT, stdout=log, stderr=log)

    def kill(self) -> None:
        """kill -9."""
        assert self.process
        self.process.kill()
        self.process.wait(10)

    async def died(self, timeout_s: float = 15.0) -> bool:
        """Whether the process ended by SIGKILL within the time."""
        assert self.process
        try:
            return await asyncio.to_thread(self.process.wait, timeout_s) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            return False

    def terminate(self) -> int:
        """SIGTERM, as the supervisor does; returns the exit code."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def log(self) -> str:
        """What the process wrote."""
        return (self.var / "lp.log").read_text()

    async def is_open(self) -> LpInventoryChanged:
        """The inventory once ranges stand and nothing is under way."""
        await self.sees(self.is_at_rest, 10)
        return self.last

    def is_at_rest(self) -> bool:
        """Ranges stand and nothing is under way."""
        return bool(self.inventories) and (self.last.state, self.last.doing) == ("active", "")

    async def sees(self, condition: object, timeout_s: float = 8.0) -> None:
        """Wait for a condition; the process's log explains a failure."""
        try:
            await until(condition, timeout_s)  # type: ignore[arg-type]
        except AssertionError:
            raise AssertionError(f"not in time; {self.inventories[-1:]}\n{self.log()[-6000:]}") from None

    async def at_block(self, block_hash: str) -> LpInventoryChanged:
        """The newest inventory of this very block."""
        await self.sees(lambda: self.inventories and self.last.block_hash == block_hash)
        return self.last

    async def move_pool(self, price: float) -> None:
        """A stranger swaps until the pool is at `price`."""
        node, at, pair = self.chain.node, self.chain.contracts, self.chain.pair
        target = pair.sqrt_price_of(price)
        for _ in range(20):
            present = (await node.read(pool.slot0(at.pool))).sqrt_price_x96
            if abs(present - target) <= 1:
                return
            sells_base = price < pair.price_at(present)
            amount = 90 * 10**18 if sells_base else 240_000 * 10**6
            trader = await self.chain.rich("stranger")
            params = await self.chain.swap_params(trader.address, amount, sells_base=sells_base, limit=target)
            await trader.send(router.exact_input_single(at.router, params))
        raise AssertionError(f"the pool did not reach {price}")

    async def history(self) -> WalletHistory:
        """All that the present chain has of our wallet."""
        return await read_history(self.chain.node, self.chain.contracts, self.wallet)

    async def assert_sound(self, *, mints: int) -> LpInventoryChanged:
        """After a fault: the newest inventory is the chain's, `mints` NFTs were ever made for us, the hedge follows,
        and wallet and contracts account for every unit of what we were given.
        """
        head = (await self.chain.node.head()).hash
        told = await self.at_block(head)
        await self.assert_equals_chain(told)
        node, at, history = self.chain.node, self.chain.contracts, await self.history()
        assert len(history.minted) == mints, f"{len(history.minted)} mints, {mints} wanted: {history}"
        balances = await node.read_many(
            [erc20.balance_of(token, self.wallet) for token in (at.base_token, at.quote_token)]
        )
        assert balances == [history.base.balance, history.quote.balance]
        assert await node.balance(self.wallet) == history.native
        if self.hedge:
            await self.sees(lambda: self.hedge and self.hedge.follows(self.last))
        return told

    async def trade(self, amount: int, *, sells_base: bool) -> None:
        """A stranger's swap of raw units."""
        trader = await self.chain.rich("stranger")
        params = await self.chain.swap_params(trader.address, amount, sells_base=sells_base)
        await trader.send(router.exact_input_single(self.chain.contracts.router, params))

    async def health(self) -> HealthReported:
        """What the process says of itself."""
        answer = await self.reader.request(LP, QueryHealth(), 2.0)
        assert isinstance(answer, HealthReported)
        return answer

    async def owned_by_wallet(self) -> list[int]:
        """Token ids that the manager says the wallet owns."""
        manager, node = self.chain.contracts.position_manager, self.chain.node
        count = await node.read(position_manager.balance_of(manager, self.wallet))
        calls = [position_manager.token_of_owner(manager, self.wallet, index) for index in range(count)]
        return list(await node.read_many(calls))

    async def assert_equals_chain(self, told: LpInventoryChanged) -> None:
        """Every raw amount of the message against the contracts' own answers at its block."""
        node, at, pair = self.chain.node, self.chain.contracts, self.chain.pair
        balances = [erc20.balance_of(token, self.wallet) for token in (at.base_token, at.quote_token)]
        assert await node.read_many(balances, told.block_hash) == [int(told.idle_base), int(told.idle_quote)]
        assert await self.owned_by_wallet() == [int(each.token_id) for each in told.ranges]
        for each in told.ranges:
            token_id = int(each.token_id)
            position = await node.read(position_manager.positions(at.position_manager, token_id), told.block_hash)
            bounds = (position.tick_lower, position.tick_upper, position.liquidity)
            assert bounds == (each.tick_lower, each.tick_upper, int(each.liquidity))
            burn = position_manager.decrease(at.position_manager, token_id, position.liquidity, 0, 0, UINT128_MAX)
            collect = position_manager.collect(at.position_manager, token_id, self.wallet)
            principal, fees = await node.read_many([burn, collect], told.block_hash, self.wallet)
            assert pair.unorder(*principal) == (int(each.amount_base), int(each.amount_quote))
            assert pair.unorder(*fees) == (int(each.fees_base), int(each.fees_quote))

    def _take(self, fact: Message) -> None:
        if isinstance(fact, LpInventoryChanged):
            self.inventories.append(fact)
        elif isinstance(fact, LpRebalanced):
            self.rebalances.append(fact)
        elif isinstance(fact, LpSagaEnded):
            self.sagas.append(fact)

    def _take_all(self, facts: list[Message]) -> None:
        for fact in facts:
            self._take(fact)

    async def _speak(self) -> None:
        """The quote server: a book around `mid`, and heartbeats."""
        beat = 0
        while True:
            if self.book_speaks:
                ticks = round(self.mid * 100)
                image = BookImage(
                    venue="binance", symbol="ETH-USDT", update_id=beat, event_time_ns=time.time_ns(),
                    received_ns=time.time_ns(), bids=[(ticks - 1, 10_000)], asks=[(ticks + 1, 10_000)],
                )  # fmt: skip
                self.books.publish(TOPIC, image)
            if beat % 10 == 0:
                self._publisher.beat()
            beat += 1
            await asyncio.sleep(0.05)

    def _write_configs(self) -> None:
        self.configs.mkdir()
        self.var.mkdir()
        paper = PROJECT / "configs" / "paper"
        text = (paper / "fleet.toml").read_text().replace('var_dir = "var/paper"', f'var_dir = "{self.var}"')
        lines = []
        for line in text.splitlines():
            key = line.split(" = ")[0]
            if key == "rpc_url":
                line = f'rpc_url = "{self._line}"'
            elif key == "ws_url":
                # Announcements go past the bad line: they are wake-ups, and what they wake is what is tested.
                line = f'ws_url = "{self.chain.url.replace("http", "ws")}"'
            elif key in self.chain.contracts.__struct_fields__:
                line = f'{key} = "{getattr(self.chain.contracts, key)}"'
            lines.append(line)
        (self.configs / "fleet.toml").write_text("\n".join(lines))
        own = (paper / "defi_lp.toml").read_text()
        for setting in self._settings.split():
            name, value = setting.split("=")
            table, _, name = name.rpartition(".")
            if table and f"[{table}]" not in own:
                own += f"\n[{table}]\n{name} = {value}\n"
                continue
            if table and f"\n{name} = " not in own.partition(f"[{table}]")[2]:
                own = own.replace(f"[{table}]\n", f"[{table}]\n{name} = {value}\n")
                continue
            kept = [f"{name} = {value}" if line.split(" = ")[0] == name else line for line in own.splitlines()]
            assert kept != own.splitlines(), name
            own = "\n".join(kept)
        (self.configs / "defi_lp.toml").write_text(own)
