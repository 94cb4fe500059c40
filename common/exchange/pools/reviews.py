"""What a pool does by itself: what it is worth, fees on their way, payouts, and its closing."""

import msgspec

from common.exchange.commands import PlaceOrder
from common.exchange.core import Core
from common.exchange.events import FEE_ACCOUNT, TREASURY_ACCOUNT, TradeExecuted, TradeParty
from common.exchange.orders import Orders
from common.exchange.pools.accounting import Mix, count_fees, pay_out, stop_streams, stream
from common.exchange.pools.events import PoolClosed, PoolFeesAdded, PoolFeesHeld, PoolWithdrawn
from common.exchange.pools.queries import Present
from common.exchange.pools.quoting import Quoting
from common.exchange.pools.records import POOL_PREFIX, Pool, PoolStatus
from common.exchange.pools.streams import unvested
from common.exchange.purse import Purse
from common.exchange.shares import VIRTUAL_SHARES
from common.exchange.states import Key
from common.model.order import OrderType, Side, TimeInForce

REVIEW_NS = 10 * 10**9
POOL_TIMER = "pool_timer"


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """Cash and goods that leave for so many tokens that end."""

    units: int
    base_units: int
    shares: int


class Reviews:
    """Looks after all pools."""

    def __init__(self, core: Core, orders: Orders, purse: Purse, pools: dict[str, Pool], quoting: Quoting) -> None:
        self._core, self._orders, self._purse, self._pools, self._quoting = core, orders, purse, pools, quoting
        core.doers[POOL_TIMER] = self._wake
        if core.config.features.pools:
            core.on_trade.append(self._hear_trade)

    def present(self, pool: Pool) -> Present | None:
        """What a pool's holders own now; None = goods without a price. Fees on their way are not theirs yet."""
        core, purse, account = self._core, self._purse, pool.account
        equity = purse.equity(account, pool.asset)
        if equity is None:
            return None
        nav, scale = equity - unvested(pool.streams, core.time_ns), core.ledger.scales[pool.symbol]
        perpetual = scale.is_perpetual
        base = purse.lots(account, pool.symbol) * scale.lot_units if perpetual else purse.goods(account, scale)
        mix = Mix(base_units=base, quote_units=nav - purse.value(pool.symbol, base))
        rate = purse.price(pool.symbol) * scale.tick_lot_units, scale.lot_units
        return Present(time_ns=core.time_ns, nav_units=nav, mix=mix, rate=rate)

    def payable(self, pool: Pool, without_orders: bool = False) -> int:
        """Cash that may leave now, or once the quotes are off."""
        rest = unvested(pool.streams, self._core.time_ns)
        return max(0, self._purse.payable(pool.account, pool.asset, without_orders) - rest)

    def in_kind(self, pool: Pool, shares: int) -> Payout:
        """The part of some tokens in goods and cash, rounded down. A unit less of cash where goods are rounded too."""
        scale, whole = self._core.ledger.scales[pool.symbol], pool.supply + VIRTUAL_SHARES
        base = shares * self._purse.goods(pool.account, scale) // whole
        cash = shares * self.payable(pool, without_orders=True) // whole
        return Payout(units=max(0, cash - 1) if base else cash, base_units=base, shares=shares)

    def pay(self, pool: Pool, account: str, payout: Payout, nav: int) -> None:
        """End tokens for what is free now; the pool was worth `nav` before."""
        core, purse, supply = self._core, self._purse, pool.supply
        value = payout.units + (purse.value(pool.symbol, payout.base_units) if payout.base_units else 0)
        count_fees(pool, core.time_ns)
        pay_out(pool, account, value, payout.shares)
        purse.give(pool.account, pool.asset, account, payout.units)
        if payout.base_units:
            purse.give_some(pool.account, pool.base, account, payout.base_units)
        core.tell(
            PoolWithdrawn(
                time_ns=core.time_ns, pool=pool.name, account=account, units=payout.units,
                base_units=payout.base_units, value_units=value, shares=str(payout.shares), nav_units=nav,
                supply=str(supply),
            )
        )  # fmt: skip

    def settle(self, pool: Pool) -> None:
        """After payouts: quotes that had to go come back. Without a holder fees on their way wait for the next one."""
        if pool.supply:
            self._quoting.renew_with_cash(pool)
        else:
            self._quoting.withdraw(pool)
            self._hold(pool)
            self.sweep(pool)

    def sweep(self, pool: Pool) -> int:
        """Nobody has a token: what rounding left, or somebody gave, goes to the treasury. Returns the cash."""
        cash = max(0, self._purse.payable(pool.account, pool.asset))
        if cash:
            self._purse.give(pool.account, pool.asset, TREASURY_ACCOUNT, cash)
        self._purse.give_goods(pool.account, TREASURY_ACCOUNT)
        return cash

    def add_fees(self, pool: Pool, payer: str, units: int) -> None:
        """Units of a payer's free balance reach the holders over time, or wait at the treasury until there is one."""
        core = self._core
        if pool.supply:
            self._purse.take(payer, pool.account, pool.asset, units, core.ledger.scales[pool.symbol].is_perpetual)
            stream(pool, units, core.time_ns)
            core.tell(PoolFeesAdded(time_ns=core.time_ns, pool=pool.name, account=payer, units=units))
            return
        self._purse.give_some(payer, pool.asset, TREASURY_ACCOUNT, units)
        pool.held_units += units
        core.tell(PoolFeesHeld(time_ns=core.time_ns, pool=pool.name, units=units, held_units=pool.held_units))

    def release_held(self, pool: Pool) -> None:
        """There is a holder: what the treasury keeps for the pool is on its way now, as far as it still has it."""
        free = self._core.ledger.accounts.free(TREASURY_ACCOUNT, pool.asset)
        units = min(pool.held_units, free)
        if units > 0:
            pool.held_units -= units
            self.add_fees(pool, TREASURY_ACCOUNT, units)

    def close(self, pool: Pool) -> None:
        """Sell a perpetual's position; hand everything out when nothing is open."""
        core, scale = self._core, self._core.ledger.scales[pool.symbol]
        lots = self._purse.lots(pool.account, pool.symbol) if scale.is_perpetual else 0
        if lots:
            number = core.ledger.last_order_id + 1
            self._orders.place(
                PlaceOrder(
                    time_ns=core.time_ns, account=pool.account, symbol=pool.symbol, client_order_id=f"close-{number}",
                    side=Side.SELL if lots > 0 else Side.BUY, order_type=OrderType.MARKET,
                    quantity_lots=min(abs(lots), core.instruments[pool.symbol].quantity_lots_max),
                    time_in_force=TimeInForce.IOC, reduce_only=True,
                )
            )  # fmt: skip
            if self._purse.lots(pool.account, pool.symbol):
                core.schedule(core.time_ns + REVIEW_NS, POOL_TIMER, pool.name)
                return
        self._hand_out(pool)

    def _hand_out(self, pool: Pool) -> None:
        core = self._core
        self._hold(pool)
        pool.held_units = 0
        for account in sorted(pool.holders):
            present = self.present(pool)
            payout = self.in_kind(pool, pool.holders[account].shares)
            self.pay(pool, account, payout, 0 if present is None else present.nav_units)
        dust = self.sweep(pool)
        pool.status = PoolStatus.CLOSED
        core.tell(PoolClosed(time_ns=core.time_ns, pool=pool.name, dust_units=dust))

    def _hold(self, pool: Pool) -> None:
        """Fees on their way go to the treasury, as far as a liquidation has left them."""
        core = self._core
        units = min(stop_streams(pool, core.time_ns), max(0, self._purse.payable(pool.account, pool.asset)))
        if units:
            pool.held_units += units
            self._purse.give(pool.account, pool.asset, TREASURY_ACCOUNT, units)
            core.tell(PoolFeesHeld(time_ns=core.time_ns, pool=pool.name, units=units, held_units=pool.held_units))

    def _hear_trade(self, trade: TradeExecuted) -> None:
        """A quote of a pool was taken: a rebate that it got, and its part of the venue's fees, go to the stream."""
        if not trade.maker.account.startswith(POOL_PREFIX):
            return
        pool = self._pools.get(trade.maker.account.removeprefix(POOL_PREFIX))
        if pool is None or not pool.supply:
            return
        maker_fee = _fee_in(pool.asset, trade.maker)
        net = maker_fee + _fee_in(pool.asset, trade.taker)
        units = max(0, net) * pool.fee_share_bps // 10_000
        if units and self._core.ledger.scales[pool.symbol].is_perpetual:
            self._core.margin.pay(pool.asset, FEE_ACCOUNT, pool.account, units)
            self._core.tell_payment(FEE_ACCOUNT, pool.account, pool.asset, units)
        elif units:
            self._purse.give_some(FEE_ACCOUNT, pool.asset, pool.account, units)
        units += max(0, -maker_fee)
        if units:
            stream(pool, units, self._core.time_ns)
            self._core.tell(PoolFeesAdded(time_ns=self._core.time_ns, pool=pool.name, account=FEE_ACCOUNT, units=units))

    def _wake(self, name: Key, _due_ns: int) -> None:
        pool = self._pools[str(name)]
        if pool.status is PoolStatus.CLOSING:
            self.close(pool)


def _fee_in(asset: str, party: TradeParty) -> int:
    return party.fee_units if party.fee_asset == asset else 0
