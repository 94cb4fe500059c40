"""The run's profit by source, and its statistics, as one message. Pure."""

from common.accounting.lp_performance import LpWealth, profit_of
from common.messages import LpInventoryChanged, ProfitReported
from services.position_server.ledger import Ledger


def wealth_of(lp: LpInventoryChanged) -> LpWealth:
    """All that the LP owns (ranges, owed fees and idle wallet), and all that it ever earned and spent."""
    return LpWealth(
        base=lp.base_total,
        quote=lp.quote_total,
        fees_base=lp.fees_base + lp.fees_collected_base,
        fees_quote=lp.fees_quote + lp.fees_collected_quote,
        gas_native=lp.gas_spent_native,
        deposited_base=lp.deposited_base,
        deposited_quote=lp.deposited_quote,
        swapped_base=lp.swapped_base,
        swapped_quote=lp.swapped_quote,
    )


def report_profit(ledger: Ledger, base: str, now_ns: int) -> ProfitReported:
    """Profit since the run began.

    The LP's tokens are valued at the hedge market's middle and not at the pool's price: one asset, one price, so a
    perfectly hedged move of the market shows no profit.
    """
    run = ledger.run
    markets = [
        market for key, market in ledger.markets.items() if ledger.instruments[key].base == base
    ]  # fmt: skip
    lp = profit_of(run.account) if run.account else None
    lp_fees, lp_inventory, gas = (lp.fees, lp.inventory, lp.gas) if lp else (0.0, 0.0, 0.0)
    trading = sum(market.profit.trading for market in markets)
    inventory = sum(market.profit.inventory for market in markets)
    fees = float(sum(market.position.fees - market.fees_start for market in markets))
    return ProfitReported(
        base=base,
        run_id=run.run_id,
        run_seconds=(now_ns - run.started_ns) / 1e9,
        lp_fees=lp_fees,
        lp_inventory=lp_inventory,
        lp_against_hold=lp.impermanent if lp else 0.0,
        hedge_trading=trading,
        hedge_inventory=inventory,
        cefi_fees=fees,
        gas=gas,
        total=lp_fees + lp_inventory + trading + inventory - fees - gas,
        samples=run.net_delta.samples,
        net_delta_mean=run.net_delta.mean,
        net_delta_std=run.net_delta.std,
        unhedged_delta_std=run.unhedged_delta.std,
        max_abs_net_delta=run.net_delta.abs_max,
        hedge_turnover=float(sum(market.position.turnover - market.turnover_start for market in markets)),
    )
