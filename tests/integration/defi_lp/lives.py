"""Lives of the LP from one and the same beginning: a saga is lived through, cut off at a journal step, and resumed.

The beginning (chain and journals) is kept and restored for each life, so that every step of a saga is a cheap case.
"""

import asyncio
import contextlib
import shutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import common.runtime.service
from common.chain import erc20
from common.messages import ExecuteLpCommand, LpCommandTaken, LpInventoryChanged, LpReported, Message, QueryLp
from common.model.errors import OutcomeUnknown, PeerUnavailable
from common.runtime import load_fleet
from common.runtime.entry import load_service_config
from common.runtime.logging import Log
from services.defi_lp.config import DefiLpConfig
from services.defi_lp.service import DefiLpService
from tests.conftest import until
from tests.integration.defi_lp.fate import AFTER, Death, Fate, journal_of
from tests.integration.defi_lp.lp_world import LP, LpWorld
from tests.integration.defi_lp.stories import FAST, market_falls, mine, swap_to, trade, whale

HASTE = f"{FAST} poll_s=0.02 keepalive_s=0.1"
SWAPS = (
    "plan.swap.enabled=true plan.swap.value_bps_max=5000.0 plan.swap.impact_bps_max=8.0 lot_base=1000.0"
    " deviation_fraction=9.0"
)
FINAL_BLOCKS = 15
COMMITS_MIN = 8
DEEP_FALL = 0.9955
SWAP_COST_MAX = 0.002


class Outcome(NamedTuple):
    """Where a saga ends: NFTs ever minted for us, transactions of ours, ranges, and what is owned in all, raw."""

    mints: int
    nonce: int
    ranges: int
    totals: tuple[int, int]

    @property
    def value(self) -> float:
        """In quote, at the price after the fall."""
        return self.totals[0] / 1e18 * 2500 * DEEP_FALL + self.totals[1] / 1e6


async def _nothing(_lp: LpWorld) -> None:
    pass


async def _fees(lp: LpWorld) -> None:
    rich = await whale(lp)
    await trade(lp, rich, 10**18)


async def _fall(lp: LpWorld) -> None:
    await market_falls(lp)


async def _rich(lp: LpWorld) -> None:
    await whale(lp)


async def _flow_and_fall(lp: LpWorld) -> None:
    """Fees so rich that the wait for the price to enter a one-sided range costs more than selling half, and the fall.
    The mid follows at the end: until then the gap holds every move.
    """
    rich, node = await whale(lp), lp.chain.node
    for price in (2500 * 0.999, 2500 * 1.001, 2500 * DEEP_FALL):
        await node.request("evm_increaseTime", 1)  # No rate without time.
        await rich.send(await swap_to(lp, rich, price))
        head = (await node.head()).hash
        with contextlib.suppress(AssertionError):
            await until(lambda head=head: lp.last.block_hash == head, 0.15)  # type: ignore[misc]
    lp.mid = 2500 * DEEP_FALL


class Saga(NamedTuple):
    """`steps` are its kinds in a life without death. `prepare` brings about the beginning while no LP lives; `command`
    is what the operator says, "" = nothing; `happens` is what the first of two lives sees.
    """

    name: str
    steps: tuple[str, ...]
    prepare: Callable[[LpWorld], Awaitable[None]]
    command: str = ""
    settings: str = ""
    opens_first: bool = True
    happens: Callable[[LpWorld], Awaitable[None]] = _nothing

    @property
    def ends_open(self) -> bool:
        """Ranges stand in the end."""
        return self.command != "close"


SAGAS = (
    Saga("open", ("approve", "approve", "move"), _nothing, opens_first=False),
    Saga("rebalance", ("move",), _fall),
    Saga(
        "rebalance with a swap", ("withdraw", "approve", "swap", "mint"), _rich, settings=SWAPS, happens=_flow_and_fall
    ),
    Saga("collect", ("collect",), _fees, command="collect"),
    Saga("close", ("withdraw", "revoke", "revoke"), _fees, command="close"),
)


