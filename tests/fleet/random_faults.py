"""`python -m tests.fleet.random_faults --minutes 30 --every-s 20 --seed 7`: a paper fleet under random faults.

Every few seconds something out of `faults.py` happens to it. Each is logged with what became of it; in the end the
whole run is settled to the wei. Exit code 0 only if everything recovered and every sum is right.
"""

import argparse
import asyncio
import sys
import time
from random import Random

import msgspec

from common.model.errors import CounterweightError
from services.paper_chain.config import LpFunding
from tests.fleet.faults import FAULTS
from tests.fleet.faulty_fleet import FaultyFleet
from tests.fleet.fleet import resting_orders
from tests.fleet.settlement import NFTS, Check, allowances, settle, still_chain, told_at_rest

RECOVERY_S_MAX = 60.0
HEDGE_S_MAX, CLOSE_S_MAX = 240.0, 90.0
STATE_INTERVAL_S_MAX = 30
WATCH_S = 0.1


class Happening(msgspec.Struct):
    """One fault. Times in seconds; `recovered_s` counts from its beginning, None = not yet."""

    number: int
    name: str
    at_s: float
    detail: str = ""
    ended_s: float = 0.0
    recovered_s: float | None = None
    done: bool = True
    ills: list[str] = msgspec.field(default_factory=list)


class RandomFaults:
    """One run."""

    def __init__(self, fleet: FaultyFleet, random: Random) -> None:
        self.fleet, self._random = fleet, random
        self.happenings: list[Happening] = []
        self._began_s = time.monotonic()
        self._deck: list[str] = []

    def say(self, text: str) -> None:
        """One line with the time since the beginning."""
        print(f"{time.monotonic() - self._began_s:7.1f}  {text}", flush=True)

    async def run(self, minutes: float, every_s: float) -> None:
        """Hurt it until the time is over, then wait until all is well. Raises AssertionError if it never is."""
        watching, giving = asyncio.create_task(self._watch()), asyncio.create_task(self.fleet.look_after(self.say))
        ends_s = time.monotonic() + minutes * 60
        try:
            while time.monotonic() < ends_s:
                due_s = time.monotonic() + every_s
                await self._hurt(self._draw())
                await self._sleep(watching, due_s - time.monotonic())
            while any(each.recovered_s is None for each in self.happenings):
                await self._sleep(watching, WATCH_S)
        finally:
            watching.cancel()
            giving.cancel()

    def table(self) -> str:
        """What happened, and how long each took to be well again."""
        lines = [f"{'no':>4} {'at s':>7} {'well after s':>12}  fault"]
        for each in self.happenings:
            well = "not done" if not each.done else "never" if each.recovered_s is None else f"{each.recovered_s:.1f}"
            lines.append(f"{each.number:4d} {each.at_s - self._began_s:7.1f} {well:>12}  {each.name}: {each.detail}")
        return "\n".join(lines)

    async def _sleep(self, watching: "asyncio.Task[None]", seconds: float) -> None:
        done, _ = await asyncio.wait({watching}, timeout=max(seconds, 0.0))
        if done:
            watching.result()

    def _draw(self) -> str:
        """From a shuffled deck, so that everything happens before anything happens twice as often."""
        if not self._deck:
            self._deck = sorted(FAULTS)
            self._random.shuffle(self._deck)
        return self._deck.pop()

    async def _hurt(self, name: str) -> None:
        happening = Happening(len(self.happenings) + 1, name, time.monotonic())
        try:
            happening.detail = await FAULTS[name](self.fleet, self._random)
        except (CounterweightError, OSError, KeyError, ValueError) as error:
            happening.done, happening.detail = False, f"{type(error).__name__}: {error}"
        happening.ended_s = time.monotonic()
        self.happenings.append(happening)
        self.say(f"{name}: {happening.detail}{'' if happening.done else ' (not done)'}")

    async def _watch(self) -> None:
        """Notes when all is well after each fault. Raises AssertionError if it is not for too long."""
        while True:
            await asyncio.sleep(WATCH_S)
            hurt = [each for each in self.happenings if each.recovered_s is None]
            if not hurt:
                continue
            ills = await asyncio.to_thread(self.fleet.ills, hurt[-1].ended_s)
            now_s = time.monotonic()
            for each in hurt:
                each.ills = ills
                if not ills:
                    each.recovered_s = now_s - each.at_s
                    self.say(f"  well {each.recovered_s:.1f} s after {each.name}")
            assert not ills or now_s - hurt[0].at_s < RECOVERY_S_MAX, f"{hurt[0].name}: not well: {ills}"


