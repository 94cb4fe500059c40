"""Commands: written down before they are answered, carried out once, and answered for ever."""

from common.messages import ExecuteLpCommand, LpCommandTaken
from common.model.errors import RequestRefused
from common.strategy.lp_book import CLOSE_ACTION, ONCE, OPEN_ACTION, RESUME_ACTION, Saga
from common.strategy.lp_records import CommandEnded, CommandTaken
from services.defi_lp.actor import Actor
from services.defi_lp.config import DefiLpConfig
from services.defi_lp.planning import Planner
from services.defi_lp.publication import SECOND_NS, Publication
from services.defi_lp.reading import Reading
from services.defi_lp.watch import Watch

ACTIONS = (OPEN_ACTION, CLOSE_ACTION, *sorted(ONCE), RESUME_ACTION)
DONE, SUPERSEDED, EXPIRED = "done", "superseded", "expired"
ID_CHARACTERS_MAX = 64


class Desk:
    """Takes commands and says what became of them."""

    def __init__(
        self, config: DefiLpConfig, planner: Planner, actor: Actor, watch: Watch, publication: Publication
    ) -> None:  # fmt: skip
        self._age_ns_max = int(config.command_age_s_max * SECOND_NS)
        self._planner, self._actor, self._watch, self._publication = planner, actor, watch, publication
        self._book = actor.book

    def take(self, command: ExecuteLpCommand, reading: Reading, now_ns: int) -> LpCommandTaken:
        """Write a command down. Raises RequestRefused ("invalid", "halted", "not_halted", "closed", "no_range",
        "busy"); an id that is known is answered with what became of it.
        """
        if command.command_id in self._book.commands:
            return self.report(command.command_id)
        self.check(command.action, reading)
        if not 0 < len(command.command_id) <= ID_CHARACTERS_MAX:
            raise RequestRefused("invalid", f"command_id: expected 1 to {ID_CHARACTERS_MAX} characters")
        resumes = command.action == RESUME_ACTION
        self._actor.note(
            CommandTaken(
                command_id=command.command_id, action=command.action, operator=command.operator, time_ns=now_ns,
                nonce=self._watch.chain_nonce if resumes else None,
                given_up=tuple(self._watch.missing(reading)) if resumes else (),
            )
        )  # fmt: skip
        if resumes:
            self._end(command.command_id, DONE, "sending again", now_ns)
        self.answer(reading, now_ns)
        return self.report(command.command_id)

    def check(self, action: str, reading: Reading) -> None:
        """Raises RequestRefused if this command would not be taken now."""
        book = self._book
        if action not in ACTIONS:
            raise RequestRefused("invalid", f"expected one of {', '.join(ACTIONS)}, got {action!r}")
        if action == RESUME_ACTION:
            if book.halt is None:
                waits = f"; {self._watch.gas_alarm.detail}" if self._watch.gas_alarm else ""
                raise RequestRefused("not_halted", f"nothing is to be resumed{waits}")
            return
        if book.halt:
            detail = f"{book.halt.reason}: {book.halt.detail}; `counterweight lp resume` when that is understood"
            raise RequestRefused("halted", detail)
        if action not in ONCE:
            return
        if not book.wants_open:
            raise RequestRefused("closed", "the position is closed; `counterweight lp open` opens it")
        if not reading.holdings.ranges:
            raise RequestRefused("no_range", f"there is no range to {action}")
        if book.wanted:
            raise RequestRefused("busy", f"{book.wanted.action} ({book.wanted.command_id}) waits already")

    def answer(self, reading: Reading, now_ns: int) -> None:
        """Answer the commands whose outcome is known now."""
        for command in self._book.open_commands:
            if verdict := self._verdict(command, reading, now_ns):
                self._end(command.command_id, *verdict, now_ns)

    def report(self, command_id: str) -> LpCommandTaken:
        """What became of a command so far. Raises RequestRefused ("unknown_command")."""
        command, end = self._book.commands.get(command_id), self._book.answers.get(command_id)
        if command is None:
            raise RequestRefused("unknown_command", f"no command {command_id!r} was taken")
        saga = self._saga_of(command_id)
        ended = self._publication.saga_ended(saga, saga.end) if saga and saga.end else None
        return LpCommandTaken(
            command_id=command_id, action=command.action, outcome=end.outcome if end else "",
            detail=end.detail if end else "", ended=ended,
        )  # fmt: skip

    def _verdict(self, command: CommandTaken, reading: Reading, now_ns: int) -> tuple[str, str] | None:
        book = self._book
        if command.action in ONCE:
            saga = self._saga_of(command.command_id)
            if saga is not None:
                return (saga.end.outcome, saga.end.reason) if saga.end else None
            if not book.wants_open:
                return SUPERSEDED, "the position is being closed"
            return (EXPIRED, "held for too long") if now_ns - command.time_ns > self._age_ns_max else None
        if book.wants_open is not (command.action == OPEN_ACTION):
            return SUPERSEDED, "another command wants the opposite"
        if book.active is not None:
            return None
        if command.action == OPEN_ACTION:
            return (DONE, f"{len(reading.holdings.ranges)} ranges stand") if reading.holdings.ranges else None
        return (DONE, "no range and no allowance is left") if self._planner.is_closed(reading) else None

    def _saga_of(self, command_id: str) -> Saga | None:
        sagas = reversed(self._book.latest_sagas)
        return next((each for each in sagas if each.begun.command_id == command_id), None)

    def _end(self, command_id: str, outcome: str, detail: str, now_ns: int) -> None:
        self._actor.note(CommandEnded(command_id=command_id, outcome=outcome, detail=detail, time_ns=now_ns))
