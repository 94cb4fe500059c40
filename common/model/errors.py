"""Every error that the product raises on purpose, one class per cause.

CounterweightError
├── InputInvalid            something handed in breaks a rule; nothing was changed
│   ├── ConfigInvalid       a configuration file (the process exits with 78)
│   ├── MessageInvalid      bytes or fields of a bus message or a venue frame
│   ├── OrderInvalid        an order that cannot be expressed (tick, lot, size, price)
│   └── CommandInvalid      a command or a question to the exchange that it does not know, or whose fields do not fit
├── TransitionInvalid       an order or a saga was asked for a state it cannot reach from where it is
├── PeerUnavailable         a process, venue or node cannot be reached; nothing was sent
├── OutcomeUnknown          a request left but no answer came; it must be resolved by querying
├── RequestRefused          the other side understood and said no
├── RoleTaken               another live process holds this role's lock
├── JournalCorrupt          a journal's middle cannot be read; the process must not start
└── InvariantBroken         the program itself is wrong; the process must end
"""

EXIT_CONFIG_INVALID = 78
EXIT_ROLE_TAKEN = 75


class CounterweightError(Exception):
    """Root of every error that this project raises on purpose."""


class InputInvalid(CounterweightError):
    """Input that breaks a rule. Says what it is, where it stands, what was expected and what was found."""

    def __init__(self, what: str, where: str, expected: str, got: object) -> None:
        self.what, self.where, self.expected, self.got = what, where, expected, got
        super().__init__(f"{what} at {where}: expected {expected}, got {got!r}")


class ConfigInvalid(InputInvalid):
    """A configuration file that cannot be used; `where` is `file: key path`."""


class MessageInvalid(InputInvalid):
    """Bytes that are no message of ours, or a message whose fields break a rule."""


class OrderInvalid(InputInvalid):
    """An order that the instrument cannot express."""


class CommandInvalid(InputInvalid):
    """A command of the exchange, or a question to it, with a name or fields that it does not take."""


class TransitionInvalid(CounterweightError):
    """A state that cannot be reached from the present one."""


class PeerUnavailable(CounterweightError):
    """The other side cannot be reached and nothing was sent to it."""


class OutcomeUnknown(CounterweightError):
    """A request left and no answer came: it may or may not have been carried out."""


class RequestRefused(CounterweightError):
    """The other side answered and refused. `code` is its own code, `detail` its own words."""

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(f"{code}: {detail}")


class RoleTaken(CounterweightError):
    """Another live process holds this role."""


class JournalCorrupt(CounterweightError):
    """A journal that cannot be trusted."""


class InvariantBroken(CounterweightError):
    """A promise of the code itself is broken: the process ends and its supervisor restarts it from its journal."""