async def hedge_gap(run: RandomFaults, dead_band: float) -> Check:
    """With the chain still, the resting quotes bring the venue's position to the target, as far as they care."""
    fleet, deadline = run.fleet, time.monotonic() + HEDGE_S_MAX
    while True:
        exposure = fleet.exposure
        assert exposure is not None
        if exposure.complete and abs(exposure.net_delta) <= dead_band:
            break
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.2)
    run.say(f"hedge: residual {exposure.lp_delta:+.4f}, position {exposure.cefi_delta:+.4f}")
    return Check(f"net exposure within {dead_band} ETH ({exposure.net_delta:+.4f})", True,
                 exposure.complete and abs(exposure.net_delta) <= dead_band)  # fmt: skip


async def close(fleet: FaultyFleet) -> list[Check]:
    """`counterweight lp close`: everything in the wallet, nobody may take from it, and all sums again."""
    closed = await asyncio.to_thread(fleet.paper.ask, "lp", "close", "--wait-s", str(CLOSE_S_MAX))
    with still_chain(fleet):
        checks = await settle(fleet, await told_at_rest(fleet), LpFunding())
        return [
            Check(
                "close is done and every unit explained", ("done", True), (closed["outcome"], closed["ended"]["exact"])
            ),
            Check("allowances left", [0, 0, 0, 0], await allowances(fleet)),
            Check("NFTs left", True, any(each.name == NFTS and each.found == [] for each in checks)),
            *(each._replace(name=f"closed: {each.name}") for each in checks),
        ]


async def settle_run(run: RandomFaults) -> list[Check]:
    """All accounts, and the venue's."""
    fleet = run.fleet
    dead_band = float(_setting(fleet, "market_maker.toml", "quantity_min_base"))
    with still_chain(fleet):
        told = await told_at_rest(fleet)
        checks = await settle(fleet, told, LpFunding())
        checks.append(await hedge_gap(run, dead_band))
    checks += await close(fleet)
    report = await asyncio.to_thread(fleet.paper.ask, "report")
    checks += [
        Check("venue fills less position", 0, report["venue_fills_minus_position"]),
        Check("client order ids used twice", 0, report["duplicate_client_ids"]),
    ]
    run.say(f"rebalances {told.rebalances}, fills {report['cefi_fills']}, gas {told.gas_spent_native:.6f}")
    return checks


def _setting(fleet: FaultyFleet, name: str, key: str) -> object:
    return msgspec.toml.decode((fleet.paper.config / name).read_bytes())[key]


async def play(minutes: float, every_s: float, seed: int) -> bool:
    """The whole run; True if all holds."""
    fleet = FaultyFleet(state_interval_s=max(5, min(STATE_INTERVAL_S_MAX, round(1.5 * every_s))))
    run = RandomFaults(fleet, Random(seed))
    try:
        await fleet.start(seed)
        run.say(f"up in {fleet.paper.folder}, seed {seed}: a fault every {every_s:g} s for {minutes:g} minutes")
        try:
            await run.run(minutes, every_s)
            checks = await settle_run(run)
        except AssertionError as error:
            print(fleet.paper.last_words(), run.table(), f"FAILED: {error}", sep="\n")
            return False
        print(run.table())
        down = await asyncio.to_thread(fleet.paper.ask, "down")
        checks += [
            Check("the fleet goes down and proves that no order rests", True, down["ok"] and down["orders"]["proven"]),
            Check("orders that rest at the venue", set(), resting_orders(fleet.paper.venue_orders())),
            Check("processes left", [], fleet.paper.strays()),
        ]
        for check in checks:
            wanted = "" if check.holds else f", expected {check.expected}"
            print(f"{'ok  ' if check.holds else 'FAIL'} {check.name}: {check.found}{wanted}")
        return all(check.holds for check in checks)
    finally:
        await fleet.stop()


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--every-s", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    return 0 if asyncio.run(play(options.minutes, options.every_s, options.seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
