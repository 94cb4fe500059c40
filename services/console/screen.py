"""The status screen: one picture as about forty dense lines of plain text, made for 100 columns."""

import shutil
import time

from common.messages import (
    BookImage,
    LpInventoryChanged,
    NetExposureChanged,
    PositionChanged,
    ProfitReported,
    QuotesUpdated,
)
from common.model.instrument import Instrument
from common.model.order import Side
from services.console.paint import Paint
from services.console.picture import Picture, ProcessPicture

WIDTH = 100
WIDTH_MAX = 200
NOTES_COLUMN = 81
BAR = 40
_STATE_STYLES = {"RUNNING": "green", "STARTING": "yellow", "BACKOFF": "yellow", "STOPPING": "yellow"}


def terminal_width() -> int:
    """Columns to draw for: what the terminal has, within reason; 100 where there is none."""
    return min(max(shutil.get_terminal_size((WIDTH, 40)).columns, WIDTH), WIDTH_MAX)


def draw(picture: Picture, paint: Paint, width: int = WIDTH) -> str:
    """The whole screen. Room beyond 100 columns goes to the notes of the processes."""
    parts = [
        [_title(picture, paint)],
        _process_lines(picture, paint, width),
        _book_lines(picture, paint),
        _lp_lines(picture.lp, paint),
        _quote_lines(picture, paint),
        _hedge_lines(picture, paint),
        _profit_lines(picture.profit, paint),
        [_kill_line(picture, paint)],
    ]
    rule = paint("─" * width, "dim")
    return "\n".join(line for part in parts for line in (rule, *part))


def duration(seconds: float) -> str:
    """`1d 02:03:04`, or `02:03:04` within a day."""
    days, rest = divmod(int(seconds), 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}d {clock}" if days else clock


def range_bar(lower: float, price: float, upper: float, width: int = BAR) -> str:
    """`├────────●───────┤` for a price inside a range; the marker stands outside the brackets when the price does.

    `lower` must be below `upper`.
    """
    inner = width - 2
    place = (price - lower) / (upper - lower)
    if place < 0:
        return "● ├" + "─" * (inner - 2) + "┤"
    if place > 1:
        return "├" + "─" * (inner - 2) + "┤ ●"
    at = min(int(place * inner), inner - 1)
    return "├" + "─" * at + "●" + "─" * (inner - 1 - at) + "┤"


def _title(picture: Picture, paint: Paint) -> str:
    clock = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(picture.taken_ns / 1e9))
    mode = "PAPER" if any(each.name.startswith("paper_") for each in picture.processes) else "LIVE"
    run = "no run yet"
    if picture.run is not None:
        flow = "replay" if picture.run.flow else f"seed {picture.run.seed}"
        run = f"run {picture.run.run_id} ({flow})"
    state = paint("up", "green") if picture.healthy else paint("unhealthy" if picture.supervised else "down", "red")
    name = f"COUNTERWEIGHT {picture.fleet}"
    return f"{paint(name, 'bold')}  {paint(mode, 'cyan' if mode == 'PAPER' else 'red')}  {run}  {clock}  {state}"


def _process_lines(picture: Picture, paint: Paint, width: int) -> list[str]:
    head = f"{'process':26}{'state':9}{'pid':>7}{'uptime':>12}{'beat':>7}{'rest.':>6}{'MB':>6}{'cpu%':>6}  notes"
    return [
        paint(head, "dim"),
        *(_process_line(each, paint, width) for each in picture.processes),
        _sum_line(picture, paint),
    ]


def _process_line(each: ProcessPicture, paint: Paint, width: int) -> str:
    beat = "silent" if each.heartbeat_age_s is None else f"{each.heartbeat_age_s:.1f} s"
    beat = paint(f"{beat:>7}", "red") if each.heartbeat_age_s is None else f"{beat:>7}"
    memory = "-" if each.rss_bytes is None else f"{each.rss_bytes / 1e6:.0f}"
    cpu = "-" if each.cpu_percent is None else f"{each.cpu_percent:.1f}"
    restarts = paint(f"{each.restarts:>6}", "yellow") if each.restarts else f"{0:>6}"
    state = paint(f"{each.state:9}", _STATE_STYLES.get(each.state, "red"))
    up = duration(each.uptime_s) if each.uptime_s else "-"
    notes = " ".join(f"{key}={_short(value)}" for key, value in each.details.items())
    room = width - NOTES_COLUMN
    line = f"{each.name:26}{state}{each.pid or '-':>7}{up:>12}{beat}{restarts}{memory:>6}{cpu:>6}  {notes[:room]}"
    return line.rstrip()


