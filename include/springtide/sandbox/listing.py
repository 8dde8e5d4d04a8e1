"""Collections: a page of a list, and the start of a watch."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from springtide.sandbox.messages import TRUE, Request, Response
from springtide.sandbox.objects import Json, dump
from springtide.sandbox.routes import Route
from springtide.sandbox.status import ApiError, bad_request
from springtide.sandbox.store import Store
from springtide.sandbox.watching import Watch

_DEFAULT_WATCH_SECONDS = 1800.0


def page(store: Store, route: Route, request: Request, chosen: Callable[[Json], bool]) -> Response:
    """Answer a list: whole, or `limit` objects from `continue` on, all pages as of one revision.

    Raises:
        ApiError: 400 for a bad limit or token, 410 for a token whose revision was compacted.
    """
    at, start = _where_to_start(store, request)
    objects = [obj for obj in store.select(route.kind.plural, route.namespace, at=at) if chosen(obj)]
    revision = store.revision if at is None else at
    left = [obj for obj in objects if _place(obj) > start] if start else objects
    limit = int(request.query.get("limit") or 0)
    metadata: Json = {"resourceVersion": str(revision)}
    if 0 < limit < len(left):
        token = {"rv": revision, "start": _place(left[limit - 1])}
        metadata["continue"] = base64.urlsafe_b64encode(dump(token)).decode()
        metadata["remainingItemCount"] = len(left) - limit
        left = left[:limit]
    kind = route.kind
    # objects of a list carry no kind of their own; their bytes are kept with one, so it is cut off
    prefix = b'{"apiVersion":"%s","kind":"%s",' % (kind.api_version.encode(), kind.kind.encode())
    items = b",".join(b"{" + store.encode(obj).removeprefix(prefix) for obj in left)
    head = b'{"kind":"%sList","apiVersion":"%s","metadata":' % (kind.kind.encode(), kind.api_version.encode())
    return Response(200, head + dump(metadata) + b',"items":[' + items + b"]}")


def _place(obj: Json) -> list[str]:
    return [obj["metadata"].get("namespace", ""), obj["metadata"]["name"]]


def _where_to_start(store: Store, request: Request) -> tuple[int | None, list[str]]:
    """Return the revision to read (None is now) and the last place of the page before."""
    token = request.query.get("continue")
    if token:
        try:
            place = json.loads(base64.urlsafe_b64decode(token))
            return int(place["rv"]), list(place["start"])
        except (ValueError, KeyError, TypeError):
            raise bad_request("continue key is not valid") from None
    wanted = request.query.get("resourceVersion") or "0"
    if not wanted.isdigit():
        raise bad_request(f'Invalid value: "{wanted}": strconv.ParseUint: parsing "{wanted}": invalid syntax')
    if int(wanted) > store.revision:
        raise _too_large(int(wanted), store.revision)
    if request.as_of is None and request.query.get("resourceVersionMatch") == "Exact":
        return int(wanted), []
    return request.as_of, []


def _too_large(wanted: int, current: int) -> ApiError:
    message = f"Timeout: Too large resource version: {wanted}, current: {current}"
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return ApiError(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})


def watch(store: Store, route: Route, request: Request, chosen: Callable[[Json], bool]) -> Watch:
    """Return the stream of changes after the request's resourceVersion; without one it starts with what is there."""
    query = request.query
    revision = query.get("resourceVersion") or "0"
    if not revision.isdigit():
        raise bad_request(f'Invalid value: "{revision}": strconv.ParseUint: parsing "{revision}": invalid syntax')
    stream = Watch(
        store=store,
        kind=route.kind,
        namespace=route.namespace,
        matches=chosen,
        position=store.end,
        timeout=float(query.get("timeoutSeconds") or _DEFAULT_WATCH_SECONDS),
        bookmarks=query.get("allowWatchBookmarks", "") in TRUE,
    )
    if revision == "0":
        stream.first = [obj for obj in store.select(route.kind.plural, route.namespace) if chosen(obj)]
        return stream
    try:
        stream.position = store.position(int(revision))
    except ApiError as error:
        stream.refused = error
    return stream
