"""anvil as our child: it dies with us, but not before its state is on disk, and its successor waits for that."""

import asyncio
import os
import signal
import socket
import time
from pathlib import Path

from common.chain.anvil import anvil_command
from common.chain.node import Node
from common.model.errors import PeerUnavailable
from common.runtime.logging import Log
from common.runtime.supervision import die_with_parent
from services.paper_chain.state_file import StateFile

READY_S_MAX = 20.0
PREDECESSOR_S_MAX = 10.0
STOP_S_MAX = 10.0
POLL_S = 0.02


class NodeProcess:
    """One anvil at a time, with everything that it writes in `folder`."""

    def __init__(self, folder: Path, port: int, chain_id: int, history_states: int, state_interval_s: int) -> None:
        self._folder, self._port = folder.absolute(), port
        self.state = StateFile(self._folder)
        self._pid_file = self._folder / "anvil.pid"
        self._command = [
            *anvil_command(port, chain_id, history_states=history_states),
            "--state", str(self.state.path), "--state-interval", str(state_interval_s),
        ]  # fmt: skip
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, node: Node, blocks_kept: int, log: Log) -> None:
        """Wait for the predecessor's end, see to the state file, start, wait until it answers.

        Raises PeerUnavailable when the port stays taken or anvil does not come up.
        """
        scratch = self._folder / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        await self._await_predecessor()
        began = time.monotonic()
        origin = self.state.prepare(blocks_kept)
        if origin in ("restored", "lost"):
            log.error("chain.state_corrupt", now=origin, kept="state.corrupt.json")
        parent = os.getpid()
        # A session of its own keeps Ctrl-C and group kills away: we end it, or the kernel does when we are gone.
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, cwd=scratch,
            env={"HOME": str(scratch), "TMPDIR": str(scratch), "PATH": os.environ.get("PATH", "")},
            start_new_session=True, preexec_fn=lambda: _tie_to(parent),
        )  # fmt: skip
        self._pid_file.write_text(f"{self._process.pid}\n")
        await self._await_ready(node)
        took_ms = round((time.monotonic() - began) * 1000)
        log.info("chain.node_started", pid=self._process.pid, state=origin, ms=took_ms)

    async def ended(self) -> int:
        """Wait for the child's end; its exit code."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """End it so that it writes its state; harmless when it is gone."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S_MAX)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._pid_file.unlink(missing_ok=True)

    async def _await_ready(self, node: Node) -> None:
        assert self._process is not None
        deadline = time.monotonic() + READY_S_MAX
        while True:
            if self._process.returncode is not None:
                raise PeerUnavailable(f"anvil ended at once with code {self._process.returncode}")
            try:
                await node.chain_id()
                return
            except PeerUnavailable:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(POLL_S)

    async def _await_predecessor(self) -> None:
        """The anvil of a killed paper_chain is writing its state: reading it earlier would lose blocks."""
        deadline = time.monotonic() + PREDECESSOR_S_MAX
        while (pid := self._predecessor()) and time.monotonic() < deadline:
            await asyncio.sleep(POLL_S)
        if pid:
            os.kill(pid, signal.SIGKILL)
        while _is_taken(self._port):
            if time.monotonic() > deadline:
                raise PeerUnavailable(f"port {self._port} on 127.0.0.1 is in use by another program")
            await asyncio.sleep(POLL_S)

    def _predecessor(self) -> int | None:
        try:
            pid = int(self._pid_file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        # The number may belong to somebody else by now: only an anvil with our state file is ours.
        return pid if str(self.state.path).encode() in command.split(b"\0") else None


def _tie_to(parent: int) -> None:
    """In the child, before anvil begins: SIGTERM when the parent dies, and nothing at all if it is dead already."""
    die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
