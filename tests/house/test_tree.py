"""What the tree may not contain, and what its public names owe their readers."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.house.source import PROJECT, modules, tree

# Split so that this file does not find itself.
FORBIDDEN = [
    "/" + "work/", "/" + "root/", "/" + "home/", "/" + "opt/pypi", "/" + "opt/wheels", "." + "library",
    "pypi" + ".org", "pythonhosted" + ".org", "registry." + "npmjs", "file:" + "///",
]  # fmt: skip
BYTES_MAX = 600_000


@cache
def _tracked() -> tuple[Path, ...]:
    """Files that a commit would hold."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=PROJECT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return tuple(path for name in done.stdout.split("\0") if name and (path := PROJECT / name).is_file())


def test_no_machine_is_named() -> None:
    pattern = re.compile("|".join(re.escape(each) for each in FORBIDDEN))
    found = [
        f"{path.relative_to(PROJECT)}: {match.group()}"
        for path in _tracked()
        if (match := pattern.search(path.read_bytes().decode(errors="replace")))
    ]
    assert not found, "\n".join(found)


def test_no_file_is_large() -> None:
    large = [str(path.relative_to(PROJECT)) for path in _tracked() if path.stat().st_size > BYTES_MAX]
    assert not large, f"recordings and artifacts are not committed: {large}"


def test_no_third_party_tree_is_committed() -> None:
    assert not [path for path in _tracked() if {"node_modules", ".venv", "var"} & set(path.relative_to(PROJECT).parts)]


@pytest.mark.parametrize("module", modules("common"), ids=str)
def test_public_names_say_what_they_mean(module: Path) -> None:
    body = tree(module).body
    silent = [] if ast.get_docstring(tree(module)) or not body else [f"{module} itself"]
    for node in _public(body):
        # The methods of a Protocol are those of the class that it stands for.
        within = _public(node.body) if isinstance(node, ast.ClassDef) and not _is_protocol(node) else []
        silent += [f"{module}:{each.lineno} {each.name}" for each in (node, *within) if not ast.get_docstring(each)]
    assert not silent, f"no docstring: {silent}"


def _is_protocol(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)


def _public(body: list[ast.stmt]) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node for node in body if isinstance(node, kinds) and not node.name.startswith("_")]


def test_runbook_knows_every_error_event() -> None:
    runbook = (PROJECT / "deploy" / "runbook.md").read_text()
    product = [*modules("common"), *modules("services")]
    events = {
        event
        for module in product
        for event in re.findall(r'log\.error\(\s*"([a-z_.]+)"', (PROJECT / module).read_text())
    }
    assert len(events) > 5, "the pattern finds nothing any more"
    missing = sorted(event for event in events if f"`{event}`" not in runbook)
    assert not missing, f"say in deploy/runbook.md what an operator does about {missing}"
