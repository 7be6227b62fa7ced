"""The certificate and the key of the front: an error in them is reported before anything listens, and their content never is."""

import asyncio
import json
import os
import signal
import socket
import ssl
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple, cast

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

from conformance.clock import ManualClock
from conformance.twins.properties_v2 import PropertiesV2Twin, TwinAccount
from conformance.twins.serving import serve as serve_twin
from tests.commands import ACCOUNT, CONFIG, PROPERTY, SECONDS, fetch, run, running
from tests.configuration import SAMPLE, read
from translator.core.errors import ConfigError
from translator.shell.server.tls import front_tls

HOST: Final = "127.0.0.1"
GIVEN: Final = 'tls_cert = "tls/cert.pem"\ntls_key = "tls/key.pem"\n'


class Papers(NamedTuple):
    """A certificate with its chain, and its key, in PEM."""

    cert: bytes
    key: bytes


def issued(authority: trustme.CA, kind: trustme.KeyType = trustme.KeyType.ECDSA) -> Papers:
    leaf = authority.issue_cert(HOST, key_type=kind)
    return Papers(b"".join(blob.bytes() for blob in leaf.cert_chain_pems), leaf.private_key_pem.bytes())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def papers(authority: trustme.CA) -> Papers:
    return issued(authority)


def context(folder: Path, cert: bytes | None, key: bytes | None, given: str = GIVEN) -> ssl.SSLContext | None:
    """The context that these files give. None stands for a file that is not there."""
    (folder / "tls").mkdir(exist_ok=True)
    for name, content in (("cert.pem", cert), ("key.pem", key)):
        if content is not None:
            (folder / "tls" / name).write_bytes(content)
    return front_tls(read(folder, SAMPLE.replace("[server]\n", f"[server]\n{given}")))


def refused(folder: Path, cert: bytes | None, key: bytes | None, given: str = GIVEN) -> tuple[str, str]:
    """The key that the error names, and its sentence, which holds nothing of a file's content."""
    with pytest.raises(ConfigError) as caught:
        context(folder, cert, key, given)
    said = str(caught.value)
    for line in b"\n".join([cert or b"", key or b""]).decode("ascii").splitlines():
        assert not line or line not in said
    where, _, name = caught.value.where.rpartition(" ")
    assert where.endswith("translator.toml, [server]")
    return name, caught.value.what


def test_without_them_plain_http_is_spoken(tmp_path: Path) -> None:
    assert context(tmp_path, None, None, "") is None
    assert context(tmp_path, None, None, 'tls_cert = ""\ntls_key = ""\n') is None


@pytest.mark.parametrize("kind", trustme.KeyType)
def test_with_them_it_is_tls_of_today_and_http_1(tmp_path: Path, authority: trustme.CA, kind: trustme.KeyType) -> None:
    """The files are found from the configuration's own folder. The whole chain is shown."""
    between = authority.create_child_ca()
    server = context(tmp_path, *issued(between, kind))
    assert server is not None
    assert server.minimum_version == ssl.TLSVersion.TLSv1_2
    assert server.options & ssl.OP_NO_RENEGOTIATION
    client = ssl.create_default_context()
    authority.configure_trust(client)
    client.set_alpn_protocols(["h2", "http/1.1"])

    async def main() -> None:
        async def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_server(connected, HOST, 0, ssl=server) as serving:
            port = serving.sockets[0].getsockname()[1]
            _, writer = await asyncio.open_connection(HOST, port, ssl=client)
            assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())


