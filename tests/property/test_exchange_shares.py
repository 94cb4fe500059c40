"""Vaults and pools under random deposits, withdrawals, trades, charges, gifts and time: shares and money stay exact.

After every command: shares add up to the supply, money and lots are conserved to the unit, no share price has fallen
by a payment, nobody was paid more than shares were worth, and what was refused has changed nothing.
"""

from decimal import Decimal

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from common.exchange.commands import CancelOrder, Command, Deposit, PassTime, PlaceOrder, SetMark
from common.exchange.configuration import ExchangeConfig
from common.exchange.events import Refusal, TradeExecuted
from common.exchange.exchange import Exchange
from common.exchange.fees.schedule import FeeSchedule
from common.exchange.margin.commands import MoveCollateral, SplitPosition
from common.exchange.margin.rules import PerpetualRules
from common.exchange.pools.commands import (
    AddPoolFees,
    ClosePool,
    CreatePool,
    DepositToPool,
    SetPoolFeeShare,
    WithdrawFromPool,
    WithdrawInKind,
    WithdrawUnitsFromPool,
)
from common.exchange.pools.events import PoolWithdrawn
from common.exchange.pools.records import Ladder
from common.exchange.shares import VIRTUAL_SHARES, redeemed
from common.exchange.snapshot import ExchangeState
from common.exchange.vaults.commands import (
    CancelVaultWithdrawal,
    ChangeVaultManager,
    CloseVault,
    CreateVault,
    CrystalliseProfit,
    DepositToVault,
    PauseVault,
    ResumeVault,
    WithdrawFromVault,
)
from common.exchange.vaults.events import ProfitShareCharged, VaultWithdrawn
from common.exchange.vaults.records import RiskLimits
from common.model.instrument import Instrument
from common.model.order import OrderType, Side, TimeInForce

UNIT = 10**8
PEOPLE = ["ann", "bob", "cat", "mary"]
PERPETUAL, SPOT = "X-PERP", "X-USD"
V = "vault/v"
PROFIT_SHARE_BPS = 2_000
LADDER = Ladder(levels=3, spacing_bps=80, lots=700, skew_bps=60, inventory_lots_max=4_000)
CONFIG = ExchangeConfig(
    instruments=[
        Instrument(
            venue="paper", symbol=symbol, venue_symbol=symbol, base="X", quote="USD", tick_size=Decimal("0.01"),
            lot_size=Decimal("0.001"),
        )
        for symbol in (PERPETUAL, SPOT)
    ],
    fees=FeeSchedule.flat(Decimal("-0.3"), Decimal("4.5")),
    perpetuals={PERPETUAL: PerpetualRules()},
)  # fmt: skip

people = st.sampled_from(PEOPLE)
funds = st.sampled_from(["s", "p"])
symbols = st.sampled_from([PERPETUAL, SPOT])
sides = st.sampled_from(list(Side))
units = st.one_of(st.integers(1, 5), st.integers(1, 10**6), st.integers(UNIT, 3_000 * UNIT))
parts = st.one_of(st.just(10_000), st.integers(1, 10_000))
"""Of what somebody has, in basis points."""

nth = st.integers(0, 3)
lots = st.integers(1, 12_000)
offsets = st.integers(-150, 150)

PAYMENTS = (DepositToVault, WithdrawFromVault, CancelVaultWithdrawal, CrystalliseProfit, ChangeVaultManager)
PAYMENTS += (DepositToPool, WithdrawFromPool, WithdrawUnitsFromPool, WithdrawInKind, AddPoolFees)  # type: ignore[assignment]
"""None of these may make a share cheaper."""


