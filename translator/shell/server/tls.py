"""Builds the front's `SSLContext` from the files `tls_cert` and `tls_key`."""

import ssl
import stat
from pathlib import Path
from typing import Final, NoReturn

from translator.core.errors import ConfigError
from translator.shell.config.settings import Settings

_MISMATCHES: Final = frozenset({"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"})
"""OpenSSL's reasons for a key that does not belong to the certificate. The last one means a key of another type."""

_WEAK: Final = frozenset({"EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"})
"""OpenSSL's reasons for a certificate that is too weak for clients to trust."""


_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""The cipher suites of TLS 1.2: AEAD with forward secrecy. TLS 1.3 has no others."""


class _LockedError(Exception):
    """The key is encrypted."""


def front_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS context of the front, or None for plain HTTP. Raises ConfigError with the name of the wrong configuration key.

    An error never repeats the content of a file. It does not repeat the path either, because that may be the content by mistake.
    """
    server = settings.server
    if not server.tls_cert:
        return None
    at_cert, at_key = (f"{settings.file}, [server] {name}" for name in ("tls_cert", "tls_key"))
    cert = _readable(at_cert, settings.folder, server.tls_cert)
    key = _readable(at_key, settings.folder, server.tls_key)
    if not _holds_certificate(cert):
        raise ConfigError(at_cert, "the file holds no certificate in PEM, or a broken one")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, _never_asked)
    except _LockedError:
        raise ConfigError(at_key, "the key is encrypted; nobody is there to be asked for its password") from None
    except ssl.SSLError as error:
        if error.reason in _MISMATCHES:
            raise ConfigError(at_key, "the key is not that of the certificate that stands first in tls_cert") from None
        if error.reason in _WEAK:
            raise ConfigError(at_cert, f"the certificate is too weak: {error.reason}") from None
        raise ConfigError(at_key, "the file holds no private key in PEM, or a broken one") from None
    if not _is_of_use(context):
        raise ConfigError(at_key, "no client of today can shake hands with a key of this kind")
    return context


def _readable(where: str, folder: Path, name: str) -> Path:
    """Return the path of a readable file. A relative path is relative to `folder`. Raises ConfigError."""
    if not name.isprintable():
        raise ConfigError(where, "has to be the path of a file, not what is in it")
    path = folder / name
    try:
        if stat.S_IFMT(path.stat().st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
            raise ConfigError(where, "has to be a file that can be read again, not a pipe or a device")
        path.open("rb").close()
    except OSError as error:
        raise ConfigError(where, f"the file cannot be read: {error.strerror}") from None
    return path


def _holds_certificate(path: Path) -> bool:
    """True if the file holds a certificate and no broken entry. A certificate revocation list does not count."""
    store = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        store.load_verify_locations(path)
    except ssl.SSLError:
        return False
    return store.cert_store_stats()["x509"] > 0


def _is_of_use(context: ssl.SSLContext) -> bool:
    """True if an ordinary client can complete a handshake, which is tried in memory."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller, front = client.wrap_bio(back, there), context.wrap_bio(there, back, server_side=True)
    for side in (caller, front) * 3:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLError:
            return False
    return caller.version() is not None and front.version() is not None


def _never_asked() -> NoReturn:
    """Called by OpenSSL for the password. Raises, so that OpenSSL does not ask at the terminal."""
    raise _LockedError