def _sum_line(picture: Picture, paint: Paint) -> str:
    memory = sum(each.rss_bytes or 0 for each in picture.processes) / 1e6
    cpu = sum(each.cpu_percent or 0.0 for each in picture.processes)
    return paint(f"{len(picture.processes)} processes{'':56}{memory:>6.0f}{cpu:>6.1f}", "dim")


def _short(value: str | int | float | bool) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _book_lines(picture: Picture, paint: Paint) -> list[str]:
    instruments = {(each.venue, each.symbol): each for each in picture.instruments}
    feeds = {(feed.venue, feed.symbol): feed for feed in picture.feeds}
    lines = []
    for book in picture.books:
        feed = feeds.get((book.venue, book.symbol))
        state = feed.state if feed else "unknown"
        age_ms = (picture.taken_ns - book.received_ns) / 1e6
        counts = f"  gaps {feed.gaps}  resyncs {feed.resyncs}" if feed else ""
        shown = paint(state, "green" if state == "live" else "red")
        lines += [
            _book_line(book, instruments[book.venue, book.symbol]),
            f"{'':8}{shown}  {age_ms:.0f} ms old{counts}",
        ]
    return lines or [f"{'book':8}{paint('no book: quote_server does not answer', 'red')}"]


def _book_line(book: BookImage, instrument: Instrument) -> str:
    name = f"{'book':8}{book.venue} {book.symbol}  "
    if not book.bids or not book.asks:
        return f"{name}one side is empty"
    (bid, bid_lots), (ask, ask_lots) = book.bids[0], book.asks[0]
    mid = instrument.price(book.mid_ticks)
    spread_bp = (ask - bid) / book.mid_ticks * 1e4
    best_bid = f"{instrument.quantity(bid_lots):g} × {instrument.price_text(bid)}"
    best_ask = f"{instrument.price_text(ask)} × {instrument.quantity(ask_lots):g}"
    return f"{name}{best_bid} │ {best_ask}  mid {mid:.3f}  spread {spread_bp:.2f} bp"


def _lp_lines(lp: LpInventoryChanged | None, paint: Paint) -> list[str]:
    if lp is None:
        return [f"{'LP':8}{paint('no LP inventory: defi_lp does not answer', 'red')}"]
    fees = lp.fees_base * lp.price + lp.fees_quote
    collected = lp.fees_collected_base * lp.price + lp.fees_collected_quote
    return [
        f"{'LP':8}{lp.pool} on {lp.chain}  price {lp.price:.2f}  block {lp.block_number}  {_lp_state(lp, paint)}"
        f"  rebalances {lp.rebalances}",
        f"{'':8}{_range_text(lp, paint)}",
        f"{'':8}owns {lp.base_total:.4f} + {lp.quote_total:,.2f}  worth {lp.value_quote:,.2f}"
        f"  fees owed {fees:.4f} collected {collected:.4f}",
        f"{'':8}delta {lp.delta:+.4f}  reference {lp.reference:+.4f}  residual {lp.residual:+.4f}"
        f"  gamma {lp.gamma:+.5f}",
    ]


def _lp_state(lp: LpInventoryChanged, paint: Paint) -> str:
    if lp.halted:
        return paint(f"{lp.state}: {lp.halted} (`counterweight lp status`)", "red", "bold")
    words = f"{lp.state} ({lp.doing})" if lp.doing else lp.state
    return paint(words, "yellow") if lp.state in ("waiting_for_gas", "closing") else words


def _range_text(lp: LpInventoryChanged, paint: Paint) -> str:
    if lp.price_upper <= lp.price_lower:
        return paint("no range: everything is idle in the wallet", "yellow")
    inside = lp.price_lower <= lp.price <= lp.price_upper
    bar = paint(range_bar(lp.price_lower, lp.price, lp.price_upper), "cyan" if inside else "yellow")
    return f"{lp.price_lower:.2f} {bar} {lp.price_upper:.2f}" + ("" if inside else "  out of range")


def _quote_lines(picture: Picture, paint: Paint) -> list[str]:
    if not picture.quotes:
        return [f"{'quotes':8}{paint('market_maker does not answer', 'red')}"]
    instruments = {(each.venue, each.symbol): each for each in picture.instruments}
    return [
        line for each in picture.quotes for line in _quotes_of(each, instruments[each.venue, each.symbol], paint)
    ]  # fmt: skip


