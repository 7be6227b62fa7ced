"""The shim that somebody writes in an afternoon, as the peer: FastAPI, httpx, dictionaries. `python -m bench.shim PORT-OF-THE-STUB`.

It sends and gets one message, with no journal, no errors in the old shape, no XML and no filters. Prints its port; ends when told.
"""

import asyncio
import socket
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

app = FastAPI()
STATUSES = {"Processing": "sending", "Submitted": "sent", "Delivered": "delivered", "Failed": "failed"}
client = httpx.AsyncClient(auth=("A1", "token"))
base = ""


def _shown(account: str, message: dict[str, Any]) -> dict[str, Any]:
    created = format_datetime(datetime.fromtimestamp(message["Created"], UTC))
    return {
        "sid": "SM" + message["MessageSid"], "date_created": created, "date_updated": created, "account_sid": account,
        "from": message["From"].lstrip("+"), "to": message["To"].lstrip("+"), "body": message["Text"],
        "status": STATUSES[message["Status"]], "direction": "outbound-api", "api_version": "2012-04-24",
        "uri": f"/2012-04-24/Accounts/{account}/SMS/Messages/SM{message['MessageSid']}.json",
    }  # fmt: skip


@app.post("/2012-04-24/Accounts/{account}/SMS/Messages.json")
async def send(account: str, request: Request) -> JSONResponse:
    """A send."""
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
    draft = {"From": "+" + form["From"], "To": "+" + form["To"], "Text": form["Body"]}
    answer = await client.post(f"{base}/v2/Properties/P1/Messages", json=draft)
    return JSONResponse(_shown(account, answer.json()["Message"]))


@app.get("/2012-04-24/Accounts/{account}/SMS/Messages/{sid}.json")
async def get(account: str, sid: str) -> JSONResponse:
    """One message."""
    answer = await client.get(f"{base}/v2/Messages/{sid[2:]}")
    return JSONResponse(_shown(account, answer.json()["Message"]))


def main() -> None:
    """Serve before the stub at the given port."""
    global base  # noqa: PLW0603 - an afternoon's shim
    base = f"http://127.0.0.1:{sys.argv[1]}"
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
