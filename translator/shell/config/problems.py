"""Collects what is wrong with a configuration, so that all of it can be said at once."""

import contextlib
from collections.abc import Iterator

from translator.core.errors import ConfigError, ConfigErrors


class Problems:
    """What was found so far, in order."""

    def __init__(self) -> None:
        self._found: list[ConfigError] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    @contextlib.contextmanager
    def collected(self) -> Iterator[None]:
        """A ConfigError in the block is kept, and the block ends."""
        try:
            yield
        except ConfigErrors as errors:
            self._found += errors.errors
        except ConfigError as error:
            self._found.append(error)

    def add(self, where: str, what: str) -> None:
        """One more."""
        self._found.append(ConfigError(where, what))

    def concerns(self, section: str) -> bool:
        """Whether something is wrong in a section, by its name in brackets."""
        return any(section in error.where for error in self._found)

    def check(self) -> None:
        """Raises ConfigError for one, ConfigErrors for several."""
        if self._found:
            raise self._found[0] if len(self._found) == 1 else ConfigErrors(self._found)