def _part(owners, who, bps):  # type: ignore[no-untyped-def]
    """Somebody who owns shares, and a part of them as text; somebody else when nobody does."""
    if not owners:
        return "bob", "1"
    account = sorted(owners)[who % len(owners)]
    return account, None if bps == 10_000 else str(max(1, owners[account].shares * bps // 10_000))


class Funds(RuleBasedStateMachine):
    """A vault with a manager, a spot pool, a perpetual pool, and one trader who takes the other side of everything."""

    @initialize()
    def begin(self) -> None:
        """Money for everybody, marks, the funds."""
        self.exchange = Exchange(CONFIG)
        self.commands: list[Command] = []
        self.paid_in = {"USD": 0, "X": 0}
        self.names = 0
        for account in PEOPLE:
            self.fund(account, "USD", 10_000 * UNIT)
        self.fund("trader", "USD", 2_000_000 * UNIT)
        self.fund("trader", "X", 10_000 * UNIT)
        self.run(MoveCollateral, account="trader", asset="USD", units=1_000_000 * UNIT)
        for symbol in (PERPETUAL, SPOT):
            self.run(SetMark, symbol=symbol, price_ticks=10_000)
        self.run(
            CreateVault, account="boss", vault="v", asset="USD", manager="mary", profit_share_bps=PROFIT_SHARE_BPS,
            lock_up_ns=0, limits=RiskLimits(drawdown_bps_max=6_000, leverage_max=1_500),
        )  # fmt: skip
        for name, symbol in (("s", SPOT), ("p", PERPETUAL)):
            self.run(CreatePool, account="boss", pool=name, symbol=symbol, ladder=LADDER)
            self.run(SetPoolFeeShare, pool=name, fee_share_bps=4_000)
        for number, account in enumerate(PEOPLE[:3], 1):
            self.run(DepositToVault, account=account, vault="v", units=number * 1_111 * UNIT)
            for pool in "sp":
                self.run(DepositToPool, account=account, pool=pool, units=number * 777 * UNIT + number)
        self.run(MoveCollateral, account=V, by="mary", asset="USD", units=-2_000 * UNIT)

    def fund(self, account: str, asset: str, amount: int) -> None:
        """Money from outside."""
        self.paid_in[asset] += amount
        self.run(Deposit, account=account, asset=asset, units=amount)

    def run(self, kind, **terms):  # type: ignore[no-untyped-def]
        """Execute a command and check what it did. Time passes first, so that it changes nothing in the command."""
        now = self.exchange.time_ns + 1
        self.execute(PassTime(time_ns=now))
        before, prices = self.exchange.state_hash(), self.prices()
        events = self.execute(kind(time_ns=now, **terms))
        if len(events) == 1 and isinstance(events[0], Refusal):
            assert self.exchange.state_hash() == before, events
        traded = any(isinstance(event, TradeExecuted) for event in events)
        if kind in PAYMENTS and not traded:
            self.check_prices(prices)
        for event in events:
            if isinstance(event, VaultWithdrawn | PoolWithdrawn):
                self.check_payout(event)
            elif isinstance(event, ProfitShareCharged):
                self.check_charge(event)
        if not traded and any(isinstance(event, VaultWithdrawn) for event in events):
            spare = self.exchange.margin.available(self.exchange.margin.account(V, "USD"))
            assert spare + self.exchange.ledger.accounts.free(V, "USD") >= 0
        return events

    def execute(self, command):  # type: ignore[no-untyped-def]
        """Execute, and remember what a journal would hold."""
        self.commands.append(command)
        return self.exchange.execute(command)

    def prices(self) -> dict[str, tuple[int, int, int]]:
        """(units, shares, real shares) of each fund, the virtual ones counted."""
        vault, pools = self.exchange.vaults, self.exchange.pools
        found = {"v": (vault.view("v").equity_units, vault.vaults["v"].supply)} if "v" in vault.vaults else {}
        found |= {name: (pools.view(name).nav_units, pool.supply) for name, pool in pools.pools.items()}
        return {name: (worth + 1, supply + VIRTUAL_SHARES, supply) for name, (worth, supply) in found.items()}

    def check_prices(self, before) -> None:  # type: ignore[no-untyped-def]
        """No price has fallen; a fund that was or is empty has none."""
        for name, (worth, shares, supply) in self.prices().items():
            if supply and before[name][2]:
                assert worth * before[name][1] >= before[name][0] * shares, name

    def check_payout(self, event) -> None:  # type: ignore[no-untyped-def]
        """Nobody gets more than the value of the shares that end."""
        if isinstance(event, VaultWithdrawn):
            paid, worth = event.units, event.equity_units
        else:
            paid, worth = event.value_units, event.nav_units
        assert 0 <= paid <= int(event.shares) * (worth + 1) // (int(event.supply) + VIRTUAL_SHARES)

    def check_charge(self, event: ProfitShareCharged) -> None:
        """A charge is the agreed part of a profit."""
        assert 0 < event.due_units == event.profit_units * PROFIT_SHARE_BPS // 10_000

    def order(self, account, symbol, side, price, quantity, **terms):  # type: ignore[no-untyped-def]
        """A limit order that stays or takes."""
        self.names += 1
        return self.run(
            PlaceOrder, account=account, symbol=symbol, side=side, price_ticks=max(1, price), quantity_lots=quantity,
            client_order_id=str(self.names), **terms,
        )  # fmt: skip

    @rule(account=people, amount=units)
    def pay_into_vault(self, account, amount):  # type: ignore[no-untyped-def]
        self.run(DepositToVault, account=account, vault="v", units=amount)

    @rule(who=nth, part=parts)
    def leave_vault(self, who, part):  # type: ignore[no-untyped-def]
        account, shares = _part(self.exchange.vaults.vaults["v"].depositors, who, part)
        self.run(WithdrawFromVault, account=account, vault="v", shares=shares)

    @rule(account=people)
    def wait_no_more(self, account):  # type: ignore[no-untyped-def]
        if self.exchange.vaults.vaults["v"].queue:
            self.run(CancelVaultWithdrawal, account=account, vault="v")

    @rule(who=nth, everybody=st.booleans())
    def crystallise(self, who, everybody):  # type: ignore[no-untyped-def]
        account, _shares = _part(self.exchange.vaults.vaults["v"].depositors, who, 1)
        account = "" if everybody else account
        self.run(CrystalliseProfit, account="boss", vault="v", depositor=account)
        view = {each.account: each for each in self.exchange.vaults.depositors("v")}
        for name in view if not account else view.keys() & {account}:
            assert view[name].due_units <= 1, "charged, and rounding leaves at most a unit of profit"

    @rule(manager=st.sampled_from(["mary", "ann"]))
    def change_manager(self, manager):  # type: ignore[no-untyped-def]
        self.run(ChangeVaultManager, account="boss", vault="v", manager=manager)

    @rule(symbol=symbols, side=sides, offset=offsets, quantity=lots, taken=st.integers(0, 12_000))
    def trade_for_vault(self, symbol, side, offset, quantity, taken):  # type: ignore[no-untyped-def]
        price = self.exchange.markets[symbol].facts.mark + offset
        manager = self.exchange.vaults.vaults["v"].manager
        self.order(V, symbol, side, price, quantity, by=manager)
        if taken:
            self.order("trader", symbol, side.opposite, price, taken, time_in_force=TimeInForce.IOC)

    @rule(symbol=symbols, side=sides, offset=offsets, quantity=lots)
    def rest_for_trader(self, symbol, side, offset, quantity):  # type: ignore[no-untyped-def]
        self.order("trader", symbol, side, self.exchange.markets[symbol].facts.mark + offset, quantity)

    @rule(symbol=symbols, side=sides, quantity=lots)
    def take(self, symbol, side, quantity):  # type: ignore[no-untyped-def]
        self.names += 1
        self.run(
            PlaceOrder, account="trader", symbol=symbol, side=side, quantity_lots=quantity,
            client_order_id=str(self.names), order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC,
        )  # fmt: skip

    @rule(account=st.sampled_from([V, "trader"]), symbol=symbols)
    def cancel(self, account, symbol):  # type: ignore[no-untyped-def]
        by = self.exchange.vaults.vaults["v"].manager if account == V else ""
        for order in list(self.exchange.ledger.open_of(account, symbol).values()):
            self.run(CancelOrder, account=account, symbol=symbol, order_id=order.order_id, by=by)

    @rule(amount=st.integers(-3_000 * UNIT, 3_000 * UNIT).filter(bool))
    def move_collateral_of_vault(self, amount):  # type: ignore[no-untyped-def]
        manager = self.exchange.vaults.vaults["v"].manager
        self.run(MoveCollateral, account=V, by=manager, asset="USD", units=amount)

    @rule(quantity=lots)
    def split_position_of_vault(self, quantity):  # type: ignore[no-untyped-def]
        manager = self.exchange.vaults.vaults["v"].manager
        self.run(SplitPosition, account=V, by=manager, symbol=PERPETUAL, lots=quantity)

    @rule(factor=st.integers(85, 118), symbol=symbols)
    def move_mark(self, factor, symbol):  # type: ignore[no-untyped-def]
        mark = self.exchange.markets[symbol].facts.mark
        self.run(SetMark, symbol=symbol, price_ticks=min(max(3_000, mark * factor // 100), 40_000))

    @rule(account=st.sampled_from([V, "pool/s", "pool/p"]), asset=st.sampled_from(["USD", "X"]), amount=units)
    def give(self, account, asset, amount):  # type: ignore[no-untyped-def]
        self.fund(account, asset, amount)

    @rule(pool=funds, account=people, amount=units)
    def pay_into_pool(self, pool, account, amount):  # type: ignore[no-untyped-def]
        self.run(DepositToPool, account=account, pool=pool, units=amount)

    @rule(pool=funds, who=nth, part=parts, in_kind=st.booleans())
    def leave_pool(self, pool, who, part, in_kind):  # type: ignore[no-untyped-def]
        account, shares = _part(self.exchange.pools.pools[pool].holders, who, part)
        kind = WithdrawInKind if in_kind and pool == "s" else WithdrawFromPool
        self.run(kind, account=account, pool=pool, shares=shares)

    @rule(pool=funds, who=nth, amount=units)
    def take_exactly(self, pool, who, amount):  # type: ignore[no-untyped-def]
        account, _shares = _part(self.exchange.pools.pools[pool].holders, who, 1)
        self.run(WithdrawUnitsFromPool, account=account, pool=pool, units=amount)

    @rule(pool=funds, account=people, amount=units)
    def add_fees(self, pool, account, amount):  # type: ignore[no-untyped-def]
        self.run(AddPoolFees, account=account, pool=pool, units=amount)

    @rule(seconds=st.sampled_from([1, 60, 3_000, 20_000, 90_000]))
    def pass_time(self, seconds):  # type: ignore[no-untyped-def]
        self.execute(PassTime(time_ns=self.exchange.time_ns + seconds * 10**9))

    @rule()
    def restart(self):  # type: ignore[no-untyped-def]
        """Go on with what a snapshot restores; the replay of all commands at the end must not see a difference."""
        kept = msgspec.msgpack.encode(self.exchange.state())
        loaded = Exchange(CONFIG)
        loaded.load(msgspec.msgpack.decode(kept, type=ExchangeState))
        assert loaded.state_hash() == self.exchange.state_hash()
        self.exchange = loaded

    @rule(kind=st.sampled_from([PauseVault, ResumeVault, ResumeVault]))
    def pause_or_resume(self, kind):  # type: ignore[no-untyped-def]
        self.run(kind, account="boss", vault="v")

    @invariant()
    def shares_add_up(self) -> None:
        """The supply is the sum of what everybody has; nobody has less than nothing, or waits for more than that."""
        if not hasattr(self, "exchange"):
            return
        for vault in self.exchange.vaults.vaults.values():
            assert vault.supply == sum(each.shares for each in vault.depositors.values())
            assert all(each.shares > 0 for each in vault.depositors.values())
            waiting = [each.account for each in vault.queue]
            assert len(waiting) == len(set(waiting))
            assert all(each.shares > 0 and each.account in vault.depositors for each in vault.queue)
        for pool in self.exchange.pools.pools.values():
            assert pool.supply == sum(each.shares for each in pool.holders.values())
            assert all(each.shares > 0 for each in pool.holders.values())
            quote = sum(each.basket.quote_units for each in pool.holders.values())
            base = sum(each.basket.base_units for each in pool.holders.values())
            assert (pool.basket.quote_units, pool.basket.base_units) == (quote, base)

    @invariant()
    def money_is_conserved(self) -> None:
        """Everything that came in is somewhere, to the unit; every lot that is long somewhere is short elsewhere."""
        if not hasattr(self, "exchange"):
            return
        ledger, margin = self.exchange.ledger, self.exchange.margin
        for asset, amount in self.paid_in.items():
            assert ledger.accounts.total(asset) + margin.accounts.total(asset) == amount
        held = margin.accounts.by_asset.get("USD", {}).values()
        assert sum(each.positions[PERPETUAL].net_lots for each in held if PERPETUAL in each.positions) == 0
        for each in self.exchange.pools.pools.values():
            assert ledger.accounts.free("treasury", "USD") >= each.held_units

    @invariant()
    def pools_keep_their_inventory(self) -> None:
        """What they hold and bid for is never more than they may."""
        if hasattr(self, "exchange"):
            position = self.exchange.margin.position("pool/p", PERPETUAL)
            assert position.worst_lots <= LADDER.inventory_lots_max

    def teardown(self) -> None:
        """Shares are worth no more than the equity; a closed pool has no holders; a replay is the same exchange."""
        if not hasattr(self, "exchange"):
            return
        worth = self.exchange.vaults.view("v").equity_units
        values = [
            redeemed(each.shares, vault.supply, worth)
            for vault in self.exchange.vaults.vaults.values()
            for each in vault.depositors.values()
        ]
        assert worth is None or worth < 0 or sum(values) <= worth
        self.run(ClosePool, account="boss", pool="s")
        self.run(CloseVault, account="boss", vault="v", force=True)
        self.shares_add_up()
        self.money_is_conserved()
        assert self.exchange.pools.pools["s"].supply == 0
        replayed = Exchange(CONFIG)
        for command in self.commands:
            replayed.execute(command)
        assert replayed.state_hash() == self.exchange.state_hash()


TestFunds = Funds.TestCase
TestFunds.settings = settings(
    max_examples=300,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
