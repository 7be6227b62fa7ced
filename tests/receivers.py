"""Receivers of callbacks for tests: an httpx transport in place of the sockets, so that a test sets the response to each request."""

import httpx

from translator.shell.delivery.callback_connection import Answer, Undelivered
from translator.shell.delivery.callback_url_policy import ResolvedTarget


class Dialled:
    """The dispatcher's HTTP client over a transport. The transport gets the request with the address that the callback URL policy
    resolved."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def deliver(self, vetted: ResolvedTarget, method: str, form: str) -> Answer:
        """The transport's answer. Raises Undelivered for its errors."""
        url, content = vetted.url.copy_with(fragment=None), form.encode("ascii")
        if method == "GET":
            query = "&".join(filter(None, (url.query.decode("ascii"), form)))
            url, content = url.copy_with(query=query.encode("ascii")), b""
        headers = {"host": vetted.url.netloc.decode("ascii")}
        request = httpx.Request(method, url.copy_with(host=vetted.ip), headers=headers, content=content)
        try:
            answer = await self._transport.handle_async_request(request)
        except httpx.TimeoutException:
            raise Undelivered("no answer in time") from None
        except httpx.HTTPError as error:
            raise Undelivered(f"no answer: {type(error).__name__}") from None
        return Answer(answer.status_code, answer.headers.get("retry-after", ""))

    async def aclose(self) -> None:
        """Nothing is connected."""
