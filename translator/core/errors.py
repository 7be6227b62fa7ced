"""Everything that can go wrong, as one small tree.

    TranslatorError
    ├── TableError      a mapping table is not well formed: found at start, names file, section and row
    ├── ConfigError     the configuration is not usable: found at start, names file, section and key
    │   └── ConfigErrors    several of them, said at once
    ├── BadValue        a value is not of its kind: becomes a fault of whoever wrote it
    ├── Refused         this request cannot be done: carries the fault that the front's dialect writes
    └── Unreadable      what a back answered is not what its dialect says: becomes a fault of the back

Nobody reads the message of one to decide what to do: what differs is the class, or the fault it carries.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translator.core.model import Fault


class TranslatorError(Exception):
    """The root: everything that this project raises on purpose."""


class TableError(TranslatorError):
    """A mapping table breaks a rule of `mappings/README.md`.

    `where` names file, section and row, such as `restcomm.toml, [[filters]] row 3 (EndTime)`.
    """

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


class ConfigError(TranslatorError):
    """The configuration cannot be used; `where` names file, section and key."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


class ConfigErrors(ConfigError):
    """Several things in one configuration that cannot be used: all of them are said at once, a line each."""

    def __init__(self, errors: "list[ConfigError]") -> None:
        super().__init__(errors[0].where, errors[0].what)
        self.errors = errors

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


class BadValue(TranslatorError, ValueError):
    """A value that its kind cannot read. `reason` completes the sentence "the value of X …" and never repeats the value."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FaultRaised(TranslatorError):
    """The request ends here, with this fault. Raised by the core only, and turned into an answer by the exchange."""

    def __init__(self, fault: "Fault") -> None:
        super().__init__(fault.name)
        self.fault = fault


class MalformedProviderResponse(TranslatorError):
    """A back's answer is not of its dialect's shape. `what` is for the log; it never holds a value from the answer. `reason` goes on with
    the sentence "the provider failed to handle the request", and may be empty."""

    def __init__(self, what: str, reason: str = "") -> None:
        super().__init__(what)
        self.what, self.reason = what, reason
