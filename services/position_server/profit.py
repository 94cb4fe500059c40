"""The run's profit by source, and its statistics, as one message. Pure."""

import math

from common.accounting.attribution import LpProfit, LpWealth, attribute_lp
from common.messages import LpInventoryChanged, ProfitReported
from services.position_server.ledger import Ledger, Market

_NO_LP = LpProfit(fees=0.0, inventory=0.0, against_hold=0.0, gas=0.0)


def wealth_of(lp: LpInventoryChanged) -> LpWealth:
    """All that the LP owns (ranges, owed fees and idle wallet), and all that it ever earned and spent."""
    return LpWealth(
        base=lp.base_total,
        quote=lp.quote_total,
        fees_base=lp.fees_base + lp.fees_collected_base,
        fees_quote=lp.fees_quote + lp.fees_collected_quote,
        gas_native=lp.gas_spent_native,
    )


def report_profit(
    ledger: Ledger, lp: LpInventoryChanged | None, hedge: Market, base: str, now_ns: int
) -> ProfitReported:
    """Profit since the run began.

    The LP's tokens are valued at the hedge market's middle and not at the pool's price: one asset, one price, so a
    perfectly hedged move of the market shows no profit.
    """
    run, price = ledger.run, ledger.markets[hedge].profit.mark
    markets = [
        market for key, market in ledger.markets.items() if ledger.instruments[key].base == base
    ]  # fmt: skip
    lp_profit = _NO_LP
    if lp is not None and run.lp is not None and not math.isnan(price):
        lp_profit = attribute_lp(run.lp.wealth, run.lp.price, wealth_of(lp), price, price)
    trading = sum(market.profit.trading for market in markets)
    inventory = sum(market.profit.inventory for market in markets)
    fees = float(sum(market.position.fees - market.fees_start for market in markets))
    return ProfitReported(
        base=base,
        run_id=run.run_id,
        run_seconds=(now_ns - run.started_ns) / 1e9,
        lp_fees=lp_profit.fees,
        lp_inventory=lp_profit.inventory,
        lp_against_hold=lp_profit.against_hold,
        hedge_trading=trading,
        hedge_inventory=inventory,
        cefi_fees=fees,
        gas=lp_profit.gas,
        total=lp_profit.fees + lp_profit.inventory + trading + inventory - fees - lp_profit.gas,
        samples=run.net_delta.samples,
        net_delta_mean=run.net_delta.mean,
        net_delta_std=run.net_delta.std,
        unhedged_delta_std=run.unhedged_delta.std,
        max_abs_net_delta=run.net_delta.abs_max,
        hedge_turnover=float(sum(market.position.turnover - market.turnover_start for market in markets)),
    )