@pytest.mark.parametrize("kind", trustme.KeyType)
def test_only_authenticated_encryption_is_spoken_of_the_tls_1_2_suites(
    tmp_path: Path, authority: trustme.CA, kind: trustme.KeyType
) -> None:
    server = context(tmp_path, *issued(authority, kind))
    assert server is not None

    def shaken(suites: str) -> bool:
        client = ssl.create_default_context()
        authority.configure_trust(client)
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        client.set_ciphers(suites)
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        caller, front = (
            client.wrap_bio(back, there, server_hostname=HOST),
            server.wrap_bio(there, back, server_side=True),
        )
        for side in (caller, front) * 3:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
        return caller.version() == "TLSv1.2"

    assert [shaken(suites) for suites in ("ECDHE+AESGCM", "ECDHE+CHACHA20")] == [True, True]
    assert not shaken("ECDHE+AES:!AESGCM:!AESCCM")
    assert not shaken("kRSA:@SECLEVEL=0")


def test_absolute_paths_and_the_environment_lead_to_them_as_well(tmp_path: Path, papers: Papers) -> None:
    (tmp_path / "elsewhere").mkdir()
    for name, content in zip(("c", "k"), papers, strict=True):
        (tmp_path / "elsewhere" / name).write_bytes(content)
    (tmp_path / "here").mkdir()
    given = {
        "SMS_TRANSLATOR_SERVER__TLS_CERT": str(tmp_path / "elsewhere" / "c"),
        "SMS_TRANSLATOR_SERVER__TLS_KEY": "../elsewhere/k",
    }
    assert front_tls(read(tmp_path / "here", **given)) is not None


@pytest.mark.parametrize(("given", "missing"), [("tls_cert", "tls_key"), ("tls_key", "tls_cert")])
def test_one_without_the_other_is_nothing(tmp_path: Path, given: str, missing: str) -> None:
    name, what = refused(tmp_path, None, None, f'{given} = "x.pem"\n')
    assert (name, what) == (missing, f"is missing, and {given} is given: they go together")


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, papers: Papers) -> None:
    nowhere = "the file cannot be read: No such file or directory"
    assert refused(tmp_path, None, papers.key) == ("tls_cert", nowhere)
    (tmp_path / "tls" / "key.pem").unlink()
    assert refused(tmp_path, papers.cert, None) == ("tls_key", nowhere)
    (tmp_path / "tls" / "key.pem").mkdir()
    assert refused(tmp_path, papers.cert, None) == ("tls_key", "the file cannot be read: Is a directory")


def test_what_is_no_file_is_said_and_nobody_is_waited_for(tmp_path: Path, papers: Papers) -> None:
    """Opening a pipe waits for its writer, and closing it again drops the bytes that were written."""
    (tmp_path / "tls").mkdir()
    os.mkfifo(tmp_path / "tls" / "key.pem")
    what = "has to be a file that can be read again, not a pipe or a device"
    assert refused(tmp_path, papers.cert, None) == ("tls_key", what)
    assert refused(tmp_path, papers.cert, None, GIVEN.replace("tls/cert.pem", "/dev/null")) == ("tls_cert", what)


def test_what_is_in_a_file_is_not_its_path(tmp_path: Path, papers: Papers) -> None:
    what = "has to be the path of a file, not what is in it"
    given = 'tls_cert = "tls/cert.pem"\ntls_key = "${file:tls/key.pem}"\n'
    assert refused(tmp_path, *papers, given) == ("tls_key", what)
    in_one_line = papers.key.decode("ascii").splitlines()[1] * 9
    name, said = refused(tmp_path, papers.cert, None, f'tls_cert = "tls/cert.pem"\ntls_key = "{in_one_line}"\n')
    assert name == "tls_key" and in_one_line not in said


@pytest.mark.parametrize("cut", [0, 30, -40], ids=["empty", "half", "nearly"])
def test_what_is_not_pem_is_said_of_the_file_that_is_not(tmp_path: Path, papers: Papers, cut: int) -> None:
    no_cert, no_key = (
        "the file holds no certificate in PEM, or a broken one",
        "the file holds no private key in PEM, or a broken one",
    )
    assert refused(tmp_path, papers.cert[:cut], papers.key) == ("tls_cert", no_cert)
    assert refused(tmp_path, papers.cert, papers.key[:cut]) == ("tls_key", no_key)
    assert refused(tmp_path, papers.key, papers.cert) == ("tls_cert", no_cert)
    assert refused(tmp_path, papers.cert, papers.cert) == ("tls_key", no_key)


