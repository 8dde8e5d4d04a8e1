"""Who may do what: bearer tokens and RBAC, read from the Role and RoleBinding objects in the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from springtide.sandbox.objects import Json, Ref
from springtide.sandbox.status import ApiError, Subject, forbidden, unauthorized
from springtide.sandbox.store import Store

_MASTERS = "system:masters"
_EVERYTHING: Json = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


@dataclass(frozen=True, slots=True)
class User:
    """Who a token stands for."""

    name: str
    groups: tuple[str, ...] = ()


ADMIN = User("kubernetes-admin", (_MASTERS,))
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What somebody wants to do, as the authorizer sees it."""

    verb: str
    group: str = ""
    resource: str = ""  # plural, with "/subresource" where there is one
    namespace: str = ""
    name: str = ""
    path: str = ""  # for requests that are about no resource

    @property
    def refusal(self) -> str:
        """The second half of the refusal, in the API server's words."""
        if not self.resource:
            return f'cannot {self.verb} path "{self.path}"'
        where = f'in the namespace "{self.namespace}"' if self.namespace else "at the cluster scope"
        return f'cannot {self.verb} resource "{self.resource}" in API group "{self.group}" {where}'


@dataclass
class Access:
    """Authentication by token, authorization by RBAC.

    Whoever comes without a token is the administrator with `allow_anonymous_admin`, else `system:anonymous`.
    """

    store: Store
    allow_anonymous_admin: bool = True
    tokens: dict[str, User] = field(default_factory=dict)

    def who(self, authorization: str) -> User:
        """Return the user behind an Authorization header.

        Raises:
            ApiError: 401, the token is unknown.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return ADMIN if self.allow_anonymous_admin else ANONYMOUS
        user = self.tokens.get(token)
        if user is None:
            raise unauthorized()
        return user

    def require(self, user: User, action: Action, subject: Subject) -> None:
        """Refuse what the user may not do.

        Raises:
            ApiError: 403 naming user, verb, resource, group and namespace.
        """
        if not self.allows(user, action):
            raise self.refusal(user, action, subject)

    def refusal(self, user: User, action: Action, subject: Subject) -> ApiError:
        """Return the 403 for an action."""
        why = f'User "{user.name}" {action.refusal}'
        if not action.resource:
            return ApiError(403, "Forbidden", f"forbidden: {why}", {})
        return forbidden(subject, why)

    def allows(self, user: User, action: Action) -> bool:
        """Return whether a rule grants the action."""
        if _MASTERS in user.groups:
            return True
        if not action.resource:
            return action.path.split("/")[1] in {"version", "api", "apis", "healthz", "readyz", "livez"}
        if action.resource in {"selfsubjectaccessreviews", "selfsubjectrulesreviews"}:
            return user is not ANONYMOUS
        return any(_grants(rule, action) for rule in self.rules(user, action.namespace))

    def service_account_token(self, namespace: str, name: str) -> str:
        """Return a token for a service account, the same each time."""
        user = User(f"system:serviceaccount:{namespace}:{name}", ("system:serviceaccounts", "system:authenticated"))
        token = f"sandbox-{namespace}-{name}"
        self.tokens[token] = user
        return token

    def rules(self, user: User, namespace: str) -> Iterator[Json]:
        """Yield the rules that hold for the user in a namespace, or without one."""
        if _MASTERS in user.groups:
            yield _EVERYTHING
        # a RoleBinding grants within its namespace, whatever kind of role it names
        bindings = self.store.select("clusterrolebindings")
        if namespace:
            bindings = [*bindings, *self.store.select("rolebindings", namespace)]
        for binding in bindings:
            if any(_is(subject, user, binding) for subject in binding.get("subjects") or ()):
                role = {"kind": "", "name": ""} | (binding.get("roleRef") or {})
                space = "" if role["kind"] == "ClusterRole" else binding["metadata"].get("namespace", "")
                granted = self.store.get(Ref(f"{role['kind'].lower()}s", space, role["name"]))
                yield from (granted or {}).get("rules") or ()


def _is(subject: Json, user: User, binding: Json) -> bool:
    name = subject.get("name", "")
    if subject.get("kind") == "Group":
        return name in user.groups
    if subject.get("kind") == "User":
        return bool(name == user.name)
    space = subject.get("namespace") or binding["metadata"].get("namespace", "")
    return user.name == f"system:serviceaccount:{space}:{name}"


def _grants(rule: Json, action: Action) -> bool:
    names = rule.get("resourceNames") or ()
    # rights on named objects never cover a list or a creation: those name no object
    if names and (not action.name or action.name not in names):
        return False
    _, _, subresource = action.resource.partition("/")
    resources = {"*", action.resource, *([f"*/{subresource}"] if subresource else [])}
    return (
        bool({"*", action.verb} & set(rule.get("verbs") or ()))
        and bool({"*", action.group} & set(rule.get("apiGroups") or ()))
        and bool(resources & set(rule.get("resources") or ()))
    )
