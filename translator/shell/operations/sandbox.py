"""The sandbox: simulated providers and a proxy with both fronts, on loopback and without configuration.

    curl ─▶ restcomm front      ─▶ the proxy ─▶ a simulated properties-v2 provider
    curl ─▶ properties-v2 front ─▶ the proxy ─▶ a simulated Restcomm
    curl ─▶ restcomm front      ─▶ the proxy ─┬▶ a simulated Restcomm, the old provider of an account that migrates
                                              └▶ a simulated properties-v2 provider, its new one

The conformance suite has the simulated providers, written from the documents. Their messages change status with the wall clock. A
receiver prints the status callbacks that it gets. The configuration and the store are in a temporary folder, so that the commands of
`sms-translator` can be tried beside the proxy. The folder is deleted at the end.
"""

import contextlib
import secrets
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

import translator
from conformance.twins import properties_v2, restcomm
from conformance.twins.receiver import PATH, receiver
from conformance.twins.serving import serve as serve_twin
from translator.shell.application import Reader, Runtime
from translator.shell.config.addresses import Address
from translator.shell.config.load import load
from translator.shell.observability.admin import Meter
from translator.shell.process import address_of, listen, serving
from translator.shell.signals import stopped
from translator.shell.store import open_store

ACCOUNT: Final = "AC00000000000000000000000000000001"
TOKEN: Final = "sandbox-token"  # noqa: S105 - it guards invented messages on this machine and nothing else
PROPERTY: Final = properties_v2.DEFAULT_PROPERTY
PROVIDER_ACCOUNT: Final = "A1"

OTHER_ACCOUNT: Final = "A2"
OTHER_PROPERTY: Final = "S1234567890ABCDE1234567890ABCDEG"
OLD_ACCOUNT: Final = "AC00000000000000000000000000000002"
SENDER: Final = "19876543212"
"""The sender of the seed's examples. It is also the default sender at the simulated Restcomm."""

MOVING_ACCOUNT: Final = "AC00000000000000000000000000000003"
"""The account that migrates. It has the same SID at its old provider."""

MOVED_TO: Final = "A3"
SEVERAL: Final = "13216549870 13216549871 13216549872 13216549873"
"""Four recipients. With the salt of the configuration a share of 50 percent has three of them."""

OLD_SID: Final = "SM6c13cca264f940a4b4573a49e8bdf917"
"""The message that the restcomm document retrieves. The old provider has it."""

SHUTDOWN_GRACE_SECONDS: Final = 2

CONFIGURATION: Final = f"""
[server]
listen = "LISTEN"
admin  = ""

[store]
url = "sqlite:///store.db"

[callbacks]
allow = ["127.0.0.1"]
ports = [HOOK]
poll  = 1

[backs.provider]
dialect = "properties-v2"
url     = "URL:provider"

[backs.old]
dialect = "restcomm"
url     = "URL:old"

[backs.old-server]
dialect = "restcomm"
url     = "URL:old-server"

[backs.new-provider]
dialect = "properties-v2"
url     = "URL:new-provider"

[[accounts]]
front = {{ dialect = "restcomm", account = "{ACCOUNT}", token = "{TOKEN}" }}
back  = {{ name = "provider", account = "{PROVIDER_ACCOUNT}", property = "{PROPERTY}", token = "${{file:secret}}" }}

[[accounts]]
front = {{ dialect = "properties-v2", account = "{OTHER_ACCOUNT}", property = "{OTHER_PROPERTY}", token = "{TOKEN}" }}
back  = {{ name = "old", account = "{OLD_ACCOUNT}", sender = "{SENDER}", token = "${{file:secret}}" }}

[[accounts]]
front = {{ dialect = "restcomm", account = "{MOVING_ACCOUNT}", token = "{TOKEN}" }}
back  = {{ name = "new-provider", account = "{MOVED_TO}", property = "{PROPERTY}", token = "${{file:secret}}" }}
old   = {{ name = "old-server", account = "{MOVING_ACCOUNT}", token = "${{file:secret}}" }}

[accounts.migration]
stage = "canary"
share = {{ percent = 0, salt = "sandbox" }}
"""
"""The configuration of the sandbox. The words in capitals stand for what is known when it starts."""


