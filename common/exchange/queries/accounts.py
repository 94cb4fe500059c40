"""Accounts: what they own, what backs their positions, what they may still do."""

from decimal import Decimal

import msgspec

from common.exchange.events import SPECIAL_ACCOUNTS, RejectReason
from common.exchange.exchange import Exchange
from common.exchange.fees.standing import FeeStanding
from common.exchange.margin.accounts import MarginAccount, Position
from common.exchange.refusal import Refused

PRICE_PLACES = Decimal(1).scaleb(-8)


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """One account in a list of all: how many assets it holds, positions and open orders it has."""

    account: str
    is_venues_own: bool
    assets: int
    positions: int
    open_orders: int


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """A spot balance and the margin wallet of one asset, in 1e-8 of it; `locked_units` back open orders."""

    asset: str
    free_units: int
    locked_units: int
    wallet_units: int


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """A position in a perpetual at the mark. Money in 1e-8 of the collateral.

    entry_price       cost per base unit as a decimal, rounded to 8 places
    isolated_units    collateral that backs it alone; None = cross
    leverage          what holds: its owner's choice, or the market's default
    initial_units     what it takes with all its open orders, maintenance_units what it must keep
    parted_lots       lots that were split off it, long and short ones added up
    """

    symbol: str
    lots: int
    entry_price: str
    mark_ticks: int
    cost_units: int
    unrealised_units: int
    isolated_units: int | None
    leverage: int
    initial_units: int
    maintenance_units: int
    parted_lots: int
    bid_lots: int
    ask_lots: int


