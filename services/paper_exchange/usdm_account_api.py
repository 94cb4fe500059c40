"""USD-M requests about wallets, positions and settings. Every one is signed, and checked before it comes here."""

from collections.abc import Iterable
from functools import partial
from itertools import islice
from typing import Any

from common.exchange.admission import WHOLE_MAX
from common.exchange.commands import Command
from common.exchange.events import CommandRefused, RejectReason
from common.exchange.margin.commands import MoveIsolatedMargin, SetLeverage, SetMarginMode
from common.exchange.money import units_from_text, units_text
from services.paper_exchange import refusals
from services.paper_exchange import usdm_refusals as errors
from services.paper_exchange.limits import Row
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.usdm_info import brackets
from services.paper_exchange.usdm_site import UsdmSite
from services.paper_exchange.usdm_terms import check_position_side, flag
from services.paper_exchange.usdm_wire import ContractWire, decimal_text
from services.paper_exchange.wire import NS_PER_MS, Json

LATEST_MS = 10**14
RATE_DECIMALS = 9
SUCCESS: Json = {"code": 200, "msg": "success"}
INCOME_TYPES = ("TRANSFER", "REALIZED_PNL", "FUNDING_FEE", "COMMISSION", "INSURANCE_CLEAR")
TOTALS = {
    "totalInitialMargin": "initialMargin", "totalMaintMargin": "maintMargin", "totalWalletBalance": "walletBalance",
    "totalUnrealizedProfit": "unrealizedProfit", "totalMarginBalance": "marginBalance",
    "totalPositionInitialMargin": "positionInitialMargin", "totalOpenOrderInitialMargin": "openOrderInitialMargin",
    "totalCrossWalletBalance": "crossWalletBalance", "totalCrossUnPnl": "crossUnPnl",
    "availableBalance": "availableBalance", "maxWithdrawAmount": "maxWithdrawAmount",
}  # fmt: skip
"""In single-asset mode Binance's totals are those of one asset: of the first one here."""


