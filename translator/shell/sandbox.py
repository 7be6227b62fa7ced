"""A whole world on loopback: two simulated providers, and one proxy with both fronts before them. Nothing to configure.

    curl ─▶ restcomm front      ─▶ the proxy ─▶ a simulated properties-v2 provider
    curl ─▶ properties-v2 front ─▶ the proxy ─▶ a simulated Restcomm

The providers are the judge's own twins, written from the documents; their life cycles advance with the clock on the wall.
"""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from typing import Final

from conformance.twins import properties_v2, restcomm
from conformance.twins.serving import serve as serve_twin
from translator.accounts import Accounts, Back, Entry, Side
from translator.exchange import Limits
from translator.shell.addresses import Address
from translator.shell.app import Proxy
from translator.shell.assembly import Dialects
from translator.shell.serve import address_of, listen, serving, stopped
from translator.shell.upstream import Upstream

ACCOUNT: Final = "AC00000000000000000000000000000001"
TOKEN: Final = "sandbox-token"  # noqa: S105 - it guards invented messages on this machine and nothing else
PROPERTY: Final = properties_v2.DEFAULT_PROPERTY
PROVIDER_ACCOUNT: Final = "A1"

OTHER_ACCOUNT: Final = "A2"
OTHER_PROPERTY: Final = "S1234567890ABCDE1234567890ABCDEG"
OLD_ACCOUNT: Final = "AC00000000000000000000000000000002"
SENDER: Final = "19876543212"
"""The sender of the seed's examples; also what the old server is given where the front names none."""

_GRACE: Final = 2


def accounts(provider_token: str) -> Accounts:
    """The two entries: restcomm before properties-v2, and the other way round."""
    dialects = Dialects()
    old, new = (dialects.of(name, "front", {}, "sandbox") for name in ("restcomm", "properties-v2"))
    return Accounts(
        [
            Entry(
                Side(old, ACCOUNT, "", TOKEN),
                Back("provider", new),
                Side(new, PROVIDER_ACCOUNT, PROPERTY, provider_token),
                shared=False,
            ),
            Entry(
                Side(new, OTHER_ACCOUNT, OTHER_PROPERTY, TOKEN),
                Back("old", old),
                Side(old, OLD_ACCOUNT, "", provider_token, SENDER),
                shared=False,
            ),
        ]
    )


def curl_lines(url: str) -> Iterator[str]:
    """What to try: the examples of the documents, as their own curl lines with the sandbox's address and credentials."""
    messages = f"{url}/restcomm/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages"
    login = f"-u '{ACCOUNT}:{TOKEN}'"
    filters = "From=19876543212&To=13216549878&StartTime=2018-05-30&EndTime=2018-06-09&Page=0&PageSize=10"
    sid = f"SM{properties_v2.DELIVERED_EXAMPLE_SID}"
    yield "# the restcomm dialect before a properties-v2 provider: send, list, get one, and get it as XML"
    yield (f"curl -X POST '{messages}.json' -d 'From=19876543212' -d 'To=13216549878' -d 'Body=Test SMS' {login}")
    yield f"curl '{messages}.json?{filters}&SortBy=DateCreated:asc' {login}"
    yield f"curl '{messages}/{sid}.json' {login}"
    yield f"curl '{messages}/{sid}' {login}"
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
    batch = search.replace("/Messages", "/BatchMessages")
    yield f"""curl '{batch}' {json} -d '{{"Messages": [{one}, {{"To": "+61488824921"}}]}}' {login}"""


async def sandbox(port: int, messages: int, seed: int, say: Callable[[str], None]) -> None:
    """Run it until SIGINT or SIGTERM. Port 0 takes a free one. Raises ConfigError when the port is taken."""
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
        backs = {name: Upstream(url) for name, url in urls.items()}
        proxy = Proxy(accounts(token), Limits(), backs)
        await world.enter_async_context(serving(proxy.application(), listener, _GRACE))
        for line in curl_lines(f"http://{address_of(listener)}"):
            say(line)
        await stop.wait()
