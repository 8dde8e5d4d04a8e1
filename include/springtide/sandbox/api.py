"""The API server: `Api.serve(request)` answers one request, at once and from its arguments, the store and the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from springtide.sandbox import discovery, patches, routes
from springtide.sandbox.access import Access, Action, User
from springtide.sandbox.listing import page, watch
from springtide.sandbox.messages import REVIEW_OF_ALL, REVIEW_OF_ONE, TRUE, Request, Response, answer, refusal
from springtide.sandbox.objects import Json, stamp
from springtide.sandbox.relay import Relay
from springtide.sandbox.routes import Route
from springtide.sandbox.selectors import label_text, parse_fields, parse_labels
from springtide.sandbox.status import ApiError, Subject, bad_request, method_not_allowed, not_found
from springtide.sandbox.store import Store
from springtide.sandbox.validate import check_scale
from springtide.sandbox.writers import Deletion, Writer
from springtide.sandbox.writes import Writes

_TOKEN_SECONDS = 3600
_AUTHORIZATION = "authorization.k8s.io"
_REVIEWS = {
    REVIEW_OF_ONE: Subject(group=_AUTHORIZATION, plural="selfsubjectaccessreviews", kind="SelfSubjectAccessReview"),
    REVIEW_OF_ALL: Subject(group=_AUTHORIZATION, plural="selfsubjectrulesreviews", kind="SelfSubjectRulesReview"),
}


class Api:
    """A small Kubernetes API server."""

    def __init__(self, writes: Writes, access: Access) -> None:
        self.store: Store = writes.store
        self.writes = writes
        self.access = access
        self._relay = Relay(writes.store, writes.rng)
        self._handlers: dict[str, Callable[[Request, Route], Response]] = {
            "get": self._get,
            "list": self._list,
            "watch": self._watch,
            "create": self._create,
            "update": self._change,
            "patch": self._change,
            "delete": self._delete,
            "deletecollection": self._delete_all,
        }

    def serve(self, request: Request) -> Response:
        """Answer a request; a refusal is an answer, too."""
        try:
            user = self.access.who(request.headers.get("authorization", ""))
            if request.path in _REVIEWS:
                return self._review(request, user)
            return self._answer(request, user)
        except ApiError as error:
            return refusal(error)

    def _answer(self, request: Request, user: User) -> Response:
        try:
            route = routes.find(request.path)
        except ApiError:  # no object's path: perhaps one of the server's own
            unserved = routes.unserved(request.method, request.path)
            if unserved is not None:  # whether there is such a resource, nobody learns who may not have it
                self.access.require(user, unserved, Subject(group=unserved.group, plural=unserved.resource, kind=""))
            return self._about_itself(request, user)
        verb = routes.verb(request.method, route, watch=request.is_watch)
        # a namespace is read by the rights within it
        namespace = route.name if route.kind.plural == "namespaces" else route.namespace
        action = Action(
            verb=verb,
            group=route.kind.group,
            resource=route.resource,
            namespace=namespace,
            name=route.name,
        )
        self.access.require(user, action, route.subject)
        return self._handlers[verb](request, route)

    def _about_itself(self, request: Request, user: User) -> Response:
        nothing = Subject(group="", plural="", kind="")
        self.access.require(user, Action(verb="get", path=request.path), nothing)
        document = discovery.serve(request.path)
        if request.method not in {"GET", "HEAD"}:
            raise method_not_allowed()
        return document

    def _get(self, request: Request, route: Route) -> Response:
        if route.subresource == "proxy":
            return self._relay.errand(request, route)
        obj = self.store.get(route.ref, at=request.as_of)
        if obj is None:
            raise not_found(route.subject)
        if route.subresource == "scale":
            return answer(scale_of(obj))
        return Response(200, self.store.encode(obj))

    def _list(self, request: Request, route: Route) -> Response:
        return page(self.store, route, request, _matcher(request, route))

    def _watch(self, request: Request, route: Route) -> Response:
        return Response(200, watch=watch(self.store, route, request, _matcher(request, route)))

    def _create(self, request: Request, route: Route) -> Response:
        if route.subresource == "token":
            return self._token(route)
        writer = _writer(request, route)
        obj = self.writes.create(route.kind, request.json, route.namespace, writer)
        return self._written(obj, writer, 201)

    def _change(self, request: Request, route: Route) -> Response:
        writer = _writer(request, route)
        if route.subresource == "scale":
            return self._change_scale(request, route, writer)
        obj = self.writes.update(route.kind, route.ref, lambda old: _wanted(request, old, route), writer)
        return self._written(obj, writer, 200)

    def _change_scale(self, request: Request, route: Route, writer: Writer) -> Response:
        def with_replicas(old: Json) -> Json:
            scale = _wanted(request, scale_of(old), route)
            replicas: Any = (scale.get("spec") or {}).get("replicas", 0)
            check_scale(route.kind, route.name, replicas)
            given = {key: scale.get("metadata", {}).get(key) for key in ("resourceVersion", "uid", "name")}
            # what the Scale was read at is what the Deployment is compared with
            metadata = {**old["metadata"], **{key: value for key, value in given.items() if value}}
            return {**old, "metadata": metadata, "spec": {**old["spec"], "replicas": replicas}}

        return answer(scale_of(self.writes.update(route.kind, route.ref, with_replicas, writer)))

    def _written(self, obj: Json, writer: Writer, status: int) -> Response:
        return answer(obj, status) if writer.dry_run else Response(status, self.store.encode(obj))

    def _delete(self, request: Request, route: Route) -> Response:
        how = _deletion(request)
        obj, gone = self.writes.delete(route.kind, route.ref, how)
        if not gone or route.kind.plural == "pods":  # the others answer a Status once they are gone
            return answer(obj)
        details = {**route.subject.details(), "uid": obj["metadata"]["uid"]}
        return answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})

    def _delete_all(self, request: Request, route: Route) -> Response:
        how = _deletion(request)
        chosen = _matcher(request, route)
        deleted = [obj for obj in self.store.select(route.kind.plural, route.namespace) if chosen(obj)]
        for obj in deleted:
            self.writes.delete(route.kind, route.kind.ref(obj), how)
        metadata = {"resourceVersion": str(self.store.revision)}
        kind = f"{route.kind.kind}List"
        return answer({"kind": kind, "apiVersion": route.kind.api_version, "metadata": metadata, "items": deleted})

    def _review(self, request: Request, user: User) -> Response:
        """Answer somebody who asks what they may do: one right, or the rules in a namespace."""
        if request.method != "POST":
            raise method_not_allowed()
        subject = _REVIEWS[request.path]
        self.access.require(user, Action(verb="create", group=subject.group, resource=subject.plural), subject)
        body = request.json
        spec = body.get("spec") or {}
        status: Json = {"allowed": self.access.allows(user, _asked(spec))}
        if request.path == REVIEW_OF_ALL:
            rules = list(self.access.rules(user, spec.get("namespace") or ""))
            status = {"resourceRules": rules, "nonResourceRules": [], "incomplete": False}
        return answer({**body, "status": status, "metadata": {}}, 201)

    def _token(self, route: Route) -> Response:
        """Answer a TokenRequest for a service account."""
        if self.store.get(route.ref) is None:
            raise not_found(route.subject)
        token = self.access.service_account_token(route.namespace, route.name)
        expires = stamp(self.writes.now() + timedelta(seconds=_TOKEN_SECONDS))
        status = {"token": token, "expirationTimestamp": expires}
        return answer(
            {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "status": status}, 201
        )


def scale_of(obj: Json) -> Json:
    """Return the Scale of a Deployment or ReplicaSet."""
    metadata = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas = obj["spec"].get("replicas", 0)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in kept},
        "spec": {"replicas": replicas} if replicas else {},
        "status": {"replicas": obj["status"].get("replicas", 0), "selector": label_text(obj["spec"]["selector"])},
    }


def _wanted(request: Request, old: Json, route: Route) -> Json:
    """Return the object that a PUT or PATCH asks for."""
    if request.method == "PATCH":
        return patches.apply(request.headers.get("content-type", ""), old, request.body)
    body = request.json
    if not isinstance(body.get("metadata", {}), dict):
        raise bad_request("metadata has to be an object")
    return {**body, "metadata": {"name": route.name, **(body.get("metadata") or {})}}


def _writer(request: Request, route: Route) -> Writer:
    return Writer(
        manager=request.manager,
        subresource=route.subresource,
        dry_run=_is_dry(request.query.get("dryRun", "")),
        replaces=request.method == "PUT",
    )


def _is_dry(value: str) -> bool:
    if value not in {"", "All"}:
        raise bad_request(f'invalid dryRun value "{value}": supported values: "All"')
    return value == "All"


def _deletion(request: Request) -> Deletion:
    body = request.json
    preconditions = body.get("preconditions") or {}
    grace = body.get("gracePeriodSeconds", request.query.get("gracePeriodSeconds"))
    policy = body.get("propagationPolicy") or request.query.get("propagationPolicy") or "Background"
    orphan = body.get("orphanDependents", request.query.get("orphanDependents") in TRUE)
    dry = body.get("dryRun") or [request.query.get("dryRun", "")]
    return Deletion(
        grace=None if grace is None else int(grace),
        policy="Orphan" if orphan else policy,
        uid=preconditions.get("uid") or "",
        version=preconditions.get("resourceVersion") or "",
        dry_run=any(_is_dry(value) for value in dry),
    )


def _matcher(request: Request, route: Route) -> Callable[[Json], bool]:
    """Return the test for the label and field selectors of a request."""
    by_label = parse_labels(request.query.get("labelSelector", ""))
    selector = request.query.get("fieldSelector", "")
    if route.name:
        selector = f"{selector},metadata.name={route.name}"
    if not selector:
        return lambda obj: by_label(obj["metadata"].get("labels") or {})
    by_field = parse_fields(route.kind.plural, selector)
    return lambda obj: by_label(obj["metadata"].get("labels") or {}) and by_field(obj)


def _asked(spec: Json) -> Action:
    attributes = spec.get("resourceAttributes")
    if attributes is None:
        attributes = spec.get("nonResourceAttributes") or {}
        return Action(verb=attributes.get("verb", ""), path=attributes.get("path", "/"))
    subresource = attributes.get("subresource")
    resource = attributes.get("resource", "")
    return Action(
        verb=attributes.get("verb", ""),
        group=attributes.get("group", ""),
        resource=f"{resource}/{subresource}" if subresource else resource,
        namespace=attributes.get("namespace", ""),
        name=attributes.get("name", ""),
    )
