"""docs/faults.md: all seventeen faults are there, and each test that it names exists."""

import ast
import re

from tests.house.source import PROJECT

PAGE = PROJECT / "docs" / "faults.md"
FAULTS = range(1, 18)
NAMED = re.compile(r"\]\((\.\./tests/[\w/]+\.py)\)::(test_\w+)")
ROW = re.compile(r"^\| (\d+) \|(.*)\|$", re.MULTILINE)
COLUMNS = 5


def test_each_fault_has_a_row_and_each_row_a_test() -> None:
    rows = [(int(number), rest.split(" | ")) for number, rest in ROW.findall(PAGE.read_text())]
    assert {number for number, _ in rows} == set(FAULTS)
    for number, cells in rows:
        assert len(cells) == COLUMNS and all(cell.strip() for cell in cells), f"fault {number}: {cells}"
        assert NAMED.search(cells[-1]), f"fault {number} names no test: {cells[-1]}"


def test_named_tests_exist() -> None:
    named = NAMED.findall(PAGE.read_text())
    assert len(named) > len(FAULTS)
    for path, name in named:
        module = (PAGE.parent / path).resolve()
        assert module.is_file(), f"{path} does not exist"
        functions = {each.name for each in ast.parse(module.read_text()).body if isinstance(each, ast.FunctionDef)}
        assert name in functions, f"{path} has no {name}"
