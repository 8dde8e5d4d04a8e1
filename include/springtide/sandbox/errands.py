"""What the API server asks a pod in its client's place, over the network."""

from __future__ import annotations

import aiohttp

from springtide.sandbox.messages import Errand, Response
from springtide.sandbox.relay import NO_TLS, PLAIN, refused, unreached

_LONGEST_SECONDS = 60.0
_MOST_BYTES = 16 * 1024 * 1024
_AS_IT_IS = {"Accept-Encoding": "identity"}


async def sent(errand: Errand) -> Response:
    """Ask over the network, on a connection of its own, and return what came back."""
    host, port = errand.address
    url = f"{errand.scheme}://{host}:{port}{errand.path}"
    timeout = aiohttp.ClientTimeout(_LONGEST_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=False, headers=_AS_IT_IS) as session,
            session.request(errand.method, url, headers=errand.headers, allow_redirects=False) as answer,
        ):
            body = await answer.content.read(_MOST_BYTES + 1)
            while len(body) <= _MOST_BYTES and (more := await answer.content.read(_MOST_BYTES + 1 - len(body))):
                body += more
            if len(body) > _MOST_BYTES:
                return unreached(f"the answer has more than {_MOST_BYTES} bytes")
            kind = answer.headers.get("Content-Type", PLAIN)
            return Response(answer.status, body, content_type=kind)
    except aiohttp.ClientSSLError:
        return unreached(NO_TLS)
    except aiohttp.ClientConnectorError:
        return unreached(refused(errand))
    except (aiohttp.ClientError, TimeoutError) as error:
        return unreached(str(error) or type(error).__name__)
