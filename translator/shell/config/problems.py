"""Collects the errors of a configuration, so that all of them can be reported at once."""

import contextlib
from collections.abc import Iterator

from translator.core.errors import ConfigError, ConfigErrors


class Problems:
    """The errors found so far, in order."""

    def __init__(self) -> None:
        self._found: list[ConfigError] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    @contextlib.contextmanager
    def collected(self) -> Iterator[None]:
        """Catch and keep a ConfigError that ends the block."""
        try:
            yield
        except ConfigErrors as errors:
            self._found += errors.errors
        except ConfigError as error:
            self._found.append(error)

    def add(self, where: str, what: str) -> None:
        """Add an error."""
        self._found.append(ConfigError(where, what))

    def concerns(self, section: str) -> bool:
        """True if a section has an error. `section` is its name in brackets."""
        return any(section in error.where for error in self._found)

    def check(self) -> None:
        """Raise ConfigError for one error, ConfigErrors for several."""
        if self._found:
            raise self._found[0] if len(self._found) == 1 else ConfigErrors(self._found)