class Lives:
    """One saga of one LP: `begin` once; then, as often as one likes, `restore`, a life, another life."""

    def __init__(self, lp: LpWorld, saga: Saga) -> None:
        self.lp, self.saga = lp, saga
        self._beginning = lp.var.with_name("beginning")
        self._snapshot: object = None
        self._mid = lp.mid
        self.before: Outcome | None = None
        self.life: Life | None = None

    async def begin(self) -> None:
        """Everything before the saga; afterwards no LP lives."""
        lp, saga = self.lp, self.saga
        await lp.fund()
        if saga.opens_first:
            await self.wake(Fate())
            await lp.is_open()
            await self.end()
        await saga.prepare(lp)
        self._beginning.mkdir()
        for path in lp.var.glob("lp*.db*"):
            shutil.copy2(path, self._beginning)
        self._mid = lp.mid
        self._snapshot = await lp.chain.node.request("evm_snapshot")

    async def restore(self) -> None:
        """The chain and the journals as they were."""
        lp, node = self.lp, self.lp.chain.node
        assert await node.request("evm_revert", self._snapshot)
        self._snapshot = await node.request("evm_snapshot")
        lp.mid = self._mid
        for path in lp.var.glob("lp*.db*"):
            path.unlink()
        for path in self._beginning.iterdir():
            shutil.copy2(path, lp.var)
        lp.inventories.clear()

    async def wake(self, fate: Fate) -> None:
        """A life in this very process."""
        self.life = Life(self.lp, fate)
        self.life.start()

    async def end(self) -> None:
        """In order, as SIGTERM does."""
        assert self.life is not None
        await self.life.stop()
        self.lp.inventories.clear()

    async def play(self, dies: Callable[[], bool] = lambda: False, *, happens: bool = True) -> bool:
        """From the life's start to the saga's end and its transactions' finality; False if it dies on the way."""
        if happens and self.saga.happens is not _nothing:
            if not await self._until(lambda: bool(self.lp.inventories), dies):
                return False
            await self.saga.happens(self.lp)
        if self.saga.command and not await self._say(dies):
            return False
        if not await self._until(self._is_over, dies):
            return False
        await mine(self.lp, FINAL_BLOCKS)
        head = (await self.lp.chain.node.head()).hash
        return await self._until(lambda: self.lp.last.block_hash == head, dies)

    async def outcome(self) -> Outcome:
        """Where it stands, after every check that holds for any end of any saga."""
        lp = self.lp
        history = await lp.history()
        told = await lp.assert_sound(mints=len(history.minted))
        if not self.saga.ends_open:
            assert told.ranges == [] and await _allowances(lp) == [0, 0, 0, 0]
        return Outcome(len(history.minted), await lp.chain.node.nonce(lp.wallet), len(told.ranges), totals(told))

    def check(self, outcome: Outcome, point: str) -> None:
        """A saga that does not swap ends in exactly one way. A swap is optional: a life that has not seen the flow
        which made it pay leaves it out, and so has fewer transactions and perhaps one range for two; all the same there
        is one set of ranges, and no other was ever minted.
        """
        before = self.before
        assert before is not None
        if self.saga.settings:
            assert outcome.mints - outcome.ranges == before.mints - before.ranges and outcome.ranges, point
            assert outcome.nonce <= before.nonce, point
            assert abs(outcome.value / before.value - 1) < SWAP_COST_MAX, point
        else:
            assert outcome == before, point

    def _is_over(self) -> bool:
        lp = self.lp
        if not lp.inventories or lp.last.doing not in ("", "out_of_range"):
            return False
        if not self.saga.ends_open:
            return self._taken is not None and self._taken.outcome == "done"
        if self.saga.command:
            return self._taken is not None and self._taken.outcome == "done"
        return lp.last.state == "active" and lp.last.rebalances == self._rebalances

    @property
    def _rebalances(self) -> int:
        return int(self.saga.name.startswith("rebalance"))

    _taken: LpCommandTaken | None = None

    async def _say(self, dies: Callable[[], bool]) -> bool:
        """The operator's command, with the same id in every life, until it is known to be taken."""
        self._taken = None
        command = ExecuteLpCommand(command_id="the-command", action=self.saga.command, operator="test")
        deadline = asyncio.get_running_loop().time() + 10
        while not dies():
            assert asyncio.get_running_loop().time() < deadline, self.lp.log()[-4000:]
            reply = await self._ask(command if self._taken is None else QueryLp(command_id="the-command"))
            if isinstance(reply, LpCommandTaken):
                self._taken = reply
            elif isinstance(reply, LpReported) and reply.command:
                self._taken = reply.command
            if self._taken and self._taken.outcome:
                assert self._taken.outcome == "done", self._taken
                return True
            await asyncio.sleep(0.01)
        return False

    async def _ask(self, request: Message) -> Message | None:
        with contextlib.suppress(PeerUnavailable, OutcomeUnknown):
            return await self.lp.reader.request(LP, request, 0.3)
        return None

    async def _until(self, condition: Callable[[], bool], dies: Callable[[], bool]) -> bool:
        await self.lp.sees(lambda: dies() or condition())
        return not dies()


