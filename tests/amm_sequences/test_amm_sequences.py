"""The files from the real bytecode agree, the runner sees one wei, and bad files are told apart."""

from pathlib import Path

import msgspec
import pytest

from tests.amm_sequences.__main__ import FAILED, UNREADABLE, main
from tests.amm_sequences.play import count_values, play
from tests.amm_sequences.script import WATCHED, Burn, Collect, Mint, Swap, parse, read, write

FILES = sorted(Path(__file__).with_name("data").glob("*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_the_real_contracts_did(file: Path) -> None:
    script = read(file)
    assert [failure for pool in script.pools for failure in play(pool)] == []
    ops = [op for pool in script.pools for op in pool.ops]
    assert {type(op) for op in ops} == {Mint, Burn, Collect, Swap}
    swaps = [op for op in ops if isinstance(op, Swap)]
    assert {(op.zeroForOne, op.amountSpecified > 0) for op in swaps} == {(a, b) for a in (0, 1) for b in (0, 1)}
    assert any(op.sqrtPriceLimitX96 for op in swaps)
    assert any(
        isinstance(op, Swap) and op.after.liquidity != before.after.liquidity
        for pool in script.pools
        for before, op in zip(pool.ops, pool.ops[1:], strict=False)
    ), "no swap crosses an initialized tick"


def test_files_of_all_fee_tiers_are_there() -> None:
    assert [read(file).pools[0].fee for file in FILES] == [100, 10_000, 3_000, 500]
    assert sum(count_values(pool) for file in FILES for pool in read(file).pools) > 5_000


def test_the_runner_prints_what_it_played(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(FILES[0])]) == 0
    assert "all agree" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["amount0", "amount1", *WATCHED])
def test_one_unit_more_is_seen(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = read(FILES[0])
    op = script.pools[0].ops[-1]
    changed = op.after if name in WATCHED else op
    setattr(changed, name, getattr(changed, name) + 1)
    file = tmp_path / "changed.json"
    file.write_bytes(write(script))
    assert main([str(file)]) == FAILED
    assert f"{name}: expected {getattr(changed, name)}" in capsys.readouterr().out


def test_a_file_survives_being_read_and_written() -> None:
    for file in FILES:
        assert write(read(file)) == file.read_bytes()


def test_integers_may_be_plain_and_after_may_be_missing_or_partial() -> None:
    text = (
        b'{"pools":[{"fee":500,"tickSpacing":"10","initialSqrtPriceX96":"79228162514264337593543950336","ops":['
        b'{"op":"mint","id":1,"tickLower":-10,"tickUpper":"10","amount0Desired":"1000000","amount1Desired":1000000,'
        b'"liquidity":"2000600039","amount0":"1000000","amount1":"1000000","after":{"tick":0}},'
        b'{"op":"collect","id":"1","amount0":"0","amount1":"0"}]}]}'
    )
    script = parse(text)
    assert [failure for pool in script.pools for failure in play(pool)] == []
    assert count_values(script.pools[0]) == 6


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        '{"pools":[{"fee":"x"}]}',
        '{"pools":[{"fee":1,"tickSpacing":1,"initialSqrtPriceX96":1,"ops":[{"op":"fly"}]}]}',
    ],
)
def test_a_bad_file_is_named(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    assert main([str(file)]) == UNREADABLE
    assert str(file) in capsys.readouterr().err


def test_an_operation_that_is_refused_fails_the_file() -> None:
    script = read(FILES[0])
    swap = next(op for op in script.pools[0].ops if isinstance(op, Swap))
    bad = msgspec.structs.replace(swap, amountSpecified=0)
    failures = list(play(msgspec.structs.replace(script.pools[0], ops=[bad])))
    assert len(failures) == 1 and "refused" in failures[0]
