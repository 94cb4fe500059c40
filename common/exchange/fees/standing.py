"""Where one account stands in the schedule on a day, and why."""

import msgspec

from common.exchange.fees.schedule import FeeSchedule
from common.exchange.fees.volumes import Volumes
from common.exchange.money import RATE_SCALE


class FeeStanding(msgspec.Struct, frozen=True, kw_only=True):
    """What an account pays on a UTC day and why. Volumes in units of the quote, rates and shares at 1e-9.

    maker_units, taker_units    traded on the 30 days with today, which make the tier
    share_rate                  of the venue's maker volume on the 30 full days before, which makes the rebate
    maker_rate, taker_rate      of the next trade; a negative maker rate is paid to the account
    """

    account: str
    day: int
    tier: int
    maker_units: int
    taker_units: int
    share_rate: int
    rebate_rate: int
    maker_rate: int
    taker_rate: int


def standing(schedule: FeeSchedule, volumes: Volumes, account: str, day: int) -> FeeStanding:
    """Where an account stands on a day, if nobody trades until then. Changes nothing."""
    volume, (mine, all_makers) = volumes.window(account, day), volumes.maker_share(account, day)
    tier = schedule.tier(volume.maker_units + volume.taker_units)
    rebate = schedule.rebate_rate(mine, all_makers)
    maker_rate, taker_rate = schedule.rates(tier, rebate)
    return FeeStanding(
        account=account,
        day=day,
        tier=tier,
        maker_units=volume.maker_units,
        taker_units=volume.taker_units,
        share_rate=mine * RATE_SCALE // all_makers if all_makers else 0,
        rebate_rate=rebate,
        maker_rate=maker_rate,
        taker_rate=taker_rate,
    )