def _quotes_of(quotes: QuotesUpdated, instrument: Instrument, paint: Paint) -> list[str]:
    style = {"quoting": "green", "flat": ""}.get(quotes.state, "yellow")
    reason = f" ({quotes.reason})" if quotes.reason else ""
    head = f"{'quotes':8}{quotes.venue} {quotes.symbol}  {paint(quotes.state, style)}{reason}"
    if not quotes.quotes:
        return [head]
    working = "   ".join(
        f"{quote.side.upper()} {instrument.quantity(quote.quantity_lots):g}"
        f" @ {instrument.price_text(quote.price_ticks)} {quote.state} {_behind(quotes, quote.side, quote.price_ticks)}"
        for quote in quotes.quotes
    )
    return [head, f"{'':8}{working}"]


def _behind(quotes: QuotesUpdated, side: Side, price_ticks: int) -> str:
    if not quotes.mid_ticks:
        return ""
    return f"({-side.sign * (price_ticks - quotes.mid_ticks) / quotes.mid_ticks * 1e4:+.2f} bp from mid)"


def _hedge_lines(picture: Picture, paint: Paint) -> list[str]:
    instruments = {(each.venue, each.symbol): each for each in picture.instruments}
    lines = [_position_line(each, instruments[each.venue, each.symbol], paint) for each in picture.positions]
    if picture.exposure is not None:
        lines += _exposure_lines(picture.exposure, picture.profit, paint)
    return lines or [f"{'hedge':8}{paint('position_server does not answer', 'red')}"]


def _position_line(each: PositionChanged, instrument: Instrument, paint: Paint) -> str:
    agrees = paint("agrees with venue", "green") if each.reconciled_ns else paint("not reconciled yet", "yellow")
    if each.venue_difference_lots:
        agrees = paint(f"DIFFERS from venue by {instrument.quantity(each.venue_difference_lots):+g}", "red")
    return (
        f"{'hedge':8}{each.venue} {each.symbol}  position {instrument.quantity(each.quantity_lots):+.4f}"
        f" at {each.average_price:.2f}  fills {each.fill_count} ({each.taker_fill_count} taker)  {agrees}"
    )


def _exposure_lines(exposure: NetExposureChanged, profit: ProfitReported | None, paint: Paint) -> list[str]:
    state = paint("complete", "green") if exposure.complete else paint(f"incomplete: {exposure.reason}", "red")
    net = paint(f"net {exposure.net_delta:+.4f} {exposure.base}", "bold")
    legs = f"LP {exposure.lp_delta:+.4f}  CeFi {exposure.cefi_delta:+.4f}"
    lines = [f"{'net':8}{legs}  {net}  target {exposure.hedge_target:+.4f}  {state}"]
    if profit is not None and profit.unhedged_delta_std > 0:
        share = profit.net_delta_std / profit.unhedged_delta_std
        lines.append(
            f"{'':8}std net {profit.net_delta_std:.4f} of unhedged {profit.unhedged_delta_std:.4f} = {share:.2f}"
            f"  worst {profit.max_abs_net_delta:.4f}  hedged {profit.hedge_turnover:,.0f} USD"
        )
    return lines


def _profit_lines(profit: ProfitReported | None, paint: Paint) -> list[str]:
    if profit is None:
        return [f"{'P&L':8}{paint('unknown: position_server does not answer', 'red')}"]
    total = paint(f"{profit.total:+,.2f} USD", "green" if profit.total >= 0 else "red", "bold")
    return [
        f"{'P&L':8}{total} in {duration(profit.run_seconds)}",
        f"{'':8}LP fees {profit.lp_fees:+,.2f}  LP inventory {profit.lp_inventory:+,.2f}"
        f" (against holding {profit.lp_against_hold:+,.2f})  gas {-profit.gas:+,.2f}",
        f"{'':8}hedge trading {profit.hedge_trading:+,.2f}  hedge inventory {profit.hedge_inventory:+,.2f}"
        f"  CeFi fees {-profit.cefi_fees:+,.2f}",
    ]


def _kill_line(picture: Picture, paint: Paint) -> str:
    kill = picture.kill
    if not kill.engaged:
        return f"{'kill':8}{paint('released', 'green')}: orders are allowed"
    when = time.strftime("%H:%M:%SZ", time.gmtime(kill.engaged_ns / 1e9))
    engaged = paint("ENGAGED", "red", "bold")
    return f"{'kill':8}{engaged} {when} by {kill.operator}: {kill.reason}  (`counterweight rearm`)"
