"""The peer that a developer writes in an afternoon: FastAPI in front, httpx behind, dictionaries between. BENCH_.. says where.

The handlers return dictionaries and declare no response model, as the yardstick and FastAPI's own first pages do. FastAPI then goes
through the whole value before it is written.
"""

import json
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl

import httpx
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials

ACCOUNT, TOKEN, PROPERTY = (os.environ[f"BENCH_{name}"] for name in ("ACCOUNT", "TOKEN", "PROPERTY"))
BASE = f"/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages"
STATUSES = {
    "Processing": "sending",
    "Submitted": "sent",
    "Delivered": "delivered",
    "Failed": "failed",
    "Received": "received",
}
DIRECTIONS = {"Transmit": "outbound-api", "Receive": "incoming"}
ERRORS = {
    "30001": "Queue overflow", "30002": "Account suspended", "30003": "Unreachable destination handset", "30004": "Message blocked",
    "30005": "Unknown destination handset", "30006": "Landline or unreachable carrier", "30007": "Carrier violation",
    "30008": "Unknown error", "30009": "Missing segment", "30010": "Message price exceeds max price",
    "30090": "No Response received for SMPP Request",
}  # fmt: skip

client = httpx.AsyncClient(
    base_url=f"http://127.0.0.1:{os.environ['BENCH_BACK']}", headers={"Authorization": os.environ["BENCH_BACK_LOGIN"]}
)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with client:
        yield


class AsciiResponse(JSONResponse):
    """JSON in ASCII."""

    def render(self, content: Any) -> bytes:
        """The bytes of a body."""
        return json.dumps(content).encode()


app = FastAPI(lifespan=lifespan, default_response_class=AsciiResponse)
basic = HTTPBasic(realm="Restcomm realm")


def authenticated(account: str, given: Annotated[HTTPBasicCredentials, Depends(basic)]) -> None:
    """Refuse a request without the credentials of the account."""
    known = account == ACCOUNT and secrets.compare_digest(given.username.encode(), ACCOUNT.encode())
    if not known or not secrets.compare_digest(given.password.encode(), TOKEN.encode()):
        raise HTTPException(401)


def rfc2822(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%a, %-d %b %Y %H:%M:%S +0000")


def shown(row: dict[str, Any], what: str) -> dict[str, Any]:
    """A message as the old API shows it to `send`, `get` or `list`."""
    sid = "SM" + row["MessageSid"]
    out = {
        "sid": sid, "date_created": rfc2822(row["Created"]), "date_updated": rfc2822(row["Created"]), "account_sid": ACCOUNT,
        "from": row["From"].lstrip("+"), "to": row["To"].lstrip("+"), "body": row["Text"], "status": "sending",
        "direction": "outbound-api", "api_version": "2012-04-24", "uri": f"{BASE}/{sid}.json",
    }  # fmt: skip
    if what == "send":
        return out
    out["date_updated"] = rfc2822(max(row.get(name, 0) for name in ("Created", "Submitted", "Delivered", "Received")))
    out["status"], out["direction"] = STATUSES[row["Status"]], DIRECTIONS[row["Direction"]]
    gone = row.get("Submitted", row.get("Received"))
    if gone is not None:
        out["date_sent"] = datetime.fromtimestamp(gone, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    if row["Status"] == "Failed":
        if "Submitted" in row:
            out["status"] = "undelivered"
        if "ErrorCode" in row:
            out["error_code"], out["error_message"] = int(row["ErrorCode"]), ERRORS[row["ErrorCode"]]
    if what == "get":
        out["num_segments"] = row["NumSegments"]
    return out


def answer(value: dict[str, Any]) -> Any:
    """Return the value that a handler returns, for FastAPI to write."""
    return value


def member(response: httpx.Response, name: str) -> Any:
    if response.status_code != 200:
        raise HTTPException(502)
    return response.json()[name]


ROOT = "/2012-04-24/Accounts/{account}/SMS/Messages"


@app.post(ROOT + ".json", dependencies=[Depends(authenticated)], response_model=None)
async def send(request: Request) -> Any:
    """A send."""
    form = dict(parse_qsl((await request.body()).decode()))
    if not all(form.get(name) for name in ("From", "To", "Body")):
        raise HTTPException(400)
    draft = {
        "From": "+" + form["From"].lstrip("+"), "To": "+" + form["To"].lstrip("+"), "Text": form["Body"], "DeliveryReceipt": True,
    }  # fmt: skip
    row = member(await client.post(f"/v2/Properties/{PROPERTY}/Messages", json=draft), "Message")
    return answer(shown(row, "send"))


@app.get(ROOT + "/SM{sid}.json", dependencies=[Depends(authenticated)], response_model=None)
async def get(sid: str) -> Any:
    """One message."""
    row = member(await client.get(f"/v2/Messages/{sid}"), "Message")
    return answer(shown(row, "get"))


@app.get(ROOT + ".json", dependencies=[Depends(authenticated)], response_model=None)
async def search(
    page: Annotated[int, Query(alias="Page")] = 0, size: Annotated[int, Query(alias="PageSize")] = 50
) -> Any:
    """A page of a list."""
    span = {"Date_From": 0, "Date_To": int(time.time()), "Results_Count": size, "Results_Skip": page * size}
    found = member(await client.get(f"/v2/Properties/{PROPERTY}/Messages", params=span), "Messages")
    rows = [shown(row, "list") for row in found]

    def at(number: int) -> str:
        return f"{BASE}.json?Page={number}&PageSize={size}"

    return answer(
        {
            "page": page, "page_size": size, "start": str(page * size), "end": str(page * size + len(rows) - 1), "uri": BASE,
            "first_page_uri": at(0), "previous_page_uri": at(page - 1) if page else "null",
            "next_page_uri": at(page + 1) if len(rows) == size else "null", "messages": rows,
        }
    )  # fmt: skip


def main() -> None:
    """Serve at BENCH_PORT."""
    uvicorn.run(
        app, host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), log_level="warning", access_log=False, backlog=4096,
        timeout_keep_alive=300,
    )  # fmt: skip


if __name__ == "__main__":
    main()
