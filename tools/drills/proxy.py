"""The process of the proxy that `tools.drill` kills, and its configuration."""

import asyncio
import signal

CONFIGURATION = """
[server]
listen = "127.0.0.1:0"
admin = ""
linger = 0
[store]
url = "{store}"
[sends]
wait = 1.0
[callbacks]
allow = ["127.0.0.1"]
ports = [{port}]
poll = 0.2
[backs.provider]
dialect = "properties-v2"
url = "{provider}"
timeout = 2.0
[[accounts]]
front = {{ dialect = "restcomm", account = "AC00000000000000000000000000000001", token = "front-token" }}
back = {{ name = "provider", account = "A1", property = "P1", token = "back-token" }}
"""


class Proxy:
    """A process of the proxy."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process, self.url = process, url

    @property
    def is_alive(self) -> bool:
        return self.process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        if self.is_alive:
            self.process.send_signal(number)
