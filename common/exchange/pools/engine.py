"""Pools as the exchange runs them: what owners and holders may say, and what comes of it."""

from collections.abc import Callable
from typing import Any

import msgspec

from common.exchange.admission import is_name, is_whole
from common.exchange.core import Core
from common.exchange.events import RejectReason
from common.exchange.orders import Orders
from common.exchange.pools import queries
from common.exchange.pools.accounting import count_fees, deposit_refusal, pay_in
from common.exchange.pools.commands import (
    AddPoolFees,
    ClosePool,
    ConfigurePool,
    CreatePool,
    DepositToPool,
    PausePool,
    ResumePool,
    SetPoolFeeShare,
    WithdrawFromPool,
    WithdrawInKind,
    WithdrawUnitsFromPool,
)
from common.exchange.pools.events import (
    PoolClosing,
    PoolConfigured,
    PoolCreated,
    PoolDeposited,
    PoolPaused,
    PoolResumed,
)
from common.exchange.pools.ladder import ladder_fits
from common.exchange.pools.quoting import Quoting
from common.exchange.pools.records import POOL_PREFIX, POOLS_MAX, POOLS_OF_OWNER_MAX, Holder, Ladder, Pool, PoolStatus
from common.exchange.pools.reviews import Payout, Reviews
from common.exchange.purse import Purse
from common.exchange.refusal import Refused, feature_off
from common.exchange.shares import SHARES_MAX, burned, redeemed, shares_of_text


class PoolsState(msgspec.Struct, kw_only=True):
    """All pools as JSON, because LP tokens need integers beyond the 64 bits of other encodings."""

    pools: bytes


