"""The product's own source, read once for all house tests."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PURE_ROOMS = ("model", "messages", "pricing", "amm", "exchange", "accounting", "risk", "strategy")


@cache
def modules(folder: str) -> tuple[Path, ...]:
    """Python files under a top-level folder, relative to the project."""
    found = sorted(path.relative_to(PROJECT) for path in (PROJECT / folder).rglob("*.py"))
    assert found, f"no modules in {folder}: the house tests look in the wrong place"
    return tuple(found)


@cache
def tree(module: Path) -> ast.Module:
    """Its syntax tree."""
    return ast.parse((PROJECT / module).read_text(), filename=str(module))


def imports(module: Path) -> Iterator[str]:
    """Full names of everything that a module imports, inside functions too; `from a import b` gives `a.b`."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
