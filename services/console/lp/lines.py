"""What the LP keeper answers, as lines for people. Raw units stay raw: they are what must add up."""

import time

from common.messages import (
    LpAccount,
    LpInventoryChanged,
    LpPerformanceReported,
    LpPlannedRange,
    LpPreviewed,
    LpReported,
    LpSagaEnded,
)
from services.console.paint import Paint

STYLES = {"halted": "red", "waiting_for_gas": "yellow", "active": "green"}
WORD = 10


def status_lines(told: LpReported, paint: Paint) -> list[str]:
    """The keeper on one screen."""
    state = paint(told.state, STYLES.get(told.state, "yellow"))
    doing = f" ({told.doing})" if told.doing else ""
    wants = "open" if told.wants_open else "closed"
    lines = [_row("state", f"{state}{doing}, wanted: {wants}")]
    if told.halted:
        remedy = "" if told.halted == "no_gas_money" else "; `counterweight lp resume` when it is understood"
        lines.append(_row("halted", paint(f"{told.halted}: {told.halt_detail}{remedy}", "red")))
    if told.held:
        lines.append(_row("held", told.held))
    if told.trouble:
        lines.append(_row("node", paint(told.trouble, "red")))
    if told.saga:
        planned = ", ".join(told.planned)
        lines.append(_row("saga", f"{told.saga} {told.intent} because of {told.trigger}; planned: {planned}"))
        if told.step:
            lines.append(_row("step", f"{told.step} {told.step_transaction}".rstrip()))
    if told.failures_in_row:
        lines.append(_row("failures", f"{told.failures_in_row} steps in a row"))
    lines += _inventory_lines(told.inventory) if told.inventory else [_row("owns", "nothing was read yet")]
    lines += _performance_lines(told.performance) if told.performance else []
    for place, each in enumerate(told.latest):
        lines.append(_row("" if place else "latest", _ended_line(each)))
    return lines


def progress_line(told: LpReported) -> str:
    """How far the keeper is, in one line."""
    parts = [told.state, told.doing, told.step, told.step_transaction, told.held and f"held: {told.held}"]
    return "  ".join(each for each in parts if each)


def account_lines(ended: LpSagaEnded) -> list[str]:
    """The account of every token: what was there is what is there and what explains the difference."""
    head = f"{ended.intent} {ended.saga}: {ended.outcome}" + (f" ({ended.reason})" if ended.reason else "")
    rows: list[tuple[str, ...]] = [
        ("token", "before", "principal", "fees", "deposited", "swapped", "gas", "unexplained", "after")
    ]
    rows += [_account_row(each) for each in ended.accounts]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    verdict = "every raw unit is accounted for" if ended.exact else "NOT everything is accounted for"
    if not ended.comparable:
        verdict = "a reorganisation took the block that it began in: the account says nothing"
    return [f"{head}; steps: {', '.join(ended.steps) or 'none'}", *table, verdict]


def preview_lines(told: LpPreviewed) -> list[str]:
    """What would be sent, and why it would not."""
    lines = [_row("would do", f"{told.action}: {', '.join(told.steps) or 'nothing'}")]
    if told.refusal:
        lines.append(_row("refused", told.refusal))
    lines += [_row("held", each) for each in told.gates]
    mid = f"{told.mid:.4f}" if told.mid else "none"
    lines.append(_row("prices", f"pool {told.price:.4f}  CeFi mid {mid} (minimum amounts hang on it)"))
    if told.price_upper:
        asked = f"{told.price_lower_asked:.4f} .. {told.price_upper_asked:.4f}"
        lines.append(_row("asked", asked))
        lines.append(_row("aligned", f"{told.price_lower:.4f} .. {told.price_upper:.4f}"))
    lines += [_row("burn", f"NFT {each.token_id} {_range_text(each)}") for each in told.burns]
    lines += [_row("mint", _range_text(each)) for each in told.mints]
    for each in told.calls:
        guess = "" if each.is_estimate else " (expected: it hangs on a step before)"
        to = f" to {each.to}, {(len(each.data) - 2) // 2} bytes" if each.to else ""
        lines.append(_row("send", f"{each.kind} {each.subject}".strip() + f"{to}, gas {each.gas:,}{guess}"))
    if told.calls:
        price = int(told.gas_price_wei) / 1e9
        cost = f"{told.gas_cost_native:.8f} native = {told.gas_cost_quote:.4f} USD at {price:.4g} gwei"
        lines.append(_row("cost", cost))
    if told.gain_quote is not None:
        lines.append(_row("gain", f"{told.gain_quote:+.4f} USD of fees expected"))
    return [*lines, "Nothing was sent and nothing was written down."]


