"""A number that must be broken is a sign that a noun is missing."""

from pathlib import Path

import pytest

from tests.house.source import PROJECT, functions, modules

MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
MAIN_LINES_MAX = 20
PRODUCT = [*modules("common"), *modules("services")]


@pytest.mark.parametrize("module", PRODUCT, ids=str)
def test_sizes(module: Path) -> None:
    lines = len((PROJECT / module).read_text().splitlines())
    assert lines <= (MAIN_LINES_MAX if module.name == "__main__.py" else MODULE_LINES_MAX), f"{module}: {lines} lines"
    for function in functions(module):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        assert length <= FUNCTION_LINES_MAX, f"{module}:{function.lineno} {function.name}: {length} lines"