def introduction(url: str) -> Iterator[str]:
    """Yield the introduction: the address, the credentials, how to stop the sandbox, and the next steps."""
    yield f"# The sandbox listens on {url}. It runs on this machine only and keeps nothing. Ctrl-C stops it."
    yield f"#   restcomm front:      account {ACCOUNT}, token {TOKEN}"
    yield f"#   properties-v2 front: account {OTHER_ACCOUNT}, token {TOKEN}, property {OTHER_PROPERTY}"
    yield "# Paste a line from below into another terminal. `--log FILE` shows what the proxy does."
    yield '# To put the proxy before a provider of your own, see "Use it" in README.md.'


def curl_lines(url: str, callback: str) -> Iterator[str]:
    """Yield the curl lines of the documents' examples, with the sandbox's address and credentials."""
    messages = f"{url}/restcomm/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages"
    login = f"-u '{ACCOUNT}:{TOKEN}'"
    filters = "From=19876543212&To=13216549878&StartTime=2018-05-30&EndTime=2018-06-09&Page=0&PageSize=10"
    sid = f"SM{properties_v2.DELIVERED_EXAMPLE_SID}"
    yield "# the restcomm dialect before a properties-v2 provider: send, list, get one, and get it as XML"
    send = f"curl -X POST '{messages}.json' -d 'From=19876543212' -d 'To=13216549878' -d 'Body=Test SMS'"
    yield f"{send} {login}"
    yield f"curl '{messages}.json?{filters}&SortBy=DateCreated:asc' {login}"
    yield f"curl '{messages}/{sid}.json' {login}"
    yield f"curl '{messages}/{sid}' {login}"
    yield "# the same with a StatusCallback, to a receiver that runs here: it says below when it is told of sent, and then of delivered"
    yield f"{send} -d 'StatusCallback={callback}' {login}"
    search = f"{url}/v2/Properties/{OTHER_PROPERTY}/Messages"
    login = f"-u '{OTHER_ACCOUNT}:{TOKEN}'"
    json = "-H 'Content-Type: application/json'"
    yield "# the properties-v2 dialect before an old server: its document's two searches, a send, and a batch"
    yield f"""curl -X GET '{search}' {json} -d '{{"Date_From": 1506038400, "Date_To": 1506427200}}' {login}"""
    filters = (
        "Date_From=1506038400&Date_To=1506427200&Direction=Transmit&Status=Delivered&Results_Count=10&Results_Skip=10"
    )
    yield f"curl '{search}?{filters}' {login}"
    one = '{"From": "+61416240112", "To": "+61488824921", "Text": "Saaaa"}'
    yield f"curl '{search}' {json} -d '{one}' {login}"
    webhook = f'{one[:-1]}, "DeliveryReceiptWebhookUri": "{callback}"}}'
    yield f"curl '{search}' {json} -d '{webhook}' {login}"
    batch = search.replace("/Messages", "/BatchMessages")
    yield f"""curl '{batch}' {json} -d '{{"Messages": [{one}, {{"To": "+61488824921"}}]}}' {login}"""


