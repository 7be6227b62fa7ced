"""The permissions of a test run: all its options that concern the server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import click

from conformance.cli.server import check_property, checked_url, secret
from conformance.cli.transport import transport
from conformance.judge.control import Control
from conformance.judge.inbox import Inbox, listening
from conformance.judge.requirements import load
from conformance.judge.target import Other, Target
from conformance.reports.files import REPORTS

AT_ONCE: Final = 4
"""The number of parallel reads if no rate is given."""


def check_usage(given: dict[str, Any]) -> None:
    """Check all options before the first request. Raises UsageError for the first mistake."""
    checked_url(given["url"])
    if given["allow_send"] != bool(given["send_to"]):
        raise click.UsageError("--allow-send and --to NUMBER go together")
    check_property(given["dialect"], given["property_"])
    if given["callback_url"]:
        checked_url(given["callback_url"], "--callback-url")
        if not given["allow_send"]:
            raise click.UsageError("--callback-url goes with --allow-send: what is told is told of a send")
    if bool(given["other_account"]) != bool(given["other_token"]):
        raise click.UsageError("--other-account and --other-token go together")
    if given["other_account"] and (given["dialect"] == "properties-v2") != bool(given["other_property"]):
        raise click.UsageError("--other-property goes with --other-account and properties-v2, and is needed there")
    unknown = [name for name in given["report"].split(",") if name and name not in REPORTS]
    if unknown:
        raise click.UsageError(f"there is no report {unknown[0]}; there are {', '.join(REPORTS)}")
    sections = {one.section for one in load(given["dialect"])}
    nowhere = [name for name in given["allow_untried"] if name not in sections]
    if nowhere:
        raise click.UsageError(f"there is no section {nowhere[0]}; there are {', '.join(sorted(sections))}")


def target_of(given: dict[str, Any]) -> Target:
    """Return the server with every permission that was given. Raises UsageError if a secret is missing."""
    other = None
    if given["other_account"]:
        other = Other(given["other_account"], secret(given["other_token"], "--other-token"), given["other_property"])
    return Target(
        dialect=given["dialect"], transport=transport(given["url"], given["wait"]), account=given["account"],
        token=secret(given["token"]), property_sid=given["property_"], base=urlsplit(given["url"]).path.rstrip("/"), rate=given["rate"],
        at_once=1 if given["rate"] else AT_ONCE,
        send_to=given["send_to"], sender=given["sender"], max_sends=given["max_sends"] if given["allow_send"] else 0,
        shows=given["show_content"], other=other, patience=given["callback_wait"],
        inbox=Inbox(given["callback_url"]) if given["callback_url"] else None,
        turn=Control(transport(given["twin"], given["wait"])).turn if given["twin"] else None,
    )  # fmt: skip


@contextmanager
def receiving(inbox: Inbox | None, url: str, listen: str) -> Iterator[None]:
    """Run the receiver on its port for the length of the block. Does nothing if `inbox` is None.

    Raises UsageError if the port is not available.
    """
    if inbox is None:
        yield
        return
    parts = urlsplit(f"//{listen}" if listen else url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with listening(inbox, parts.hostname or "127.0.0.1", port):
            yield
    except OSError as error:
        raise click.UsageError(f"the receiver cannot listen on {parts.hostname}:{port}: {error.strerror}") from None