class Life:
    """The LP's own service in this process and loop, with real journals, sockets and chain."""

    def __init__(self, lp: LpWorld, fate: Fate) -> None:
        self._lp, self._fate = lp, fate
        self._stream = (lp.var / "lp.log").open("a")
        self._log = Log(LP, stream=self._stream)

    def start(self) -> None:
        """Begin."""
        fleet = load_fleet(self._lp.configs)
        config = load_service_config(self._lp.configs, fleet, LP, "", DefiLpConfig)
        original = common.runtime.service.Journal
        self._service = DefiLpService(config, fleet, log=self._log)
        open_journal = self._service.open_journal

        def open_mortal(name: str, durability: str = "full") -> object:
            common.runtime.service.Journal = journal_of(self._fate)  # type: ignore[misc]
            try:
                return open_journal(name, durability)  # type: ignore[arg-type]
            finally:
                common.runtime.service.Journal = original  # type: ignore[misc]

        self._service.open_journal = open_mortal  # type: ignore[assignment,method-assign]
        self._task = asyncio.get_running_loop().create_task(self._service.run())

    @property
    def is_dead(self) -> bool:
        """Fate has struck, or it crashed."""
        return self._fate.is_dead or self._task.done()

    async def stop(self) -> None:
        """End it: in order if it lives, without another word to chain or journal if it is dead."""
        if not self._task.done():
            self._service.shut_down()
        try:
            await self._task
        except Death:
            pass
        finally:
            self._log.close()
            self._stream.close()


class ProcessLife:
    """The same as a process of its own, which kills itself (mortal.py)."""

    def __init__(self, lp: LpWorld, fate: Fate) -> None:
        self._lp, self._fate = lp, fate

    def start(self) -> None:
        """Begin."""
        self._lp.start(dies=("any", self._fate.at, self._fate.moment))

    @property
    def is_dead(self) -> bool:
        """It has killed itself, or ended otherwise."""
        assert self._lp.process
        return self._lp.process.poll() is not None

    async def stop(self) -> None:
        """Take it away. Raises AssertionError if it ended by anything but its own hand."""
        assert self._lp.process
        try:
            assert self._lp.process.poll() in (None, -signal.SIGKILL), self._lp.log()[-4000:]
        finally:
            self._lp.kill()


async def live_through(lives: Lives) -> list[str]:
    """A life without death: its commits, which are the points. `lives.before` is then where every other life ends."""
    fate = Fate()
    await lives.restore()
    await lives.wake(fate)
    assert await lives.play()
    assert tuple(lives.lp.sagas[-1].steps) == lives.saga.steps, lives.lp.log()[-3000:]
    lives.before = await lives.outcome()
    commits = fate.commits.copy()  # Without those of an orderly end.
    await lives.end()
    assert len(commits) >= COMMITS_MIN, commits
    return commits


async def die_and_resume(lives: Lives, life: "Life | ProcessLife", commits: list[str], fate: Fate) -> None:
    """One life to its death, another to the end, which must be the same."""
    point = f"{fate.moment} commit {fate.at} of {len(commits)} ({commits[fate.at - 1]})"
    begun = next(number for number, name in enumerate(commits, 1) if "SagaBegun" in name)
    life.start()
    died = not await lives.play(lambda: life.is_dead)
    await life.stop()
    assert died, f"{point} was not reached"
    lives.lp.inventories.clear()
    await lives.wake(Fate())
    # What led to the saga is not remembered, and has to happen again where the saga was not written down.
    is_begun = fate.at > begun or (fate.at == begun and fate.moment == AFTER)
    assert await lives.play(happens=not is_begun)
    lives.check(await lives.outcome(), point)
    await lives.end()


def totals(told: LpInventoryChanged) -> tuple[int, int]:
    """Base and quote owned in all: wallet, principal and fees, in raw units."""
    base = int(told.idle_base) + sum(int(each.amount_base) + int(each.fees_base) for each in told.ranges)
    quote = int(told.idle_quote) + sum(int(each.amount_quote) + int(each.fees_quote) for each in told.ranges)
    return base, quote


async def _allowances(lp: LpWorld) -> list[int]:
    at = lp.chain.contracts
    pairs = [(token, to) for token in (at.base_token, at.quote_token) for to in (at.position_manager, at.router)]
    return list(await lp.chain.node.read_many([erc20.allowance(token, lp.wallet, to) for token, to in pairs]))


@contextlib.asynccontextmanager
async def lives_of(url: str, folder: Path, saga: Saga, *, base_is_token0: bool):  # type: ignore[no-untyped-def]
    """A world at the beginning of a saga."""
    # A poll is as short as one likes; beside announcements it is a second long.
    settings = f"{HASTE} {saga.settings}"
    async with LpWorld(url, folder, base_is_token0=base_is_token0, settings=settings, announced=False) as lp:
        lives = Lives(lp, saga)
        await lives.begin()
        yield lives