@pytest.mark.parametrize("kind", trustme.KeyType)
def test_a_key_that_is_anothers_is_said(
    tmp_path: Path, authority: trustme.CA, papers: Papers, kind: trustme.KeyType
) -> None:
    what = "the key is not that of the certificate that stands first in tls_cert"
    assert refused(tmp_path, papers.cert, issued(authority, kind).key) == ("tls_key", what)


def test_a_chain_in_the_wrong_order_and_what_is_no_certificate_are_said(
    tmp_path: Path, authority: trustme.CA, papers: Papers
) -> None:
    what = "the key is not that of the certificate that stands first in tls_cert"
    assert refused(tmp_path, authority.cert_pem.bytes() + papers.cert, papers.key) == ("tls_key", what)
    signer = cast(rsa.RSAPrivateKey, serialization.load_pem_private_key(authority.private_key_pem.bytes(), None))
    of, day = x509.load_pem_x509_certificate(authority.cert_pem.bytes()).subject, datetime(2026, 1, 1)  # noqa: DTZ001
    revoked = x509.CertificateRevocationListBuilder(of, day, day).sign(signer, hashes.SHA256())
    found = refused(tmp_path, revoked.public_bytes(serialization.Encoding.PEM), papers.key)
    assert found == ("tls_cert", "the file holds no certificate in PEM, or a broken one")


@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
def test_a_key_that_is_encrypted_is_said_and_nobody_is_asked(
    tmp_path: Path, papers: Papers, form: serialization.PrivateFormat
) -> None:
    """A question at the terminal would bypass pytest's capture, and wait."""
    key = serialization.load_pem_private_key(papers.key, None)
    locked = key.private_bytes(serialization.Encoding.PEM, form, serialization.BestAvailableEncryption(b"x"))
    what = "the key is encrypted; nobody is there to be asked for its password"
    assert refused(tmp_path, papers.cert, locked) == ("tls_key", what)


def self_signed(papers: Papers, key: CertificateIssuerPrivateKeyTypes) -> Papers:
    """A self-signed certificate with the subject and dates of that one and another key, and the key."""
    like = x509.load_pem_x509_certificate(papers.cert)
    made = (
        x509.CertificateBuilder(like.subject, like.subject, key.public_key(), 1)
        .not_valid_before(like.not_valid_before_utc)
        .not_valid_after(like.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return Papers(made.public_bytes(serialization.Encoding.PEM), key.private_bytes(serialization.Encoding.PEM, *plain))


def test_a_certificate_that_is_too_weak_is_said(tmp_path: Path, papers: Papers) -> None:
    weak = self_signed(papers, rsa.generate_private_key(65537, 1024))  # noqa: S505 - that is the point
    assert refused(tmp_path, *weak) == ("tls_cert", "the certificate is too weak: EE_KEY_TOO_SMALL")


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP256K1()), dsa.generate_private_key(2048)],
    ids=["secp256k1", "dsa"],
)
def test_a_key_with_which_no_client_can_shake_hands_is_said(
    tmp_path: Path, papers: Papers, key: ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey
) -> None:
    """Both are whole and belong together. A client sees the error when it connects, and the operator hears of it from its users."""
    assert refused(tmp_path, *self_signed(papers, key)) == (
        "tls_key",
        "no client of today can shake hands with a key of this kind",
    )


# ---- serving ------------------------------------------------------------------------------------------------


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    made = ssl.create_default_context()
    authority.configure_trust(made)
    return made


def configured(folder: Path, papers: Papers) -> Path:
    """A configuration of a front over TLS."""
    (folder / "back-token").write_text("right\n", "utf-8")
    for name, content in zip(("cert.pem", "key.pem"), papers, strict=True):
        (folder / name).write_bytes(content)
    given = '[server]\ntls_cert = "cert.pem"\ntls_key = "key.pem"\n'
    (folder / "translator.toml").write_text(CONFIG.replace("[server]\n", given), "utf-8")
    return folder / "translator.toml"


