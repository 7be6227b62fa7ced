"""The peers and how each is started before the stub: the product with two stores, nginx with Lua, Node, and FastAPI in two ways."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from bench.beside import data, machine

MEMORY: Final = "product, memory:"
SQLITE: Final = "product, SQLite"
NGINX: Final = "nginx + Lua"
NODE: Final = "Node, fastify + undici"
FASTAPI: Final = "FastAPI + httpx"
FASTAPI_TUNED: Final = "FastAPI + httpx, tuned"

CONFIGURATION: Final = """
[server]
listen = "127.0.0.1:{port}"
admin = "127.0.0.1:{admin}"
deadline = 120
[lists]
total_ttl = 86400
[store]
url = "{store}"
[backs.provider]
dialect = "properties-v2"
url = "http://127.0.0.1:{back}"
page_max = 1000
concurrency = {concurrency}
timeout = 60
[[accounts]]
front = {{ dialect = "restcomm", account = "{account}", token = "{token}" }}
back = {{ name = "provider", account = "{back_account}", property = "{property}", token = "{back_token}" }}
"""


class Place(NamedTuple):
    """The surroundings of a peer: its own folder, its port, the provider's port, and the number of requests at a time."""

    folder: Path
    port: int
    back: int
    concurrency: int


@dataclass(frozen=True)
class Peer:
    """A peer of the product.

    `words` start it. `lacks` names the parts that are not installed. `cells` are the cells that it is measured in (none: all).
    If it `is_slow`, its responses take too long for a cell to be taken in slices.
    """

    name: str
    does: str
    words: Callable[[Place], list[str]]
    lacks: Callable[[], str]
    product: bool = False
    cells: tuple[str, ...] = ()
    is_slow: bool = False


def _product(store: str) -> Callable[[Place], list[str]]:
    def words(place: Place) -> list[str]:
        path = place.folder / "translator.toml"
        path.write_text(
            CONFIGURATION.format(
                port=place.port, admin=machine.free_port(), store=store, back=place.back, concurrency=place.concurrency,
                account=data.ACCOUNT, token=data.TOKEN, property=data.PROPERTY, back_account=data.BACK_ACCOUNT,
                back_token=data.BACK_TOKEN,
            ),
            "utf-8",
        )  # fmt: skip
        return [sys.executable, "-m", "translator", "serve", "-c", str(path), "-o", "json"]

    return words


def _nginx_modules(nginx: str) -> Path:
    """The folder of its modules, as it says itself."""
    says = subprocess.run([nginx, "-V"], capture_output=True, text=True, check=True).stderr
    return Path(
        next((word.partition("=")[2] for word in says.split() if word.startswith("--modules-path=")), "modules")
    )


def _nginx(place: Place) -> list[str]:
    nginx = shutil.which("nginx") or "nginx"
    text = (machine.HERE / "nginx.conf.template").read_text("utf-8")
    known = {
        "MODULES": _nginx_modules(nginx), "HERE": machine.HERE, "BACK": place.back, "PORT": place.port, "BACK_LOGIN": data.BACK_LOGIN,
    }  # fmt: skip
    for name, value in known.items():
        text = text.replace(f"@{name}@", str(value))
    (place.folder / "nginx.conf").write_text(text, "utf-8")
    return [nginx, "-p", str(place.folder), "-c", str(place.folder / "nginx.conf")]


def _nginx_lacks() -> str:
    nginx = shutil.which("nginx")
    if nginx is None:
        return "nginx"
    wanted = [_nginx_modules(nginx) / name for name in ("ndk_http_module.so", "ngx_http_lua_module.so")]
    return ", ".join(path.name for path in wanted if not path.exists())


def node_modules() -> Path:
    """The folder in which fastify, @fastify/formbody and undici were installed."""
    named = os.environ.get("BENCH_NODE_MODULES")
    return Path(named) if named else Path(tempfile.gettempdir()) / "sms-translator-bench" / "node"


def _node_lacks() -> str:
    if shutil.which("node") is None:
        return "node"
    installed = node_modules() / "node_modules"
    return ", ".join(name for name in ("fastify", "@fastify/formbody", "undici") if not (installed / name).is_dir())


def _python_lacks(*names: str) -> Callable[[], str]:
    return lambda: ", ".join(name for name in names if find_spec(name) is None)


def _node(_: Place) -> list[str]:
    return [shutil.which("node") or "node", str(machine.HERE / "translate.mjs")]


def _python(module: str) -> Callable[[Place], list[str]]:
    return lambda _: [sys.executable, "-m", f"bench.beside.{module}"]


_SENDS: Final = ("send c16", "send c256", "send c256, 20 ms")
_WHOLE: Final = (
    "the whole API: journal, log, metrics, faults, filters, totals; a list is asked for by a range, its total known"
)
_NARROW: Final = "credentials, send, get and list with Page and PageSize; no journal, no log, no metrics, no total"
PEERS: Final = {
    peer.name: peer
    for peer in (
        Peer(MEMORY, _WHOLE, _product("memory:"), lambda: "", product=True),
        Peer(SQLITE, _WHOLE + "; each send is on the disk before it is made", _product("sqlite:///translator.db"), lambda: "",
             product=True, cells=_SENDS),
        Peer(NGINX, _NARROW, _nginx, _nginx_lacks),
        Peer(NODE, _NARROW, _node, _node_lacks),
        Peer(FASTAPI, _NARROW, _python("without_sniffio"), _python_lacks("fastapi", "httpx"), is_slow=True),
        Peer(FASTAPI_TUNED, _NARROW, _python("tuned"), _python_lacks("fastapi", "httpx", "sniffio"), is_slow=True),
    )
}  # fmt: skip


class Running(NamedTuple):
    """A peer that listens."""

    port: int
    pid: int


@contextmanager
def running(peer: Peer, back: int, processor: int, concurrency: int = 512) -> Iterator[Running]:
    """Start a peer before the stub at port `back`, in a folder of its own, and end it afterwards. Its log is a file in that folder."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        place = Place(Path(folder), machine.free_port(), back, concurrency)
        known = {
            "BENCH_ACCOUNT": data.ACCOUNT, "BENCH_TOKEN": data.TOKEN, "BENCH_PROPERTY": data.PROPERTY, "BENCH_BACK_LOGIN": data.BACK_LOGIN,
            "BENCH_BACK": str(back), "BENCH_PORT": str(place.port), "BENCH_NODE_MODULES": str(node_modules()), "NODE_ENV": "production",
        }  # fmt: skip
        log = place.folder / "log"
        with log.open("wb") as out:
            process = machine.start(
                processor, peer.words(place), cwd=machine.HERE.parents[1], env=os.environ | known, stdin=subprocess.PIPE,
                stdout=out, stderr=out,
            )  # fmt: skip
        try:
            machine.wait_for(place.port, process)
            yield Running(place.port, process.pid)
        except Exception as error:
            error.add_note(f"{peer.name} says last: {log.read_bytes()[-1000:].decode(errors='replace')}")
            raise
        finally:
            machine.end(process)