class MarginView(msgspec.Struct, frozen=True, kw_only=True):
    """A margin account at the mark, in 1e-8 of its asset.

    equity_units        the wallet and what cross positions have gained
    initial_units       what cross positions and open orders take of it, maintenance_units what they must keep
    available_units     what new orders may take, withdrawable_units what may go back to the spot balance
    """

    account: str
    asset: str
    wallet_units: int
    equity_units: int
    initial_units: int
    maintenance_units: int
    available_units: int
    withdrawable_units: int
    is_healthy: bool
    positions: list[PositionView]


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account, whole. `nonce` is the newest one that was accepted, 0 = none ever."""

    account: str
    manager: str
    nonce: int
    open_orders: int
    balances: list[BalanceView]
    margin: list[MarginView]


class NonceView(msgspec.Struct, frozen=True, kw_only=True):
    """The newest nonce that was accepted of somebody; a command with a nonce must have a larger one."""

    account: str
    nonce: int


def accounts(exchange: Exchange) -> list[AccountRow]:
    """All accounts that ever held anything."""
    return [_row(exchange, name) for name in _names(exchange)]


def account(exchange: Exchange, account: str) -> AccountView:
    """Balances, margin accounts, positions and newest nonce of an account."""
    _check_known(exchange, account)
    return AccountView(
        account=account,
        manager=exchange.manager_of(account),
        nonce=exchange.nonce_of(account),
        open_orders=_open_orders(exchange, account),
        balances=_balances(exchange, account),
        margin=[_margin(exchange, account, asset) for asset in _collateral(exchange, account)],
    )


def balances(exchange: Exchange, account: str) -> list[BalanceView]:
    """What an account owns of each asset."""
    _check_known(exchange, account)
    return _balances(exchange, account)


def margin(exchange: Exchange, account: str, asset: str) -> MarginView:
    """One margin account: wallet, equity, requirements and positions."""
    _check_known(exchange, account)
    return _margin(exchange, account, asset)


def positions(exchange: Exchange, account: str) -> list[PositionView]:
    """Positions of an account in perpetuals."""
    _check_known(exchange, account)
    return [each for asset in _collateral(exchange, account) for each in _margin(exchange, account, asset).positions]


def fees(exchange: Exchange, account: str) -> FeeStanding:
    """What trading costs an account now, and why: its tier, its volumes of 30 days, its share of the maker volume."""
    return exchange.fee_standing(account)


def nonce(exchange: Exchange, account: str) -> NonceView:
    """The newest nonce of an account that was accepted; 0 = none ever."""
    return NonceView(account=account, nonce=exchange.nonce_of(account))


def _names(exchange: Exchange) -> list[str]:
    names = dict.fromkeys(exchange.ledger.accounts.names())
    for held in exchange.margin.accounts.by_asset.values():
        names |= dict.fromkeys(held)
    return sorted(names)


def _check_known(exchange: Exchange, account: str) -> None:
    margins = exchange.margin.accounts.by_asset.values()
    if not exchange.ledger.accounts.balances(account) and not any(account in held for held in margins):
        raise Refused(RejectReason.UNKNOWN_ACCOUNT, f"{account!r} never held anything")


def _row(exchange: Exchange, name: str) -> AccountRow:
    held = _balances(exchange, name)
    assets = sum(any((each.free_units, each.locked_units, each.wallet_units)) for each in held)
    positions = sum(
        each.is_open
        for asset in _collateral(exchange, name)
        for each in exchange.margin.account(name, asset).positions.values()
    )
    return AccountRow(
        account=name,
        is_venues_own=name in SPECIAL_ACCOUNTS,
        assets=assets,
        positions=positions,
        open_orders=_open_orders(exchange, name),
    )


def _open_orders(exchange: Exchange, account: str) -> int:
    return sum(len(exchange.ledger.open_of(account, symbol)) for symbol in exchange.markets)


def _collateral(exchange: Exchange, account: str) -> list[str]:
    return sorted(asset for asset, held in exchange.margin.accounts.by_asset.items() if account in held)


def _balances(exchange: Exchange, account: str) -> list[BalanceView]:
    held = exchange.ledger.accounts.balances(account)
    assets = sorted({**dict.fromkeys(held), **dict.fromkeys(_collateral(exchange, account))})
    return [
        BalanceView(
            asset=asset,
            free_units=held[asset].free if asset in held else 0,
            locked_units=held[asset].locked if asset in held else 0,
            wallet_units=exchange.margin.account(account, asset).wallet,
        )
        for asset in assets
    ]


def _margin(exchange: Exchange, account: str, asset: str) -> MarginView:
    margin = exchange.margin
    owner = margin.account(account, asset)
    return MarginView(
        account=account,
        asset=asset,
        wallet_units=owner.wallet,
        equity_units=margin.equity(owner),
        initial_units=margin.initial(owner),
        maintenance_units=margin.maintenance(owner),
        available_units=margin.available(owner),
        withdrawable_units=margin.withdrawable(owner),
        is_healthy=margin.is_healthy(owner),
        positions=_positions(exchange, owner),
    )


def _positions(exchange: Exchange, owner: MarginAccount) -> list[PositionView]:
    return [
        _position(exchange, symbol, position)
        for symbol, position in sorted(owner.positions.items())
        if not position.is_untouched
    ]


def _position(exchange: Exchange, symbol: str, position: Position) -> PositionView:
    margin, market = exchange.margin, exchange.margin.markets[symbol]
    worst = position.worst_lots * market.lot_value
    return PositionView(
        symbol=symbol,
        lots=position.lots,
        entry_price=entry_price(exchange, symbol, position.lots, position.cost),
        mark_ticks=market.facts.mark,
        cost_units=position.cost,
        unrealised_units=margin.unrealised(symbol, position),
        isolated_units=position.isolated,
        leverage=position.leverage or market.table.leverage_default,
        initial_units=market.table.initial(worst, position.leverage),
        maintenance_units=margin.maintenance_of(symbol, position.gross_lots),
        parted_lots=position.parted_lots,
        bid_lots=position.bid_lots,
        ask_lots=position.ask_lots,
    )


def entry_price(exchange: Exchange, symbol: str, lots: int, cost: int) -> str:
    """Quote units per base unit that lots were paid with, a decimal rounded to 8 places; empty without lots."""
    if not lots:
        return ""
    price = Decimal(cost) / (lots * exchange.ledger.scales[symbol].lot_units)
    return f"{price.quantize(PRICE_PLACES).normalize():f}"
