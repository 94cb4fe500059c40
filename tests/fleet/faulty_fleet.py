"""A paper fleet that can be hurt: a fault proxy between the LP and the node, a hand on every process and on the chain,
and an ear on the bus that tells when everything is well again.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable

from common.bus import Bus
from common.chain.abi import Call
from common.chain.node import Node
from common.chain.wallet import load_wallet
from common.messages import ExecuteLpCommand, Header, LpInventoryChanged, Message, NetExposureChanged
from common.model.errors import CounterweightError
from common.runtime import Fleet, load_fleet
from services.console.supervisor import Supervisor, SupervisorUnavailable
from services.paper_chain.actor import Actor
from tests.fleet.fleet import PROJECT, PaperFleet, free_ports
from tests.integration.chain.fault_proxy import FaultProxy

UP_S_MAX = 120.0
NEWS_S_MAX = 2.5
"""The LP speaks at least each second, so does the position server: an older word is no news."""
GAS_MONEY_WEI_MIN, GAS_MONEY_WEI = 10**17, 3 * 10**18
ACCEPTED_HALTS = ("foreign_nonce",)
"""Any other halt in a run is a find."""
BLOCKS_KEPT = 1_000_000
"""The settlement needs every block from the first one on."""


class FaultyFleet:
    """`start`, then hurt it, then `stop`. Made inside an event loop."""

    def __init__(self, state_interval_s: int) -> None:
        self.paper = PaperFleet()
        (self.node_port,) = free_ports(1)
        self._edit("paper_chain.toml", "state_interval_s = 60", f"state_interval_s = {state_interval_s}")
        self._edit("paper_chain.toml", "blocks_kept = 1000", f"blocks_kept = {BLOCKS_KEPT}")
        self._edit("paper_chain.toml", "blocks_per_life = 5000", f"blocks_per_life = {BLOCKS_KEPT}")
        self._edit("paper_chain.toml", "round_interval_s", f"node_port = {self.node_port}\nround_interval_s")
        # Faults come faster than a patient keeper acts: this one acts all the time.
        self._edit("defi_lp.toml", "deviation_fraction = 0.15", "deviation_fraction = 0.03")
        self._edit("defi_lp.toml", "interval_s_min = 60.0", "interval_s_min = 10.0")
        self._edit("defi_lp.toml", "collect_interval_s = 1_800.0", "collect_interval_s = 15.0")
        self.fleet: Fleet = load_fleet(self.paper.config)
        self.node = Node(f"http://127.0.0.1:{self.node_port}", timeout_s=4.0, read_attempts=1)
        self.line = FaultProxy(self.node.url)
        self.supervisor = Supervisor(self.paper.var / "supervisor.sock")
        self.is_robbed = False
        self.inventory: LpInventoryChanged | None = None
        self.exposure: NetExposureChanged | None = None
        self._inventory_s = self._exposure_s = 0.0
        self._bus: Bus | None = None

    async def start(self, seed: int) -> None:
        """As `make up` does, with the proxy where the LP looks for the node. Raises AssertionError if it stays down."""
        command = self.paper.line("up", "--seed", str(seed))
        up = await asyncio.create_subprocess_exec(
            *command, cwd=PROJECT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        # `up` refuses a port that is taken, so the proxy takes it once the supervisor is there.
        while not self._is_supervised() and up.returncode is None:
            await asyncio.sleep(0.02)
        await self.line.open(self.paper.chain_port)
        output, _ = await asyncio.wait_for(up.communicate(), UP_S_MAX)
        assert up.returncode == 0, output.decode() + self.paper.last_words()
        self._bus = Bus("observer", time.time_ns(), self.fleet.endpoints(), time.time_ns)
        for process, topic in (("defi_lp", "lp."), ("position_server", "exposure.")):
            self._bus.follow(process, [topic], self._take, self._take_all)

    async def stop(self) -> None:
        """Down, and away with everything."""
        if self._bus:
            self._bus.close()
        await asyncio.to_thread(self.paper.remove)
        with contextlib.suppress(AttributeError):
            await self.line.close()
        await self.node.close()

    @property
    def wallet(self) -> str:
        """The LP's address."""
        return load_wallet(self.paper.var / "keys/lp.key").address

    def actor(self, role: str) -> Actor:
        """Somebody on the chain with a key of their own. One use each: blocks that hold their nonces may go."""
        return Actor(self.node, role, self.fleet.chain.chain_id)

    def pids(self) -> dict[str, int]:
        """Of supervised processes that run."""
        return {name: each.pid for name, each in self.supervisor.processes().items() if each.state == "RUNNING"}

    def anvil_pid(self) -> int:
        """The node's process."""
        return int((self.paper.var / "chain/anvil.pid").read_text())

    def signal(self, process: str, number: signal.Signals) -> int:
        """To a supervised process or to "anvil"; returns its pid. Raises ProcessLookupError, KeyError."""
        pid = self.anvil_pid() if process == "anvil" else self.pids()[process]
        os.kill(pid, number)
        return pid

    async def look_after(self, say: Callable[[str], None]) -> None:
        """For ever, what only people can do: a robbed wallet is given some coin by a friend, even if a block that had
        it is undone, and a keeper that halted because somebody used its key is told to go on.
        """
        while True:
            await asyncio.sleep(1.0)
            with contextlib.suppress(CounterweightError, OSError):
                if not self.is_robbed and await self.node.balance(self.wallet) < GAS_MONEY_WEI_MIN:
                    friend = self.actor("friend")
                    await friend.fill_purse()
                    await friend.send(Call(self.wallet, b"", lambda _data: None, value=GAS_MONEY_WEI))
                    say("  a friend gives gas money")
            with contextlib.suppress(CounterweightError):
                if not self.is_robbed and self.inventory and self.inventory.halted in ACCEPTED_HALTS:
                    reason = self.inventory.halted
                    command = ExecuteLpCommand(
                        command_id=f"resume-{time.time_ns()}", action="resume", operator="random faults"
                    )
                    assert self._bus
                    await self._bus.request("defi_lp", command, 2.0)
                    say(f"  the operator accepts {reason}")

    def ills(self, since_s: float) -> list[str]:
        """What is not well, judged by words that came after `since_s` (monotonic) alone; [] = all is well."""
        now_s, found = time.monotonic(), []
        try:
            states = self.supervisor.processes()
            found = [f"{name} is {each.state}" for name, each in states.items() if each.state != "RUNNING"]
        except (SupervisorUnavailable, OSError) as error:
            found.append(f"supervisor: {error}")
        lp, exposure = self.inventory, self.exposure
        if lp is None or self._inventory_s <= since_s or now_s - self._inventory_s > NEWS_S_MAX:
            found.append("no news of the LP")
        elif not lp.ranges:
            found.append(f"the LP is {lp.state}")
        elif lp.state in ("halted", "waiting_for_gas"):
            found.append(f"the LP is {lp.state} {lp.halted}")
        if exposure is None or self._exposure_s <= since_s or now_s - self._exposure_s > NEWS_S_MAX:
            found.append("no news of the exposure")
        elif not exposure.complete:
            found.append(f"exposure: {exposure.reason}")
        elif lp and exposure.lp_delta != lp.residual:
            found.append("the position server knows another residual")
        return found

    def _edit(self, name: str, old: str, new: str) -> None:
        path = self.paper.config / name
        text = path.read_text()
        assert text.count(old) == 1, f"{name}: {old}"
        path.write_text(text.replace(old, new))

    def _is_supervised(self) -> bool:
        return self.supervisor.is_running()

    def _take_all(self, facts: list[Message]) -> None:
        for fact in facts:
            self._take(fact, None)

    def _take(self, message: Message, _header: Header | None) -> None:
        if isinstance(message, LpInventoryChanged):
            self.inventory, self._inventory_s = message, time.monotonic()
        elif isinstance(message, NetExposureChanged):
            self.exposure, self._exposure_s = message, time.monotonic()