def _inventory_lines(lp: LpInventoryChanged) -> list[str]:
    fees = lp.fees_base * lp.price + lp.fees_quote
    lines = [
        _row("pool", f"{lp.pool} on {lp.chain}  price {lp.price:.4f}  block {lp.block_number}"),
        _row("owns", f"{lp.base_total:.6f} + {lp.quote_total:,.2f}, worth {lp.value_quote:,.2f}"),
        _row("idle", f"{lp.idle_base} base, {lp.idle_quote} quote (raw)"),
        _row("delta", f"{lp.delta:+.6f}  reference {lp.reference:+.6f}  residual {lp.residual:+.6f}"),
    ]
    for each in lp.ranges:
        text = f"NFT {each.token_id}  ticks {each.tick_lower} .. {each.tick_upper}  liquidity {each.liquidity}"
        amounts = f"{each.amount_base} base, {each.amount_quote} quote, fees {each.fees_base} and {each.fees_quote}"
        lines += [_row("range", text), _row("", amounts)]
    collected = lp.fees_collected_base * lp.price + lp.fees_collected_quote
    spent = lp.gas_spent_native
    lines.append(_row("fees", f"owed {fees:.6f}, collected {collected:.6f} USD; gas spent {spent:.8f} native"))
    return lines


def _performance_lines(told: LpPerformanceReported) -> list[str]:
    since = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(told.since_ns / 1e9))
    apr = "" if told.fee_apr is None else f"  fee APR {told.fee_apr:.2%}"
    sources = f"market {told.market:+,.2f}  fees {told.fees:+,.2f}  LVR {-told.lvr:+,.2f}  gas {-told.gas:+,.2f}"
    swaps = f"  swaps {-told.swaps:+,.2f}" if told.swaps else ""
    against = f"holding {told.hold:+,.2f}  impermanent {told.impermanent:+,.2f}  net of all {told.against_hold:+,.2f}"
    return [
        _row("profit", f"{told.profit:+,.2f} since {since} (deposits {told.deposits:+,.2f} apart){apr}"),
        _row("", sources + swaps),
        _row("", f"against holding: {against}"),
    ]


def _account_row(each: LpAccount) -> tuple[str, ...]:
    return (
        each.token, each.before, _signed(each.principal), _signed(each.fees), _signed(each.deposited, -1),
        _signed(each.swapped), _signed(each.gas, -1), _signed(each.unexplained), each.after,
    )  # fmt: skip


def _signed(raw: str, sign: int = 1) -> str:
    return f"{sign * int(raw):+d}" if int(raw) else "-"


def _ended_line(each: LpSagaEnded) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(each.ended_ns / 1e9))
    reason = f": {each.reason}" if each.reason else ""
    exact = "" if each.exact else "  NOT everything is accounted for" if each.comparable else "  not comparable"
    return f"{when}  {each.saga} {each.intent} ({each.trigger}) {each.outcome}{reason}{exact}"


def _range_text(each: LpPlannedRange) -> str:
    return (
        f"ticks {each.tick_lower} .. {each.tick_upper} ({each.price_lower:.4f} .. {each.price_upper:.4f}):"
        f" {each.amount_base} base and {each.amount_quote} quote,"
        f" at least {each.base_min} and {each.quote_min}, liquidity {each.liquidity}"
    )


def _row(word: str, text: str) -> str:
    return f"{word:{WORD}}{text}".rstrip()