def test_a_message_is_sent_shown_and_listed_over_https(tmp_path: Path, authority: trustme.CA, papers: Papers) -> None:
    """The test runs a whole process. It ends although one client keeps its connection and another has only begun its handshake."""
    config, trust = configured(tmp_path, papers), trusting(authority)
    twin = PropertiesV2Twin(accounts={"A1": TwinAccount("right", (PROPERTY,))}, clock=ManualClock(1_570_000_000))

    def asked(back: str) -> list[str]:
        with running("serve", "-c", config, "-o", "json", SMS_TRANSLATOR_BACKS__PROVIDER__URL=back) as process:
            assert process.stderr is not None
            listen = json.loads(process.stderr.readline())["listen"]
            url, login = f"https://{listen}/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages", f"{ACCOUNT}:front-token"
            sent = fetch(f"{url}.json", b"From=19876543212&To=13216549878&Body=Test+SMS", login, trust=trust)
            sid = json.loads(sent[2])["sid"]
            shown = fetch(f"{url}/{sid}.json", login=login, trust=trust)
            listed = fetch(f"{url}.json?To=13216549878", login=login, trust=trust)
            assert [answer[0] for answer in (sent, shown, listed)] == [200] * 3
            assert json.loads(shown[2])["body"] == "Test SMS"
            assert [message["sid"] for message in json.loads(listed[2])["messages"]] == [sid]
            assert fetch(f"http://{listen}/")[0] == 400
            where = (listen.partition(":")[0], int(listen.partition(":")[2]))
            with socket.create_connection(where) as half, socket.create_connection(where) as raw:
                half.send(b"\x16")
                with trust.wrap_socket(raw, server_hostname=HOST) as kept:
                    kept.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert kept.recv(12) == b"HTTP/1.1 401"
                    process.send_signal(signal.SIGTERM)
                    _, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        return [json.loads(line)["event"] for line in err.splitlines()]

    async def main() -> list[str]:
        async with serve_twin(twin.app) as url:
            return await asyncio.to_thread(asked, url)

    assert asyncio.run(main()) == ["request"] * 4 + ["draining", "stopped"]


def test_hands_that_are_not_shaken_are_counted(tmp_path: Path, papers: Papers) -> None:
    config = configured(tmp_path, papers)
    with running("serve", "-c", config, "-o", "json", SMS_TRANSLATOR_SERVER__ADMIN="127.0.0.1:0") as process:
        assert process.stderr is not None
        admin, front = (json.loads(process.stderr.readline())["listen"] for _ in range(2))
        assert fetch(f"http://{front}/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages.json")[0] == 400
        line = b'sms_translator_handshakes_total{reason="HTTP_REQUEST"} 1.0'
        assert line in fetch(f"http://{admin}/metrics")[2].splitlines()


@pytest.mark.parametrize("command", ["serve", "check"])
def test_what_is_wrong_is_a_sentence_before_anything_listens(tmp_path: Path, papers: Papers, command: str) -> None:
    config = configured(tmp_path, papers)
    assert run("check", "-c", config).returncode == 0
    (tmp_path / "key.pem").write_bytes(papers.cert)
    done = run(command, "-c", config, SMS_TRANSLATOR_SERVER__LISTEN="nowhere.invalid:1")
    said = f"{config}, [server] tls_key: the file holds no private key in PEM, or a broken one"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"sms-translator: {said}\n")


def test_who_does_not_listen_needs_no_key(tmp_path: Path, papers: Papers) -> None:
    config = configured(tmp_path, papers)
    (tmp_path / "key.pem").unlink()
    done = run("sends", "list", "-c", config)
    assert "there is no store" in done.stderr, "and no word of the key"
