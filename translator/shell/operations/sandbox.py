"""The sandbox: two simulated providers and a proxy with both fronts, on loopback and without configuration.

    curl ─▶ restcomm front      ─▶ the proxy ─▶ a simulated properties-v2 provider
    curl ─▶ properties-v2 front ─▶ the proxy ─▶ a simulated Restcomm

The conformance suite has the simulated providers, written from the documents. Their messages change status with the wall clock. A
receiver prints the status callbacks that it gets.
"""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from conformance.twins import properties_v2, restcomm
from conformance.twins.receiver import PATH, receiver
from conformance.twins.serving import serve as serve_twin
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.exchange import Limits
from translator.shell.client.provider_client import ProviderClient
from translator.shell.config.addresses import Address
from translator.shell.delivery.callback_url_policy import CallbackUrlPolicy
from translator.shell.delivery.journal import Patience
from translator.shell.delivery.receipt_urls import ReceiptUrls
from translator.shell.delivery.service import DeliveryService, DeliverySettings
from translator.shell.delivery.status_poller import Polling
from translator.shell.observability.admin import Meter
from translator.shell.process import address_of, listen, serving
from translator.shell.server.handler import Proxy
from translator.shell.signals import stopped
from translator.shell.store import open_store
from translator.shell.store.retention import Keep
from translator.shell.wiring import Dialects

ACCOUNT: Final = "AC00000000000000000000000000000001"
TOKEN: Final = "sandbox-token"  # noqa: S105 - it guards invented messages on this machine and nothing else
PROPERTY: Final = properties_v2.DEFAULT_PROPERTY
PROVIDER_ACCOUNT: Final = "A1"

OTHER_ACCOUNT: Final = "A2"
OTHER_PROPERTY: Final = "S1234567890ABCDE1234567890ABCDEG"
OLD_ACCOUNT: Final = "AC00000000000000000000000000000002"
SENDER: Final = "19876543212"
"""The sender of the seed's examples. It is also the default sender at the simulated Restcomm."""

SHUTDOWN_GRACE_SECONDS: Final = 2


def accounts(provider_token: str) -> Accounts:
    """Return the two accounts: a restcomm front with a properties-v2 back, and the reverse."""
    dialects = Dialects()
    old, new = (dialects.of(name, "front", {}, "sandbox") for name in ("restcomm", "properties-v2"))
    return Accounts(
        [
            Account(
                Endpoint(old, ACCOUNT, "", TOKEN),
                ConfiguredProvider("provider", new),
                Endpoint(new, PROVIDER_ACCOUNT, PROPERTY, provider_token),
                shared=False,
            ),
            Account(
                Endpoint(new, OTHER_ACCOUNT, OTHER_PROPERTY, TOKEN),
                ConfiguredProvider("old", old),
                Endpoint(old, OLD_ACCOUNT, "", provider_token, SENDER),
                shared=False,
            ),
        ]
    )


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


async def sandbox(port: int, messages: int, seed: int, say: Callable[[str], None]) -> None:
    """Run the sandbox until SIGINT or SIGTERM. Port 0 takes a free one. Raises ConfigError if the port is taken."""
    stop, token = stopped(), secrets.token_urlsafe(16)
    listener = listen("--port", Address("127.0.0.1", port))
    provider = properties_v2.stand_up(
        account=PROVIDER_ACCOUNT, token=token, properties=(PROPERTY,), messages=messages, seed=seed
    )
    old = restcomm.stand_up(account=OLD_ACCOUNT, token=token, properties=(), messages=messages, seed=seed)
    async with contextlib.AsyncExitStack() as world:
        world.callback(listener.close)
        urls = {
            "provider": await world.enter_async_context(serve_twin(provider)),
            "old": await world.enter_async_context(serve_twin(old)),
        }
        hook = listen("--port", Address("127.0.0.1", 0))
        await world.enter_async_context(serving(receiver(say), hook, SHUTDOWN_GRACE_SECONDS))
        backs = {name: ProviderClient(url) for name, url in urls.items()}
        spoken, meter, limits = accounts(token), Meter(), Limits()
        store = await open_store("memory:", "sandbox", Path())
        world.push_async_callback(store.close)
        keeper = DeliveryService(store, spoken, limits, _keeping(hook.getsockname()[1]), meter)
        proxy = Proxy(spoken, limits, backs, scribe=keeper.journal, meter=meter)
        world.push_async_callback(proxy.driver.aclose)
        await world.enter_async_context(keeper.going_on(proxy.driver))
        await world.enter_async_context(serving(proxy.application(), listener, SHUTDOWN_GRACE_SECONDS, proxy.door()))
        url = f"http://{address_of(listener)}"
        for line in (*introduction(url), *curl_lines(url, f"http://{address_of(hook)}{PATH}")):
            say(line)
        await stop.wait()


def _keeping(port: int) -> DeliverySettings:
    """Return delivery settings that allow callbacks only to the receiver on this machine, and that poll every second."""
    return DeliverySettings(
        CallbackUrlPolicy(["127.0.0.1"], [port]), ReceiptUrls("", ()), Patience(), Polling(poll=1.0), Keep(86400.0)
    )
