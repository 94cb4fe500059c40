"""Commands over the bus and on the command line: durable, idempotent, and accounted for to the wei."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from common.chain import erc20
from common.messages import (
    ExecuteLpCommand,
    LpCommandTaken,
    LpPreviewed,
    LpReported,
    PreviewLpCommand,
    QueryLp,
)
from common.model.errors import RequestRefused
from tests.conftest import PROJECT
from tests.integration.defi_lp.lp_world import LP, LpWorld

FAST = "interval_s_min=0.5 collect_interval_s=0 mid_gap_bps_max=20"


async def command(lp: LpWorld, action: str, command_id: str = "") -> LpCommandTaken:
    request = ExecuteLpCommand(command_id=command_id or f"test-{action}", action=action, operator="test")
    reply = await lp.reader.request(LP, request, 2.0)
    assert isinstance(reply, LpCommandTaken), reply
    return reply


async def outcome(lp: LpWorld, command_id: str) -> LpCommandTaken:
    """What became of a command, once it is known."""
    for _ in range(200):
        reply = await lp.reader.request(LP, QueryLp(command_id=command_id), 2.0)
        assert isinstance(reply, LpReported) and reply.command is not None, reply
        if reply.command.outcome:
            return reply.command
        await asyncio.sleep(0.05)
    raise AssertionError(lp.log()[-4000:])


async def allowances(lp: LpWorld) -> list[int]:
    at = lp.chain.contracts
    pairs = [(token, to) for token in (at.base_token, at.quote_token) for to in (at.position_manager, at.router)]
    return list(await lp.chain.node.read_many([erc20.allowance(token, lp.wallet, to) for token, to in pairs]))


async def balances(lp: LpWorld) -> tuple[int, int, int]:
    node, at = lp.chain.node, lp.chain.contracts
    tokens = [erc20.balance_of(token, lp.wallet) for token in (at.base_token, at.quote_token)]
    return (*await node.read_many(tokens), await node.balance(lp.wallet))


async def console(lp: LpWorld, *words: str) -> tuple[int, str]:
    """`counterweight lp ...` as a process of its own."""
    command = [sys.executable, "-m", "services.console", "lp", *words, "--config", str(lp.configs)]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    printed, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, printed.decode()


@pytest.mark.parametrize("base_is_token0", [False, True], ids=["base is token1", "base is token0"])
def test_close_leaves_nothing_accounts_for_every_wei_and_lasts_until_open(
    chain: str, tmp_path: Path, base_is_token0: bool
) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=base_is_token0, settings=FAST) as lp:
            await lp.fund()
            lp.start()
            await lp.is_open()
            await lp.trade(10**18, sells_base=True)
            await lp.trade(1_000 * 10**6, sells_base=False)
            before = await balances(lp)
            assert (await command(lp, "close")).outcome == ""
            closed = await outcome(lp, "test-close")
            after = await balances(lp)
            assert closed.outcome == "done" and closed.ended is not None and closed.ended.exact
            assert closed.ended.steps == ["withdraw", "revoke", "revoke"]
            base, quote, native = closed.ended.accounts
            assert [int(each.before) for each in (base, quote, native)] == list(before)
            assert [int(each.after) for each in (base, quote, native)] == list(after)
            for each in (base, quote):
                assert int(each.before) + int(each.principal) + int(each.fees) == int(each.after)
                assert int(each.principal) > 0 and int(each.fees) > 0
            assert int(native.before) - int(native.gas) == int(native.after) and int(native.gas) > 0
            assert await lp.owned_by_wallet() == [] and await allowances(lp) == [0, 0, 0, 0]
            await lp.sees(lambda: lp.last.state == "idle" and lp.last.ranges == [])
            lp.kill()
            lp.inventories.clear()
            lp.start()
            await lp.sees(lambda: len(lp.inventories) >= 3)
            assert lp.last.state == "idle" and await lp.owned_by_wallet() == []
            again = await command(lp, "close")
            assert again == await outcome(lp, "test-close"), "the same id is the same command, in any life"
            await command(lp, "open")
            await lp.is_open()
            assert (await outcome(lp, "test-open")).outcome == "done"

    asyncio.run(run())


def test_collect_and_rebalance_happen_once_and_what_cannot_be_is_refused(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=False, settings="interval_s_min=3600.0") as lp:
            await lp.fund()
            lp.start()
            opened = await lp.is_open()
            await lp.trade(10**18, sells_base=True)
            await lp.trade(2_000 * 10**6, sells_base=False)
            await command(lp, "collect")
            collected = await outcome(lp, "test-collect")
            assert collected.ended is not None and collected.ended.exact and collected.ended.steps == ["collect"]
            assert int(collected.ended.accounts[0].fees) > 0 and int(collected.ended.accounts[1].fees) > 0
            await command(lp, "rebalance")
            moved = await outcome(lp, "test-rebalance")
            assert (moved.outcome, moved.ended.trigger if moved.ended else "") == ("done", "operator")
            await lp.sees(lp.is_at_rest)
            assert {each.key for each in lp.last.ranges}.isdisjoint(each.key for each in opened.ranges)
            nonce = await lp.chain.node.nonce(lp.wallet)
            await command(lp, "rebalance")
            await asyncio.sleep(1)
            assert await lp.chain.node.nonce(lp.wallet) == nonce, "the same id again does nothing"
            for action, code in (("resume", "not_halted"), ("dance", "invalid")):
                with pytest.raises((RequestRefused, AssertionError), match=code):
                    await command(lp, action)

    asyncio.run(run())


def test_dry_runs_say_what_would_be_sent_and_change_neither_journal_nor_chain(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=True, settings=FAST) as lp:
            await lp.fund()
            lp.start()
            await lp.is_open()
            journals = [(path, path.stat().st_mtime_ns) for path in (lp.var / "lp.db-wal", lp.var / "lp.db")]
            head = await lp.chain.node.head()
            for action in ("open", "rebalance", "collect", "close"):
                told = await lp.reader.request(LP, PreviewLpCommand(action=action), 3.0)
                assert isinstance(told, LpPreviewed) and not told.gates
                code, text = await console(lp, action, "--dry-run")
                assert code == 0 and "Nothing was sent" in text, text
                if action == "close":
                    assert told.steps == ["withdraw", "revoke base:manager", "revoke quote:manager"]
                    assert all(each.is_estimate and each.gas > 20_000 and each.to for each in told.calls)
                    assert all(int(each.base_min) + int(each.quote_min) > 0 for each in told.burns)
                    assert told.gas_cost_quote > 0 and told.mid == 2500.0
                if action == "rebalance":
                    assert told.steps == ["move"] and told.mints and "aligned" in text and "asked" in text
                    (move,) = told.calls
                    assert move.is_estimate and len(move.data) > 1_000
                if action == "open":
                    assert told.steps == []
            assert (await lp.chain.node.head()).hash == head.hash
            assert journals == [(path, path.stat().st_mtime_ns) for path, _ in journals]

    asyncio.run(run())


def test_the_console_closes_shows_and_says_when_nobody_answers(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=False, settings=FAST) as lp:
            await lp.fund()
            code, text = await console(lp, "status")
            assert code == 69 and "does not answer" in text
            lp.start()
            await lp.is_open()
            code, text = await console(lp, "status")
            assert code == 0 and "wanted: open" in text and "NFT" in text, text
            code, text = await console(lp, "close")
            assert code == 0 and "every raw unit is accounted for" in text and "close: done" in text, text
            code, text = await console(lp, "collect")
            assert code == 1 and "[closed]" in text, text
            code, text = await console(lp, "status", "--json")
            told = json.loads(text)
            assert code == 0 and told["state"] == "idle" and told["wants_open"] is False

    asyncio.run(run())
