"""The file of an SQLite store: readable by its owner only, used by one process, and checked for replacement."""

import errno
import fcntl
import os
import struct
from pathlib import Path
from typing import Final

from translator.core.errors import ConfigError
from translator.shell.observability.log import logger
from translator.shell.store.interface import StoreUnavailable

_OURS: Final = 0o600
_LITTLE: Final = 1024 * 1024
"""Free bytes below which a disk counts as full."""

_BYTE: Final = 1 << 62
"""The byte of the file that is locked. It lies far after SQLite's own lock bytes and after any byte that is ever written."""

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_IN_USE: Final = "is in use by another serve; give each its own file, or use PostgreSQL, which several share"


class Held:
    """A file that is open and locked until `close`.
    SQLite's own locks end when the process closes any descriptor of the file, so this descriptor is closed last.

    Raises ConfigError if the file cannot be opened or locked, and StoreUnavailable if the disk is full.
    """

    def __init__(self, path: Path, where: str) -> None:
        self._path = path
        self._lock = _locked(Path(f"{path}.lock"), where)
        try:
            self._file = _opened(path, where)
        except BaseException:
            os.close(self._lock)
            raise
        try:
            _lock_a_byte(self._file, where)
            _tighten(path, self._file)
            self._identity = _identity(os.fstat(self._file))
        except BaseException:
            self.close()
            raise

    def why(self) -> str:
        """Return the reason why no write is allowed; empty if there is none. The path has to lead to the file that is open."""
        try:
            now = os.stat(self._path)
        except OSError as error:
            return f"the file of the store is gone: {error.strerror}"
        return "" if _identity(now) == self._identity else "the file of the store was replaced by another one"

    def trouble(self) -> str:
        """Return the reason of `why`, or a full disk, which otherwise only a write would notice. Empty if there is none."""
        found = os.fstatvfs(self._file)
        free = (found.f_bfree if os.geteuid() == 0 else found.f_bavail) * found.f_frsize
        return self.why() or ("the disk is full" if free < _LITTLE else "")

    def close(self) -> None:
        """Close the file. SQLite has to have closed all of its descriptors before."""
        os.close(self._file)
        os.close(self._lock)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _opened(path: Path, where: str) -> int:
    """Open the file, and create it if it is missing. It is private, because it holds phone numbers and texts."""
    try:
        return os.open(path, os.O_CREAT | os.O_RDWR, _OURS)
    except OSError as error:
        if error.errno in _FULL:
            raise StoreUnavailable(f"it cannot be made: {error.strerror}") from None
        raise ConfigError(where, f"cannot be opened: {error.strerror}") from None


def _tighten(path: Path, file: int) -> None:
    """Remove every permission of other users from the file and from the two that SQLite keeps beside it."""
    for one in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        try:
            mode = os.stat(one).st_mode & 0o777
        except OSError:
            continue
        if not mode & ~_OURS:
            continue
        try:
            os.chmod(file if one is path else one, mode & _OURS)
        except OSError as error:
            logger().warning("store-readable", file=one.name, mode=f"{mode:04o}", why=error.strerror)
        else:
            logger().warning("store-tightened", file=one.name, mode=f"{mode:04o}")


def _locked(lock: Path, where: str) -> int:
    """Lock the lock file and return its descriptor. The lock ends with the process, however the process ends.
    Only a process that may write the file can hold it. Raises ConfigError if another process does."""
    while True:
        try:
            handle = os.open(lock, os.O_CREAT | os.O_RDWR, _OURS)
        except OSError as error:
            if error.errno in _FULL:
                raise StoreUnavailable(f"its lock cannot be made: {error.strerror}") from None
            raise ConfigError(where, f"cannot be opened: {error.strerror}") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise ConfigError(where, _IN_USE) from None
        if lock.exists() and _identity(os.stat(lock)) == _identity(os.fstat(handle)):
            _tighten(lock, handle)
            return handle
        os.close(handle)  # removed between the two calls: the next process would open another file


def _lock_a_byte(file: int, where: str) -> None:
    """Lock one byte of the store's file, so that a removed lock file lets no second process in.
    The lock belongs to the open file, not to the process, so it survives when SQLite closes the file.
    On a system without such locks (`F_OFD_SETLK`), the lock file has to do."""
    command = getattr(fcntl, "F_OFD_SETLK", None)
    if command is None:
        return
    try:
        fcntl.fcntl(file, command, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, _BYTE, 1, 0))
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise ConfigError(where, _IN_USE) from None
