"""Requests about an account: what it owns, what it traded, what it pays. Every one is signed."""

from itertools import islice

from common.exchange.events import SelfTradePrevented
from common.exchange.fills import Fill, fills_of
from common.exchange.money import units_text
from services.paper_exchange import refusals
from services.paper_exchange.commissions import account_commission, commission_rates, whole_bps
from services.paper_exchange.limits import Row
from services.paper_exchange.order_wire import fill_json, prevented_json
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.site import Site
from services.paper_exchange.wire import NS_PER_MS, Json


class AccountApi:
    """What the owner of a key may ask. Every method raises VenueError."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def account(self, parameters: Parameters) -> Json:
        """Balances and fees."""
        exchange, account = self._site.exchange, parameters.account
        standing = exchange.fee_standing(account)
        maker, taker = whole_bps(standing)
        told = {
            "makerCommission": maker,
            "takerCommission": taker,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": commission_rates(standing),
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": exchange.time_ns // NS_PER_MS,
            "accountType": "SPOT",
            "balances": self._balances(account, parameters.flag("omitZeroBalances")),
            "permissions": ["SPOT"],
            "uid": self._site.customers.index(account) + 1,
        }
        group = self._site.trade_group_id(account)
        return told if group < 0 else told | {"tradeGroupId": group}

    def my_trades(self, parameters: Parameters) -> list[Json]:
        """The account's fills in a market, oldest first: from `fromId` on, or the newest."""
        wire = self._site.market(parameters.symbol())
        first, order_id = parameters.integer("fromId", 0), parameters.integer("orderId", 0)
        limit = parameters.limit(500, 1_000)
        since_ns, until_ns = parameters.period()
        owned = parameters.account, wire.instrument.symbol

        def wanted(fill: Fill) -> bool:
            mine = (fill.account, fill.symbol) == owned
            return mine and (not order_id or fill.order_id == order_id) and since_ns <= fill.time_ns < until_ns

        newest_first = list[Fill]()
        for trade in reversed(self._site.exchange.ledger.trades):
            if trade.trade_id < first or trade.time_ns < since_ns:
                break
            for fill in filter(wanted, reversed(fills_of(trade))):
                newest_first.append(fill)
            if not (parameters.has("fromId") or since_ns) and len(newest_first) >= limit:
                break
        return [fill_json(wire, fill) for fill in newest_first[::-1][:limit]]

    def commission(self, parameters: Parameters) -> Json:
        """What a market's trades cost the account now."""
        wire = self._site.market(parameters.symbol())
        return account_commission(wire.name, self._site.exchange.fee_standing(parameters.account))

    def trade_fees(self, parameters: Parameters) -> list[Json]:
        """Maker's and taker's rate in one market, or in all."""
        rates = commission_rates(self._site.exchange.fee_standing(parameters.account))
        fees = {"makerCommission": rates["maker"], "takerCommission": rates["taker"]}
        return [{"symbol": wire.name} | fees for wire in self._site.asked(parameters)]

    def order_limits(self, parameters: Parameters) -> list[Row]:
        """How many new orders the account has used up."""
        return self._site.limits.used_orders(parameters.account)

    def prevented_matches(self, parameters: Parameters) -> list[Json]:
        """Trades of the account with its own owner that were prevented, by their id or by an order."""
        wire, account = self._site.market(parameters.symbol()), parameters.account
        by_id, by_order = parameters.has("preventedMatchId"), parameters.has("orderId")
        if by_id is by_order:
            raise refusals.bad_combination()
        match_id, order_id = parameters.integer("preventedMatchId", 0), parameters.integer("orderId", 0)
        first, group = parameters.integer("fromPreventedMatchId", 0), self._site.trade_group_id(account)

        def wanted(match: SelfTradePrevented) -> bool:
            mine = account in (match.taker_account, match.maker_account) and match.symbol == wire.instrument.symbol
            if by_id:
                return mine and match.match_id == match_id
            return mine and order_id in (match.taker_order_id, match.maker_order_id) and match.match_id >= first

        found = filter(wanted, self._site.exchange.ledger.prevented)
        return [prevented_json(wire, each, group) for each in islice(found, parameters.limit(500, 1_000))]

    def _balances(self, account: str, omits_zero: bool) -> list[Json]:
        held = sorted(self._site.exchange.ledger.accounts.balances(account).items())
        return [
            {"asset": asset, "free": units_text(each.free), "locked": units_text(each.locked)}
            for asset, each in held
            if each.total or not omits_zero
        ]
