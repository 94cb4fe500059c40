"""What a custom strategy's account may order."""

from common.exchange.admission import is_whole
from common.exchange.core import Core, Limit, OpenLots
from common.exchange.events import RejectReason
from common.exchange.record import OrderRecord
from common.exchange.strategies.terms import CustomTerms


def limits_fit(terms: CustomTerms, symbols: dict[str, object]) -> bool:
    """True when limits are whole numbers about markets that there are."""
    known = all(symbol in symbols for symbol in (*terms.symbols, *terms.position_lots_max))
    whole = all(is_whole(lots, 0) for lots in terms.position_lots_max.values())
    return known and whole and is_whole(terms.order_lots_max, 0)


def limit_of(core: Core, terms: CustomTerms) -> Limit:
    """The check of one account's orders. One that makes no position larger, whatever fills, always may."""

    def refusal(order: OrderRecord, lots: int, open_lots: OpenLots) -> RejectReason | None:
        symbol, sign = order.symbol, order.side.sign
        held, (bids, asks) = core.position(order.account, symbol), open_lots(symbol)
        before = max(abs(held + bids), abs(held - asks))
        after = abs(held + bids + lots) if sign > 0 else abs(held - asks - lots)
        if after <= before:
            return None
        too_far = after > terms.position_lots_max.get(symbol, after)
        too_large = 0 < terms.order_lots_max < lots
        elsewhere = terms.symbols and symbol not in terms.symbols
        return RejectReason.OUTSIDE_STRATEGY if too_far or too_large or elsewhere else None

    return refusal
