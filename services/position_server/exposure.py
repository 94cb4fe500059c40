"""Net exposure and hedge target: the LP's residual and the venues' positions in one number. Pure."""

import msgspec

from common.messages import LpInventoryChanged, NetExposureChanged
from common.model.instrument import Instrument


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """What the number is made of, and how far each part can be trusted.

    `positions` holds (instrument, lots) of every market of the base; `hedge` is the one whose lots the target is in.
    """

    base: str
    hedge: Instrument
    positions: list[tuple[Instrument, int]]
    lp: LpInventoryChanged | None
    lp_silence_s: float
    fills_synced: bool
    oms_silence_s: float
    book_seen: bool
    trigger_received_ns: int


def net_exposure(
    sources: Sources, *, beta: float, lp_age_ms_max: float, silence_s_max: float, now_ns: int
) -> NetExposureChanged:  # fmt: skip
    """The exposure as far as it is known; `complete` is false, with every reason, when a source is missing or stale.

    The target in lots is what remains for the hedge market after what other markets hold.
    """
    lp = sources.lp
    lp_age_ms = (now_ns - lp.received_ns) / 1e6 if lp else 0.0
    reasons = _reasons(sources, lp_age_ms, lp_age_ms_max, silence_s_max)
    lp_delta = lp.residual if lp else 0.0
    cefi_delta = sum(instrument.quantity(lots) for instrument, lots in sources.positions)
    elsewhere = sum(instrument.quantity(lots) for instrument, lots in sources.positions if instrument != sources.hedge)
    hedge_lots = sum(lots for instrument, lots in sources.positions if instrument == sources.hedge)
    target = -beta * lp_delta
    return NetExposureChanged(
        base=sources.base,
        lp_delta=lp_delta,
        lp_gamma=lp.gamma if lp else 0.0,
        cefi_delta=cefi_delta,
        hedge_target=target,
        net_delta=lp_delta + cefi_delta,
        cefi_position_lots=hedge_lots,
        cefi_target_lots=round((target - elsewhere) / float(sources.hedge.lot_size)),
        lp_age_ms=lp_age_ms,
        complete=not reasons,
        reason=",".join(reasons),
        trigger_received_ns=sources.trigger_received_ns,
    )


def _reasons(sources: Sources, lp_age_ms: float, lp_age_ms_max: float, silence_s_max: float) -> list[str]:
    reasons = []
    if sources.lp is None:
        reasons.append("lp_missing")
    elif sources.lp_silence_s > silence_s_max:
        reasons.append("lp_silent")
    elif lp_age_ms > lp_age_ms_max:
        reasons.append("lp_stale")
    if sources.oms_silence_s > silence_s_max:
        reasons.append("oms_silent")
    elif not sources.fills_synced:
        reasons.append("fills_unsynced")
    if not sources.book_seen:
        reasons.append("book_missing")
    return reasons
