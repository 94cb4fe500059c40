"""Peers from PyPI, in a virtual environment of their own: nothing of them enters our lock files."""

import subprocess
import sys
import venv
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / "var" / "bench-peers"
PEERS = {
    "cython-orderbook": ("cython-orderbook==0.1.2", "sortedcontainers==2.4.0"),
    "lightmatchingengine": ("lightmatchingengine==2019.1.4",),
    "pyrevm": ("pyrevm==0.3.7",),
    "nautilus_trader": ("nautilus_trader==1.221.0",),
    "web3": ("web3==8.0.0",),
}
INSTALL_S_MAX = 600
RUN_S_MAX = 900


def interpreter(book: str) -> Path:
    """The Python that can import a book: ours, or the peers' after installing what is missing there.

    Raises OSError when the peer cannot be installed.
    """
    if book not in PEERS:
        return Path(sys.executable)
    python = FOLDER / "bin" / "python"
    if not python.exists():
        venv.create(FOLDER, with_pip=True)
    wanted = PEERS[book]
    if not _present(python, wanted):
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S_MAX)
        if done.returncode:
            raise OSError((done.stderr.strip().splitlines() or ["pip says nothing"])[-1])
    return python


def run(book: str, script: str, *arguments: object) -> str:
    """What a script of this folder prints. Raises OSError when the book cannot be installed or its run fails."""
    command = [interpreter(book), Path(__file__).with_name(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S_MAX, cwd=PROJECT)
    if done.returncode:
        raise OSError(f"{script}: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    return done.stdout


def _present(python: Path, wanted: tuple[str, ...]) -> bool:
    freeze = [python, "-m", "pip", "freeze", "--disable-pip-version-check"]
    found = subprocess.run(freeze, capture_output=True, text=True, timeout=INSTALL_S_MAX).stdout.lower()
    return {each.lower().replace("_", "-") for each in wanted} <= set(found.replace("_", "-").splitlines())