class UsdmAccountApi:
    """What the owner of the key may ask for and do with wallets and positions. Every method raises VenueError."""

    def __init__(self, site: UsdmSite) -> None:
        self._site, self._positions = site, site.positions

    def account(self, parameters: Parameters) -> Json:
        """Wallets and all positions (version 2)."""
        return self._account(parameters.account, self._site.wires)

    def account_in_use(self, parameters: Parameters) -> Json:
        """Wallets and positions with lots or orders (version 3)."""
        account, positions = parameters.account, self._positions
        return self._account(account, (symbol for symbol in self._site.wires if positions.is_used(account, symbol)))

    def balance(self, parameters: Parameters) -> list[Json]:
        """Wallets."""
        moment, account = self._time_ms(), parameters.account
        return [
            self._positions.asset(account, asset) | {"accountAlias": account, "updateTime": moment}
            | {"balance": units_text(self._positions.wallets(account).get(asset, (0, 0))[0])}
            for asset in self._positions.assets
        ]  # fmt: skip

    def position_risk(self, parameters: Parameters) -> list[Json]:
        """Positions of one market or of all (version 2)."""
        return [self._positions.risk(parameters.account, wire.instrument.symbol) for wire in self._some(parameters)]

    def position_risk_in_use(self, parameters: Parameters) -> list[Json]:
        """Positions with lots or orders (version 3)."""
        account, positions = parameters.account, self._positions
        symbols = [wire.instrument.symbol for wire in self._some(parameters)]
        return [positions.risk(account, each) for each in symbols if positions.is_used(account, each)]

    def leverage_bracket(self, parameters: Parameters) -> Json | list[Json]:
        """Margin by size of the position."""
        return [brackets(self._site, wire) for wire in self._some(parameters)]

    def adl_quantile(self, parameters: Parameters) -> list[Json]:
        """How soon positions are deleveraged."""
        rank = partial(self._positions.deleveraging_rank, parameters.account)
        return [
            {"symbol": wire.name, "adlQuantile": {"BOTH": rank(wire.instrument.symbol)}}
            for wire in self._some(parameters)
        ]

    def commission_rate(self, parameters: Parameters) -> Json:
        """What trades cost."""
        wire, standing = self._wire(parameters), self._site.exchange.fee_standing(parameters.account)
        return {
            "symbol": wire.name,
            "makerCommissionRate": decimal_text(standing.maker_rate, RATE_DECIMALS),
            "takerCommissionRate": decimal_text(standing.taker_rate, RATE_DECIMALS),
        }

    def set_leverage(self, parameters: Parameters) -> Json:
        """Another leverage in a market."""
        wire, leverage = self._wire(parameters), parameters.integer("leverage")
        command = SetLeverage(
            time_ns=self._site.venue.now_ns(), account=parameters.account, symbol=wire.instrument.symbol,
            leverage=leverage,
        )  # fmt: skip
        reason = self._execute(command)
        if reason is RejectReason.LEVERAGE_INVALID:
            raise errors.invalid_leverage(leverage)
        if reason is not None:
            raise errors.LEVERAGE_TOO_SMALL() if reason is RejectReason.INSUFFICIENT_MARGIN else errors.refused(reason)
        most = self._positions.notional_max(wire.instrument.symbol, leverage)
        return {"symbol": wire.name, "leverage": leverage, "maxNotionalValue": most}

    def set_margin_type(self, parameters: Parameters) -> Json:
        """Back a market's position with collateral of its own, or with the wallet."""
        wire, kind = self._wire(parameters), parameters.text("marginType")
        if kind not in ("ISOLATED", "CROSSED"):
            raise errors.invalid("marginType")
        symbol, isolated = wire.instrument.symbol, kind == "ISOLATED"
        account = parameters.account
        position = self._site.exchange.margin.position(account, symbol)
        if (position.isolated is not None) is isolated:
            raise errors.SAME_MARGIN_TYPE()
        command = SetMarginMode(time_ns=self._site.venue.now_ns(), account=account, symbol=symbol, isolated=isolated)
        if (reason := self._execute(command)) is not None:
            if reason is RejectReason.POSITION_OPEN:
                raise errors.POSITION_OPEN() if position.is_open else errors.ORDERS_OPEN()
            raise errors.refused(reason)
        return SUCCESS

    def move_margin(self, parameters: Parameters) -> Json:
        """Give an isolated position more collateral (type 1), or take some back (type 2)."""
        wire, direction = self._wire(parameters), parameters.integer("type")
        check_position_side(parameters)
        if direction not in (1, 2):
            raise errors.invalid("type")
        units = amount_units(parameters)
        position = self._site.exchange.margin.position(parameters.account, wire.instrument.symbol)
        if position.isolated is None:
            raise errors.NOT_ISOLATED()
        if not position.is_open:
            raise errors.NO_POSITION()
        command = MoveIsolatedMargin(
            time_ns=self._site.venue.now_ns(), account=parameters.account, symbol=wire.instrument.symbol,
            units=units if direction == 1 else -units,
        )  # fmt: skip
        if (reason := self._execute(command)) is not None:
            if reason is RejectReason.INSUFFICIENT_MARGIN:
                raise errors.CROSS_TOO_SMALL() if direction == 1 else errors.ISOLATED_TOO_SMALL()
            raise errors.refused(reason)
        answer: Json = {"amount": float(units_text(units)), "code": 200}
        return answer | {"msg": "Successfully modify position margin.", "type": direction}

    def symbol_config(self, parameters: Parameters) -> list[Json]:
        """Leverage and margin type by market."""
        return [self._symbol_config(parameters.account, wire) for wire in self._some(parameters)]

    def account_config(self, parameters: Parameters) -> Json:
        """What the account may do."""
        return self._permissions(parameters.account)

    def position_side(self, _parameters: Parameters) -> Json:
        """One-way mode, always."""
        return {"dualSidePosition": False}

    def set_position_side(self, parameters: Parameters) -> Json:
        """Hedge mode, which there is not."""
        parameters.text("dualSidePosition")
        raise errors.not_offered("hedge mode") if flag(parameters, "dualSidePosition") else errors.SAME_POSITION_SIDE()

    def asset_mode(self, _parameters: Parameters) -> Json:
        """Single-asset mode, always."""
        return {"multiAssetsMargin": False}

    def set_asset_mode(self, parameters: Parameters) -> Json:
        """Multi-assets mode, which there is not."""
        parameters.text("multiAssetsMargin")
        is_wanted = flag(parameters, "multiAssetsMargin")
        raise errors.not_offered("multi-assets mode") if is_wanted else errors.SAME_ASSET_MODE()

    def order_limits(self, parameters: Parameters) -> list[Row]:
        """Limits on orders, and what the account has used up."""
        return self._site.limits.used_orders(parameters.account)

    def income(self, parameters: Parameters) -> list[Json]:
        """What moved the wallet, oldest first: the newest rows, or those from `startTime` on."""
        symbol = self._wire(parameters).instrument.symbol if parameters.has("symbol") else ""
        kind = parameters.text("incomeType") if parameters.has("incomeType") else ""
        if kind and kind not in INCOME_TYPES:
            raise errors.invalid("incomeType")
        since_ms, until_ms = parameters.integer("startTime", 0), parameters.integer("endTime", LATEST_MS)
        limit, trades = parameters.limit(100, 1_000), reversed(self._site.exchange.ledger.trades)
        income = self._site.incomes[parameters.account]
        rows = income.rows(trades, since_ms * NS_PER_MS, (until_ms + 1) * NS_PER_MS)
        wanted = (row for row in rows if (not symbol or row.symbol == symbol) and (not kind or row.kind == kind))
        found = list(wanted)[-limit:] if since_ms else list(islice(wanted, limit))
        return [income.show(row) for row in found[::-1]]

    def make_listen_key(self, parameters: Parameters) -> Json:
        """The name of the private stream, for another hour."""
        return {"listenKey": self._site.keys.make(parameters.account, self._site.now_ms())}

    def keep_listen_key(self, parameters: Parameters) -> Json:
        """Another hour for the private stream."""
        key = self._site.keys.keep(parameters.account, self._site.now_ms())
        if key is None:
            raise errors.NO_LISTEN_KEY()
        return {"listenKey": key}

    def drop_listen_key(self, parameters: Parameters) -> Json:
        """End the private stream."""
        key = self._site.keys.drop(parameters.account)
        if key is not None:
            self._site.end_stream(key)
        return {}

    def _account(self, account: str, symbols: Iterable[str]) -> Json:
        assets = [self._positions.asset(account, asset) for asset in self._positions.assets]
        totals = {name: assets[0][of] for name, of in TOTALS.items()} if assets else {}
        moment = self._time_ms()
        return self._permissions(account) | totals | {
            "updateTime": moment,
            "assets": [asset | {"updateTime": moment} for asset in assets],
            "positions": [self._positions.row(account, symbol) for symbol in symbols],
        }  # fmt: skip

    def _permissions(self, account: str) -> Json:
        return {
            "feeTier": self._site.exchange.fee_standing(account).tier,
            "canTrade": True,
            "canDeposit": False,
            "canWithdraw": False,
            "dualSidePosition": False,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
        }

    def _symbol_config(self, account: str, wire: ContractWire) -> Json:
        symbol = wire.instrument.symbol
        leverage = self._positions.leverage(account, symbol)
        position = self._site.exchange.margin.position(account, symbol)
        return {
            "symbol": wire.name,
            "marginType": "CROSSED" if position.isolated is None else "ISOLATED",
            "isAutoAddMargin": False,
            "leverage": leverage,
            "maxNotionalValue": self._positions.notional_max(symbol, leverage),
        }

    def _execute(self, command: Command) -> RejectReason | None:
        for event in self._site.venue.execute(command):
            if isinstance(event, CommandRefused) and event.command == type(command).__name__:
                return event.reason
        return None

    def _wire(self, parameters: Parameters) -> ContractWire:
        return self._site.market(parameters.symbol())

    def _some(self, parameters: Parameters) -> Iterable[ContractWire]:
        return [self._wire(parameters)] if parameters.has("symbol") else self._site.wires.values()

    def _time_ms(self) -> int:
        return self._site.exchange.time_ns // NS_PER_MS


def amount_units(parameters: Parameters) -> int:
    """A positive amount of money in units."""
    text: Any = parameters.text("amount")
    try:
        units = units_from_text(text)
    except (ValueError, ArithmeticError):
        raise refusals.mandatory("amount") from None
    if not units:
        raise errors.AMOUNT_NOT_POSITIVE()
    if units > WHOLE_MAX:
        raise errors.invalid("amount")
    return units
