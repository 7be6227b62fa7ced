"""All errors that this project raises, as one small tree.

    TranslatorError
    ├── TableError      a mapping table is not well formed: found at start, names file, section and row
    ├── ConfigError     the configuration is not usable: found at start, names file, section and key
    │   └── ConfigErrors    several of them, reported at once
    ├── BadValue        a value is not in the form of its codec: becomes a fault of its author
    ├── FaultRaised     this request cannot be done: carries the fault that the front's dialect writes
    └── MalformedProviderResponse  an answer is not in the form of its dialect: becomes a fault of the provider

No code decides by the message of an error. It decides by the class, or by the fault that the error carries.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translator.core.model import Fault


class TranslatorError(Exception):
    """The root of all errors that this project raises on purpose."""


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
    """Several errors in one configuration. All are reported at once, one a line."""

    def __init__(self, errors: "list[ConfigError]") -> None:
        super().__init__(errors[0].where, errors[0].what)
        self.errors = errors

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


class BadValue(TranslatorError, ValueError):
    """A value that its codec cannot read. `reason` completes the sentence "the value of X …" and never repeats the value."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FaultRaised(TranslatorError):
    """The request ends with this fault. Only the core raises it, and the exchange turns it into a response."""

    def __init__(self, fault: "Fault") -> None:
        super().__init__(fault.name)
        self.fault = fault


class MalformedProviderResponse(TranslatorError):
    """A provider's answer is not in the form of its dialect. `what` is for the log, and never holds a value from the answer. `reason`
    continues the sentence "the provider failed to handle the request", and may be empty."""

    def __init__(self, what: str, reason: str = "") -> None:
        super().__init__(what)
        self.what, self.reason = what, reason