class Pools:
    """All pools by name."""

    def __init__(self, core: Core, orders: Orders) -> None:
        self._core = core
        self.purse = Purse(core)
        self.pools: dict[str, Pool] = {}
        self._quoting = Quoting(core, orders, self.purse, self.pools)
        self._reviews = Reviews(core, orders, self.purse, self.pools, self._quoting)
        self.trading: frozenset[Any] = frozenset()
        self.handlers: dict[Any, Callable[[Any], None]] = {
            CreatePool: self.create,
            ConfigurePool: self.configure,
            SetPoolFeeShare: self.set_fee_share,
            DepositToPool: self.deposit,
            WithdrawFromPool: self.withdraw,
            WithdrawUnitsFromPool: self.withdraw_units,
            WithdrawInKind: self.withdraw_in_kind,
            AddPoolFees: self.add_fees,
            PausePool: self.pause,
            ResumePool: self.resume,
            ClosePool: self.close,
        }
        if not core.config.features.pools:
            self.handlers = dict.fromkeys(self.handlers, feature_off)

    @property
    def state(self) -> PoolsState:
        """All of it, for snapshots."""
        return PoolsState(pools=msgspec.json.encode(self.pools, order="deterministic"))

    def load(self, state: PoolsState) -> None:
        """Become what `state` was."""
        for name, pool in msgspec.json.decode(state.pools, type=dict[str, Pool]).items():
            self._add(name, pool)

    def create(self, command: CreatePool) -> None:
        """Open a pool."""
        core, name = self._core, command.pool
        if not is_name(name):
            raise Refused(RejectReason.NAME_INVALID, "letters, digits, _ and -, at most 32")
        if name in self.pools or self.purse.is_used(POOL_PREFIX + name):
            raise Refused(RejectReason.NAME_TAKEN, name)
        live = [each for each in self.pools.values() if each.status is not PoolStatus.CLOSED]
        owned = sum(each.owner == command.account for each in live)
        if len(self.pools) >= POOLS_MAX or owned >= POOLS_OF_OWNER_MAX:
            raise Refused(RejectReason.TOO_MANY_FUNDS, f"at most {POOLS_MAX}, {POOLS_OF_OWNER_MAX} of one owner")
        if not isinstance(command.ladder, Ladder) or not ladder_fits(command.ladder):
            raise Refused(RejectReason.TERMS_INVALID, "ladder")
        scale = core.ledger.scales[command.symbol]
        pool = Pool(
            name=name, owner=command.account, symbol=command.symbol, base=scale.base, asset=scale.quote,
            ladder=command.ladder, fee_share_bps=0, created_ns=core.time_ns,
        )  # fmt: skip
        self._add(name, pool)
        core.tell(
            PoolCreated(
                time_ns=core.time_ns, pool=name, owner=pool.owner, symbol=pool.symbol, base=pool.base,
                asset=pool.asset, ladder=pool.ladder,
            )
        )  # fmt: skip

    def configure(self, command: ConfigurePool) -> None:
        """Another ladder."""
        pool = self._owned(command.pool, command.account)
        if not isinstance(command.ladder, Ladder) or not ladder_fits(command.ladder):
            raise Refused(RejectReason.TERMS_INVALID, "ladder")
        pool.ladder = command.ladder
        self._tell_terms(pool)
        self._quoting.renew(pool)

    def set_fee_share(self, command: SetPoolFeeShare) -> None:
        """Another part of the venue's fees."""
        pool = self._named(command.pool)
        if not is_whole(command.fee_share_bps, 0, 10_000):
            raise Refused(RejectReason.TERMS_INVALID, "fee_share_bps is 0 to 10000")
        pool.fee_share_bps = command.fee_share_bps
        self._tell_terms(pool)

    def deposit(self, command: DepositToPool) -> None:
        """Money for tokens."""
        core, pool, account, units = self._core, self._named(command.pool), command.account, command.units
        shares_min = shares_of_text(command.shares_min) if command.shares_min else 0
        if not is_whole(units, 1) or shares_min is None:
            raise Refused(RejectReason.AMOUNT_INVALID, "units and shares_min must be positive")
        present = self._present(pool)
        # What lies in a pool that nobody owns is the treasury's.
        nav = present.nav_units if pool.supply else 0
        if reason := deposit_refusal(pool, account, units, nav, shares_min):
            raise Refused(reason)
        if units > core.ledger.accounts.free(account, pool.asset):
            raise Refused(RejectReason.INSUFFICIENT_BALANCE)
        if not pool.supply:
            self._reviews.sweep(pool)
            present = self._present(pool)
        count_fees(pool, core.time_ns)
        supply = pool.supply
        shares = pay_in(pool, account, units, nav, present.mix)
        self.purse.take(account, pool.account, pool.asset, units, core.ledger.scales[pool.symbol].is_perpetual)
        core.tell(
            PoolDeposited(
                time_ns=core.time_ns, pool=pool.name, account=account, units=units, shares=str(shares),
                nav_units=nav, supply=str(supply),
            )
        )  # fmt: skip
        self._reviews.release_held(pool)
        self._quoting.renew_with_cash(pool)

    def withdraw(self, command: WithdrawFromPool) -> None:
        """Tokens for their value in cash."""
        pool, account = self._named(command.pool), command.account
        shares = self._asked(pool, account, command.shares)
        if not is_whole(command.units_min, 0):
            raise Refused(RejectReason.AMOUNT_INVALID, "units_min")
        nav = self._nav(pool)
        units = redeemed(shares, pool.supply, nav)
        if units < command.units_min:
            raise Refused(RejectReason.WORSE_THAN_AGREED, f"worth {units}")
        self._pay_cash(pool, account, units, shares, nav)

    def withdraw_units(self, command: WithdrawUnitsFromPool) -> None:
        """As many tokens as exactly so much cash takes."""
        pool, account, units = self._named(command.pool), command.account, command.units
        holder = self._holder(pool, account)
        shares_max = shares_of_text(command.shares_max) if command.shares_max else SHARES_MAX
        if not is_whole(units, 1) or shares_max is None:
            raise Refused(RejectReason.AMOUNT_INVALID, "units and shares_max must be positive")
        nav = self._nav(pool)
        shares = burned(units, pool.supply, nav)
        if shares > holder.shares:
            raise Refused(RejectReason.NO_SHARES, f"takes {shares}, has {holder.shares}")
        if shares > shares_max:
            raise Refused(RejectReason.WORSE_THAN_AGREED, f"takes {shares}")
        self._pay_cash(pool, account, units, shares, nav)

    def withdraw_in_kind(self, command: WithdrawInKind) -> None:
        """A part of the goods and of the cash."""
        pool, account = self._named(command.pool), command.account
        if self._core.ledger.scales[pool.symbol].is_perpetual:
            raise Refused(RejectReason.TERMS_INVALID, "a position is not handed out")
        shares = self._asked(pool, account, command.shares)
        present, payout = self._present(pool), self._reviews.in_kind(pool, shares)
        if not is_whole(command.units_min, 0) or not is_whole(command.base_units_min, 0):
            raise Refused(RejectReason.AMOUNT_INVALID, "units_min and base_units_min")
        if payout.units < command.units_min or payout.base_units < command.base_units_min:
            raise Refused(RejectReason.WORSE_THAN_AGREED, f"{payout.units} and {payout.base_units}")
        if not payout.units and not payout.base_units:
            raise Refused(RejectReason.AMOUNT_INVALID, "so few tokens are worth nothing")
        self._quoting.withdraw(pool)
        self._reviews.pay(pool, account, payout, present.nav_units)
        self._reviews.settle(pool)

    def add_fees(self, command: AddPoolFees) -> None:
        """A gift to the holders, over time."""
        pool, account, units = self._named(command.pool), command.account, command.units
        if pool.status is PoolStatus.CLOSED:
            raise Refused(RejectReason.NOT_OPEN, pool.status.value)
        if not is_whole(units, 1):
            raise Refused(RejectReason.AMOUNT_INVALID, "units must be positive")
        if units > self._core.ledger.accounts.free(account, pool.asset):
            raise Refused(RejectReason.INSUFFICIENT_BALANCE)
        self._reviews.add_fees(pool, account, units)

    def pause(self, command: PausePool) -> None:
        """No deposits, no quotes."""
        pool = self._owned(command.pool, command.account)
        if pool.status is not PoolStatus.OPEN:
            raise Refused(RejectReason.NOT_OPEN, pool.status.value)
        pool.status = PoolStatus.PAUSED
        self._core.tell(PoolPaused(time_ns=self._core.time_ns, pool=pool.name))
        self._quoting.withdraw(pool)

    def resume(self, command: ResumePool) -> None:
        """Open again."""
        pool = self._owned(command.pool, command.account)
        if pool.status is not PoolStatus.PAUSED:
            raise Refused(RejectReason.NOT_OPEN, "it is not paused")
        pool.status = PoolStatus.OPEN
        self._core.tell(PoolResumed(time_ns=self._core.time_ns, pool=pool.name))
        self._quoting.renew(pool)

    def close(self, command: ClosePool) -> None:
        """Begin to close."""
        pool = self._owned(command.pool, command.account)
        if pool.status is PoolStatus.CLOSING:
            raise Refused(RejectReason.NOT_OPEN, pool.status.value)
        pool.status = PoolStatus.CLOSING
        self._core.tell(PoolClosing(time_ns=self._core.time_ns, pool=pool.name))
        self._quoting.withdraw(pool)
        self._reviews.close(pool)

    def view(self, name: str) -> queries.PoolView:
        """A pool as anybody may see it. Raises Refused."""
        pool = self._named(name)
        return queries.pool_view(pool, self._reviews.present(pool), self._core.time_ns)

    def holders(self, name: str) -> list[queries.HolderView]:
        """Everybody's tokens, by account. Raises Refused."""
        pool = self._named(name)
        present = self._reviews.present(pool)
        return [queries.holder_view(pool, each, present, self._core.time_ns) for each in sorted(pool.holders)]

    def _add(self, name: str, pool: Pool) -> None:
        self.pools[name] = pool
        self._core.managers[pool.account] = ""
        self._quoting.note(pool)

    def _named(self, name: str) -> Pool:
        pool = self.pools.get(name)
        if pool is None:
            raise Refused(RejectReason.UNKNOWN_POOL, str(name))
        return pool

    def _owned(self, name: str, account: str) -> Pool:
        pool = self._named(name)
        if account != pool.owner:
            raise Refused(RejectReason.NOT_AUTHORISED, "only the owner")
        if pool.status is PoolStatus.CLOSED:
            raise Refused(RejectReason.NOT_OPEN, pool.status.value)
        return pool

    def _holder(self, pool: Pool, account: str) -> Holder:
        holder = pool.holders.get(account)
        if holder is None:
            raise Refused(RejectReason.NO_SHARES)
        return holder

    def _asked(self, pool: Pool, account: str, text: str | None) -> int:
        held = self._holder(pool, account).shares
        asked = held if text is None else shares_of_text(text)
        if asked is None:
            raise Refused(RejectReason.AMOUNT_INVALID, "shares must be positive decimal digits")
        if asked > held:
            raise Refused(RejectReason.NO_SHARES, f"has {held}")
        return asked

    def _present(self, pool: Pool) -> queries.Present:
        present = self._reviews.present(pool)
        if present is None:
            raise Refused(RejectReason.NO_MARK_PRICE)
        return present

    def _nav(self, pool: Pool) -> int:
        nav = self._present(pool).nav_units
        if nav <= 0:
            raise Refused(RejectReason.NO_EQUITY)
        return nav

    def _pay_cash(self, pool: Pool, account: str, units: int, shares: int, nav: int) -> None:
        if not units:
            raise Refused(RejectReason.AMOUNT_INVALID, "so few tokens are worth nothing")
        if units > self._reviews.payable(pool, without_orders=True):
            raise Refused(RejectReason.NOT_CASH, f"{units} are more than there is")
        if units > self._reviews.payable(pool):
            self._quoting.withdraw(pool)
        self._reviews.pay(pool, account, Payout(units=units, base_units=0, shares=shares), nav)
        self._reviews.settle(pool)

    def _tell_terms(self, pool: Pool) -> None:
        self._core.tell(
            PoolConfigured(
                time_ns=self._core.time_ns, pool=pool.name, ladder=pool.ladder, fee_share_bps=pool.fee_share_bps
            )
        )
