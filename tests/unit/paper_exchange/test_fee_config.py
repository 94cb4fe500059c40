"""Fees in the paper venue's configuration."""

from decimal import Decimal

import msgspec
import pytest

from common.exchange.fees.schedule import FeeSchedule
from services.paper_exchange.config import PaperExchangeConfig

TIERS = """
[balances]

[[fee_tiers]]
volume_min = "0"
maker_fee_bps = "2"
taker_fee_bps = "5"

[[fee_tiers]]
volume_min = "1000000"
maker_fee_bps = "1"
taker_fee_bps = "4.5"

[[fee_tiers]]
volume_min = "10000000"
maker_fee_bps = "0"
taker_fee_bps = "4"

[[fee_tiers]]
volume_min = "100000000"
maker_fee_bps = "-1"
taker_fee_bps = "3"

[[maker_rebates]]
share_above_percent = "0.5"
rebate_bps = "-0.5"

[[maker_rebates]]
share_above_percent = "1.5"
rebate_bps = "-1"

[[maker_rebates]]
share_above_percent = "3"
rebate_bps = "-1.5"
"""


def read(text):
    return msgspec.toml.decode(text, type=PaperExchangeConfig, strict=False)


def test_flat_fees_are_the_default():
    assert read("[balances]\n").fee_schedule() == FeeSchedule.flat(0, 5)
    assert read('maker_fee_bps = "-1"\n[balances]\n').fee_schedule() == FeeSchedule.flat(-1, 5)


def test_tiers_and_rebates_hold_instead():
    assert read(TIERS).fee_schedule() == FeeSchedule()


def test_rebates_go_with_flat_fees_too():
    text = '[balances]\n[[maker_rebates]]\nshare_above_percent = "1"\nrebate_bps = "-2"\n'
    schedule = read(text).fee_schedule()
    assert schedule.tiers == FeeSchedule.flat(0, 5).tiers
    assert schedule.rates(0, schedule.rebate_rate(2, 100)) == (-200_000, 500_000)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('taker_fee_bps = "3"', 'taker_fee_bps = "2.4"', "pay for trades"),
        ('volume_min = "1000000"', 'volume_min = "0"', "rising volumes"),
        ('share_above_percent = "3"', 'share_above_percent = "1.5"', "rising shares"),
        ('rebate_bps = "-1.5"', 'rebate_bps = "1.5"', "below 0"),
        ('volume_min = "10000000"', 'volume_min = "0.000000001"', "steps of 1e-8"),
        ('maker_fee_bps = "1"', 'maker_fee_bps = "1"\nextra = 1', "unknown field"),
    ],
)
def test_an_unsound_schedule_does_not_start(old, new, message):
    assert old in TIERS
    with pytest.raises(msgspec.ValidationError, match=message):
        read(TIERS.replace(old, new, 1))


def test_numbers_are_texts():
    assert read(TIERS).fee_tiers[1].taker_fee_bps == Decimal("4.5")
