"""The kill latch: durable, first words win, and honoured whoever made the file."""

from pathlib import Path

from common.storage import Latch


def test_engage_survives_a_new_process_and_rearm_releases(tmp_path: Path) -> None:
    latch = Latch(tmp_path / "KILL")
    assert not latch.engaged and not latch.state().engaged
    latch.engage("fat finger", "ann", 5)
    again = Latch(tmp_path / "KILL")
    assert again.engaged
    assert (again.state().reason, again.state().operator, again.state().engaged_ns) == ("fat finger", "ann", 5)
    again.rearm()
    assert not latch.engaged and not latch.state().engaged


def test_the_first_reason_is_kept(tmp_path: Path) -> None:
    latch = Latch(tmp_path / "KILL")
    latch.engage("first", "ann", 1)
    assert latch.engage("second", "bob", 2).reason == "first"


def test_a_touched_or_garbled_file_counts_as_engaged(tmp_path: Path) -> None:
    for content in (b"", b"\xff\x00 rubbish"):
        (tmp_path / "KILL").write_bytes(content)
        state = Latch(tmp_path / "KILL").state()
        assert state.engaged and state.operator == "unknown"


def test_no_scratch_file_is_left(tmp_path: Path) -> None:
    Latch(tmp_path / "KILL").engage("r", "o", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["KILL"]