def migration_lines(url: str, config: Path) -> Iterator[str]:
    """Yield the lines about the account that migrates: lists, an old message, a share, sends, the way back."""
    messages = f"{url}/restcomm/2012-04-24/Accounts/{MOVING_ACCOUNT}/SMS/Messages"
    login, migrate = f"-u '{MOVING_ACCOUNT}:{TOKEN}'", f"{_command()} migrate"
    file = f"-c {shlex.quote(str(config))}"
    send = f"curl -s -X POST '{messages}.json' -d 'From={SENDER}' -d To=$to -d 'Body=Test SMS' {login}"
    sid = """sed 's/.*"sid":"\\([^"]*\\)".*/\\1/'"""
    sends = f"""for to in {SEVERAL}; do {migrate} where {file} $({send} | {sid}); done"""
    yield "# an account that moves from an old server to a new provider: one list over both, and a message of the old one by its SID"
    yield f"curl '{messages}.json?PageSize=5' {login}"
    yield f"curl '{messages}/{OLD_SID}.json' {login}"
    yield "# let half of all recipients go to the new provider, send to four, and see where each message went: always the same three"
    yield f"{migrate} set --percent 50 --reason 'a first look' --wait {file}"
    yield sends
    yield f"{migrate} status {file}"
    yield "# go back: sends go to the old server at once, and every message stays readable"
    yield f"{migrate} rollback --reason 'enough seen' --wait {file}"
    yield sends
    yield f"{migrate} history {file}"


def _command() -> str:
    """Return the command `sms-translator` as a shell in any folder finds it."""
    program = Path(sys.argv[0])
    if program.name != "sms-translator":  # python -m translator, perhaps from a checkout that is not installed
        return shlex.join(
            ["env", f"PYTHONPATH={Path(translator.__file__).parents[1]}", sys.executable, "-m", "translator"]
        )
    found = shutil.which(program.name)
    return program.name if found and Path(found).samefile(program) else shlex.quote(str(program.absolute()))


async def sandbox(port: int, messages: int, seed: int, say: Callable[[str], None]) -> None:
    """Run the sandbox until SIGINT or SIGTERM. Port 0 takes a free one. Raises ConfigError if the port is taken."""
    stop, token = stopped(), secrets.token_urlsafe(16)
    listener = listen("--port", Address("127.0.0.1", port))
    async with contextlib.AsyncExitStack() as world:
        world.callback(listener.close)
        urls = {
            name: await world.enter_async_context(serve_twin(twin)) for name, twin in _providers(token, messages, seed)
        }
        hook = listen("--port", Address("127.0.0.1", 0))
        await world.enter_async_context(serving(receiver(say), hook, SHUTDOWN_GRACE_SECONDS))
        folder = Path(world.enter_context(tempfile.TemporaryDirectory(prefix="sms-translator-")))
        (folder / "secret").write_text(token, "utf-8")
        config, address = folder / "translator.toml", address_of(listener)
        config.write_text(_configuration(address, hook.getsockname()[1], urls), "utf-8")
        loaded = Reader(partial(load, config, {}))()
        store = await open_store(loaded.settings.store.url, str(config), folder)
        world.push_async_callback(store.close)
        runtime = Runtime(loaded, store, Meter())
        world.push_async_callback(runtime.aclose)
        await world.enter_async_context(runtime.keeper.going_on(runtime.proxy.driver))
        application = runtime.proxy.application()
        await world.enter_async_context(serving(application, listener, SHUTDOWN_GRACE_SECONDS, runtime.door))
        url, called = f"http://{address}", f"http://{address_of(hook)}{PATH}"
        for line in (*introduction(url), *curl_lines(url, called), *migration_lines(url, config)):
            say(line)
        await stop.wait()


def _providers(token: str, messages: int, seed: int) -> Iterator[tuple[str, ASGIApp]]:
    """Yield the simulated providers by their names in the configuration."""
    for name, dialect, account in (
        ("provider", properties_v2, PROVIDER_ACCOUNT), ("old", restcomm, OLD_ACCOUNT),
        ("old-server", restcomm, MOVING_ACCOUNT), ("new-provider", properties_v2, MOVED_TO),
    ):  # fmt: skip
        yield (
            name,
            dialect.stand_up(account=account, token=token, properties=(PROPERTY,), messages=messages, seed=seed),
        )


def _configuration(listening: str, hook: int, urls: dict[str, str]) -> str:
    text = CONFIGURATION.replace("LISTEN", listening).replace("HOOK", str(hook))
    for name, url in urls.items():
        text = text.replace(f'"URL:{name}"', f'"{url}"')
    return text
