"""The paper chain's pure parts: exact prices, the arbitrageur's band, the noise trader, the middle, the state file."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import mean, median

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.amm.pair import Pair
from common.messages import BookImage, FeedStatusChanged
from common.model.errors import ConfigInvalid
from common.model.instrument import Instrument
from common.runtime.config import load_config
from common.runtime.fleet import load_fleet
from services.paper_chain.actor import Actor
from services.paper_chain.arbitrage import decide_correction, gap_bps
from services.paper_chain.config import LiquidityConfig, NoiseConfig, PaperChainConfig
from services.paper_chain.deployment import DEPLOYER, check_addresses, plan_deployment
from services.paper_chain.genesis import plan_range
from services.paper_chain.middle import SECOND_NS, Middle
from services.paper_chain.noise import NoiseTrader
from services.paper_chain.prices import price_of, sqrt_price_of
from services.paper_chain.state_file import BACKUP, CORRUPT, STATE, StateFile
from tests.conftest import PROJECT

PAIRS = [
    Pair(base_is_token0=order, base_decimals=18, quote_decimals=6, tick_spacing=10, fee_ppm=500)
    for order in (False, True)
]
prices = st.fractions(min_value=Fraction(1, 100), max_value=Fraction(10**6), max_denominator=10**6)
both = pytest.mark.parametrize("pair", PAIRS)


@both
@given(prices)
def test_prices_survive_the_square_root(pair: Pair, price: Fraction) -> None:
    root = sqrt_price_of(pair, price)
    assert abs(price_of(pair, root) / price - 1) < Fraction(1, 10**12)
    assert abs(pair.price_at(root) / float(price) - 1) < 1e-9


@both
@given(prices, st.integers(-300, 300), st.sampled_from([0.0, 0.5, 3.0]))
def test_a_correction_is_made_outside_the_band_only_and_ends_on_its_edge(
    pair: Pair, middle: Fraction, away_tenths: int, margin_bps: float
) -> None:
    root = sqrt_price_of(pair, middle * (1 + Fraction(away_tenths, 100_000)))
    keeps = Fraction(999_500, 1_000_000)
    correction = decide_correction(pair, root, middle, margin_bps)
    price, margin = price_of(pair, root), Fraction(margin_bps) / 10_000
    if correction is None:
        # A root is an integer, so a price on the very edge may lie a rounding outside of it.
        slack = (1 + margin) * (1 + Fraction(1, 10**12))
        assert middle * keeps <= price * slack and price <= middle / keeps * slack
        return
    edge = middle / keeps if correction.sells_base else middle * keeps
    assert abs(price_of(pair, correction.sqrt_price_limit_x96) / edge - 1) < Fraction(1, 10**12)
    assert (price > edge) == correction.sells_base
    # Selling token0 lowers the root, selling token1 raises it.
    falls = correction.sells_base == pair.base_is_token0
    assert (correction.sqrt_price_limit_x96 < root) == falls


@both
def test_after_a_correction_there_is_nothing_left_to_correct(pair: Pair) -> None:
    middle = Fraction(250_005, 100)
    for start in (Fraction(2400), Fraction(2600)):
        correction = decide_correction(pair, sqrt_price_of(pair, start), middle, 0.5)
        assert correction is not None
        assert decide_correction(pair, correction.sqrt_price_limit_x96, middle, 0.5) is None
        assert abs(abs(gap_bps(pair, correction.sqrt_price_limit_x96, middle)) - 5) < 0.01


@both
def test_a_range_is_as_deep_as_configured(pair: Pair) -> None:
    root = sqrt_price_of(pair, Fraction(2500))
    planned = plan_range(pair, root, LiquidityConfig(price_factor=1.25, quote_per_percent=1_000_000))
    base, quote = pair.unorder(planned.amount0, planned.amount1)
    low, high = pair.price_bounds(planned.tick_lower, planned.tick_upper)
    assert low == pytest.approx(2000, rel=1e-3) and high == pytest.approx(3125, rel=1e-3)
    whole = 1_000_000 / (1.01**0.5 - 1) / 2500**0.5
    assert pair.whole_quote(quote) == pytest.approx(whole * (2500**0.5 - low**0.5), rel=1e-6)
    assert pair.whole_base(base) == pytest.approx(whole * (2500**-0.5 - high**-0.5), rel=1e-6)


def test_noise_arrives_as_configured_and_is_the_same_for_the_same_seed() -> None:
    def play() -> list[float]:
        trader, moments = NoiseTrader(NoiseConfig(swaps_per_minute=60), Random("7/1"), 0.0), list[float]()
        for step in range(200_000):
            if trader.arrives(step * 0.01):
                moments.append(step * 0.01)
        return moments

    moments = play()
    assert moments == play()
    pauses = [after - before for before, after in pairwise(moments)]
    assert 0.95 < mean(pauses) < 1.05 and 0.6 < median(pauses) < 0.8  # exponential: median is ln 2 of the mean


def test_noise_sizes_are_bounded_and_lean_back() -> None:
    trader = NoiseTrader(NoiseConfig(quote_median=8_000, quote_max=50_000), Random(1), 0.0)
    even = [trader.choose(1e6, 1e6) for _ in range(4_000)]
    assert 7_300 < median(each.quote_amount for each in even) < 8_700
    assert max(each.quote_amount for each in even) == 50_000
    assert 0.46 < mean(each.sells_base for each in even) < 0.54
    long = [trader.choose(1.8e6, 0.2e6) for _ in range(1_000)]
    assert 0.87 < mean(each.sells_base for each in long) < 0.93
    assert all(trader.choose(0.0, 1e6).sells_base is False for _ in range(50))
    assert trader.choose(100.0, 0.0).quote_amount <= 100


def test_a_missed_arrival_does_not_pile_up() -> None:
    trader = NoiseTrader(NoiseConfig(swaps_per_minute=60), Random(1), 0.0)
    assert trader.arrives(10_000.0) and not trader.arrives(10_000.0)


def image(bid: int, ask: int) -> BookImage:
    return BookImage(
        venue="binance", symbol="ETH-USDT", update_id=1, event_time_ns=1, received_ns=1,
        bids=[(bid, 1)] if bid else [], asks=[(ask, 1)],
    )  # fmt: skip


def report(state: str) -> FeedStatusChanged:
    return FeedStatusChanged(
        venue="binance", symbol="ETH-USDT", state=state, reason="", clock_offset_ns=0, gaps=0, resyncs=0,
        event_time_ns=1, received_ns=1,
    )  # fmt: skip


def test_the_middle_is_exact_and_believed_while_its_feed_lives() -> None:
    instrument = Instrument(
        venue="binance", symbol="ETH-USDT", venue_symbol="ETHUSDT", base="ETH", quote="USDT",
        tick_size=Decimal("0.01"), lot_size=Decimal("0.0001"),
    )  # fmt: skip
    middle = Middle(instrument, 2.0)
    assert middle.price(0) is None
    middle.on_book(image(250_000, 250_001), SECOND_NS)
    assert middle.price(SECOND_NS) == Fraction(5_000_01, 200)
    assert middle.price(3 * SECOND_NS) and middle.price(3 * SECOND_NS + 1) is None
    middle.on_feed(report("live"), 4 * SECOND_NS)  # quiet market: nothing new, but the feed is well
    assert middle.price(6 * SECOND_NS)
    middle.on_feed(report("stale"), 5 * SECOND_NS)
    assert middle.price(5 * SECOND_NS) is None
    middle.on_feed(report("live"), 6 * SECOND_NS)
    middle.on_book(image(0, 250_001), 6 * SECOND_NS)
    assert middle.price(6 * SECOND_NS) is None


def dump(blocks: int) -> bytes:
    return msgspec.json.encode(
        {
            "block": {"number": hex(blocks)}, "accounts": {"0x1": {"nonce": 2**70}}, "best_block_number": blocks,
            "blocks": [{"header": {"number": hex(n)}, "x": n} for n in range(blocks + 1)],
            "transactions": [{"block_number": n, "hash": n} for n in range(blocks + 1)],
        },
        enc_hook=int,
    )  # fmt: skip


def test_a_state_file_is_trimmed_and_backed_up(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    assert state.prepare(10) == "fresh" and not state.back_up()
    (tmp_path / STATE).write_bytes(dump(100))
    assert state.prepare(10) == "loaded"
    kept = msgspec.json.decode((tmp_path / STATE).read_bytes())
    assert [block["x"] for block in kept["blocks"]] == list(range(91, 101))
    assert [each["hash"] for each in kept["transactions"]] == list(range(91, 101))
    assert kept["best_block_number"] == 100 and kept["accounts"] == {"0x1": {"nonce": 2**70}}
    assert (tmp_path / BACKUP).read_bytes() == (tmp_path / STATE).read_bytes()
    assert state.prepare(10) == "loaded" and state.back_up()


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_spoiled_state_file_is_kept_aside_and_the_backup_taken(tmp_path: Path, cut: int) -> None:
    state, whole = StateFile(tmp_path), dump(5)
    (tmp_path / STATE).write_bytes(whole)
    state.prepare(10)
    (tmp_path / STATE).write_bytes(whole[:cut])
    assert not state.back_up(), "a spoiled file must never replace a good backup"
    assert state.prepare(10) == "restored"
    assert (tmp_path / CORRUPT).read_bytes() == whole[:cut]
    assert len(msgspec.json.decode((tmp_path / STATE).read_bytes())["blocks"]) == 6
    (tmp_path / STATE).write_bytes(b"{")
    (tmp_path / BACKUP).unlink()
    assert state.prepare(10) == "lost"


def test_the_fleets_addresses_are_those_of_the_deployment() -> None:
    fleet = load_fleet(PROJECT / "configs/paper")
    deployer = Actor(None, DEPLOYER, fleet.chain.chain_id).address  # type: ignore[arg-type]
    planned = plan_deployment(deployer, fleet.chain.fee_ppm).contracts
    check_addresses(planned, fleet.chain.contracts, "fleet.toml")
    assert int(planned.quote_token, 16) < int(planned.base_token, 16), "USDC is token0, as on mainnet"
    wrong = msgspec.structs.replace(fleet.chain.contracts, quoter=planned.router)
    with pytest.raises(ConfigInvalid, match=r"chain\.contracts\.quoter"):
        check_addresses(planned, wrong, "fleet.toml")


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("price_factor = 4.0", "price_factor = 1.0", "price_factor"),
        ("quote_median = 8_000.0", "quote_median = -1.0", "quote_median"),
        ("quote_median = 8_000.0", "quote_median = nan", "quote_median"),
        ("lean = 1.0", "lean = 9.0", "lean"),
        ("margin_bps = 0.5", "margin_bps = -0.5", "margin_bps"),
        ("blocks_kept = 1000 ", "blocks_kept = 9000 ", "blocks_kept"),
        ("native = 10.0", "natives = 10.0", "natives"),
    ],
)
def test_bad_settings_are_refused_by_name(tmp_path: Path, old: str, new: str, where: str) -> None:
    text = (PROJECT / "configs/paper/paper_chain.toml").read_text()
    assert old in text
    path = tmp_path / "paper_chain.toml"
    path.write_text(text)
    load_config(path, PaperChainConfig)
    path.write_text(text.replace(old, new))
    with pytest.raises(ConfigInvalid, match=where):
        load_config(path, PaperChainConfig)
