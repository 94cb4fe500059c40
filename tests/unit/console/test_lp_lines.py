"""The LP's answers as lines for people."""

import msgspec

from common.messages import LpAccount, LpInventoryChanged, LpPreviewed, LpReported, LpSagaEnded
from services.console.lp.lines import account_lines, preview_lines, progress_line, status_lines
from services.console.paint import Paint
from tests.unit.messages.examples import example

PLAIN = Paint(enabled=False)
CLOSED = LpSagaEnded(
    chain="paper", pool="ETH-USDC-500", saga=4, intent="close", trigger="operator", outcome="done", reason="",
    steps=["withdraw", "revoke!", "revoke"], command_id="c", ended_ns=10**18, exact=True, comparable=True,
    accounts=[
        LpAccount(token="base", before="1", after="24", principal="20", fees="3"),
        LpAccount(token="native", before="100", after="90", gas="10"),
    ],
)  # fmt: skip


def reported(**more: object) -> LpReported:
    told = example(LpReported)
    assert isinstance(told, LpReported)
    plain = {"halted": "", "halt_detail": "", "held": "", "trouble": "", "saga": 0, "failures_in_row": 0}
    return msgspec.structs.replace(told, **(plain | more))


def test_an_account_shows_what_explains_the_difference() -> None:
    lines = account_lines(CLOSED)
    assert lines[0] == "close 4: done; steps: withdraw, revoke!, revoke"
    assert lines[2].split() == ["base", "1", "+20", "+3", "-", "-", "-", "-", "24"]
    assert lines[3].split() == ["native", "100", "-", "-", "-", "-", "-10", "-", "90"]
    assert lines[-1] == "every raw unit is accounted for"
    assert account_lines(msgspec.structs.replace(CLOSED, exact=False))[-1].startswith("NOT")
    assert "says nothing" in account_lines(msgspec.structs.replace(CLOSED, comparable=False))[-1]


def test_status_says_why_nothing_is_sent_and_what_helps() -> None:
    halted = "\n".join(status_lines(reported(state="halted", halted="nft_left", halt_detail="NFT 7 is gone"), PLAIN))
    assert "nft_left: NFT 7 is gone; `counterweight lp resume`" in halted
    poor = "\n".join(status_lines(reported(state="halted", halted="no_gas_money", halt_detail="0 wei"), PLAIN))
    assert "resume" not in poor
    held = status_lines(reported(state="idle", doing="", wants_open=False, held="no fresh CeFi mid"), PLAIN)
    assert held[0] == "state     idle, wanted: closed" and "held      no fresh CeFi mid" in held


def test_status_shows_the_saga_under_way_and_every_range() -> None:
    inventory = example(LpInventoryChanged)
    assert isinstance(inventory, LpInventoryChanged)
    told = reported(
        saga=3, intent="close", trigger="operator", planned=["withdraw"], step="9 withdraw", latest=[CLOSED]
    )
    text = "\n".join(status_lines(told, PLAIN))
    assert "3 close because of operator; planned: withdraw" in text and "9 withdraw" in text
    assert f"NFT {inventory.ranges[0].token_id}" in text and "4 close (operator) done" in text
    assert "9 withdraw" in progress_line(told)


def test_a_dry_run_says_that_nothing_was_sent() -> None:
    told = example(LpPreviewed)
    assert isinstance(told, LpPreviewed)
    told = msgspec.structs.replace(told, gas_price_wei="2000000000")
    lines = preview_lines(told)
    assert any(line.startswith("cost") and "2 gwei" in line for line in lines)
    assert lines[-1] == "Nothing was sent and nothing was written down."
    assert any("at least" in line and line.startswith("mint") for line in lines)
    nothing = msgspec.structs.replace(told, steps=[], burns=[], mints=[], calls=[], gates=[], refusal="closed")
    assert "refused   closed" in preview_lines(nothing)
