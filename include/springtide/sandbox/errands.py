"""What the API server asks a pod in its client's place, over the network."""

from __future__ import annotations

import aiohttp

from springtide.sandbox.messages import Errand, Response
from springtide.sandbox.relay import NO_TLS, PLAIN, refused, unreached

_LONGEST_SECONDS = 60.0


async def sent(errand: Errand) -> Response:
    """Ask over the network, on a connection of its own, and return what came back."""
    host, port = errand.address
    url = f"{errand.scheme}://{host}:{port}{errand.path}"
    timeout = aiohttp.ClientTimeout(_LONGEST_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(errand.method, url, headers=errand.headers, allow_redirects=False) as answer,
        ):
            body = await answer.read()
            kind = answer.headers.get("Content-Type", PLAIN)
            return Response(answer.status, body, content_type=kind)
    except aiohttp.ClientSSLError:
        return unreached(NO_TLS)
    except aiohttp.ClientConnectorError:
        return unreached(refused(errand))
    except (aiohttp.ClientError, TimeoutError) as error:
        return unreached(str(error) or type(error).__name__)
