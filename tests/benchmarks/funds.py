"""Payments into and out of vaults and pools through the whole exchange, beside the headline figures of mission.md."""

from itertools import count

from common.exchange.commands import Command, Deposit, PlaceOrder, SetMark
from common.exchange.events import Refusal
from common.exchange.exchange import Exchange
from common.exchange.margin.commands import MoveCollateral
from common.exchange.pools.commands import CreatePool, DepositToPool, WithdrawFromPool
from common.exchange.pools.records import Ladder
from common.exchange.vaults.commands import CreateVault, CrystalliseProfit, DepositToVault, WithdrawFromVault
from common.exchange.vaults.records import RiskLimits
from common.model.order import Side
from tests.benchmarks.exchange import PERPETUAL, SPOT, config
from tests.benchmarks.measure import best_ns, table

PEOPLE = [f"depositor-{number}" for number in range(1_000)]
CALLS = 1_000
MARK = 10_000
LADDER = Ladder(levels=10, spacing_bps=20, lots=1_000, skew_bps=20, inventory_lots_max=20_000)


def main(calls: int = CALLS) -> None:
    """Print microseconds a payment, with 1,000 depositors and holders, open positions and live quotes."""
    exchange = _make_exchange()
    numbers = count()

    def run(kind: type[Command], **terms: object) -> None:
        account = PEOPLE[next(numbers) % len(PEOPLE)]
        _carry_out(exchange, kind(time_ns=exchange.time_ns + 1, account=account, **terms))  # type: ignore[call-arg]

    def move_mark() -> None:
        price = MARK + 500 * (next(numbers) % 2)
        exchange.execute(SetMark(time_ns=exchange.time_ns + 1, symbol=PERPETUAL, price_ticks=price))

    shares = str(10**14)
    rows = [
        ("vault deposit", lambda: run(DepositToVault, vault="v", units=10**9), 2_000.0, 100),
        ("vault withdrawal", lambda: run(WithdrawFromVault, vault="v", shares=shares), 2_000.0, 100),
        ("LP mint, spot", lambda: run(DepositToPool, pool="s", units=10**9), 1_000.0, 50),
        ("LP mint, perpetual", lambda: run(DepositToPool, pool="p", units=10**9), 1_000.0, 50),
        ("LP burn, spot", lambda: run(WithdrawFromPool, pool="s", shares=shares), 1_000.0, 50),
        ("LP burn, perpetual", lambda: run(WithdrawFromPool, pool="p", shares=shares), 1_000.0, 50),
        ("20 quotes renewed", move_mark, None, None),
    ]
    measured = [(name, best_ns(work, calls, 3) / 1e3, headline, must) for name, work, headline, must in rows]
    table(
        ("operation", "us", "headline us", "headline / ours", "must us"),
        [
            (name, ours, headline or "-", "-" if headline is None else headline / ours, must or "-")
            for name, ours, headline, must in measured
        ],
    )


def _make_exchange() -> Exchange:
    """A vault with a position and limits, two pools that quote, and everybody in all of them."""
    exchange = Exchange(config())

    def run(command: Command) -> None:
        _carry_out(exchange, command)

    for symbol in (SPOT, PERPETUAL):
        run(SetMark(time_ns=1, symbol=symbol, price_ticks=MARK))
    for account in (*PEOPLE, "other"):
        run(Deposit(time_ns=1, account=account, asset="Y", units=10**15))
    run(MoveCollateral(time_ns=1, account="other", asset="Y", units=10**14))
    limits = RiskLimits(leverage_max=1_000, drawdown_bps_max=5_000)
    run(CreateVault(time_ns=1, account="a", vault="v", asset="Y", lock_up_ns=0, profit_share_bps=1_000, limits=limits))
    for name, symbol in (("s", SPOT), ("p", PERPETUAL)):
        run(CreatePool(time_ns=1, account="a", pool=name, symbol=symbol, ladder=LADDER))
    for account in PEOPLE:
        run(DepositToVault(time_ns=1, account=account, vault="v", units=10**13))
        for pool in "sp":
            run(DepositToPool(time_ns=1, account=account, pool=pool, units=10**13))
    for account, side, by in (("vault/v", Side.BUY, "a"), ("other", Side.SELL, "")):
        run(
            PlaceOrder(
                time_ns=1, account=account, by=by, symbol=PERPETUAL, client_order_id="1", side=side,
                quantity_lots=10_000, price_ticks=MARK,
            )
        )  # fmt: skip
    run(CrystalliseProfit(time_ns=1, account="a", vault="v"))
    return exchange


def _carry_out(exchange: Exchange, command: Command) -> None:
    """A refusal is fast, too, but no figure."""
    events = exchange.execute(command)
    refused = [event for event in events if isinstance(event, Refusal)]
    assert not refused, refused
