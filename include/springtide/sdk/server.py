"""Which server is asked, in whose name, and how patiently; and what the environment says about it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import urlsplit

from springtide.sdk.errors import Invalid, NotLoggedIn

URL: Final = "SPRINGTIDE_URL"
TOKEN: Final = "SPRINGTIDE_TOKEN"  # noqa: S105 -- the name of a variable
USER: Final = "SPRINGTIDE_USER"
PASSWORD: Final = "SPRINGTIDE_PASSWORD"  # noqa: S105 -- the name of a variable


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An Airflow with springtide in it.

    `url` is Airflow's own address. Either `token` is a bearer token of Airflow's, or `user` and `password` are changed
    for one. `timeout` bounds each request in seconds; a request that nobody answered is sent `retries` times more.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 20.0
    retries: int = 4

    def __post_init__(self) -> None:
        address = urlsplit(self.url)
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise Invalid(f"url: {self.url[:80]!a} is no http(s) address.", code="url_scheme", field="url")
        if not self.token and not (self.user and self.password):
            raise NotLoggedIn(
                f"token: give a token, or a user and a password ({TOKEN}, or {USER} and {PASSWORD}).",
                code="auth_required",
                field="token",
            )
        object.__setattr__(self, "url", self.url.rstrip("/"))

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Return the server that the environment names.

        Raises:
            Invalid: SPRINGTIDE_URL is not set (`url_required`), or is no http(s) address (`url_scheme`).
            NotLoggedIn: nobody is named in whose name to ask (`auth_required`).
        """
        environment = os.environ if environment is None else environment
        url = environment.get(URL)
        if not url:
            raise Invalid(f"url: set {URL} to the address of your Airflow.", code="url_required", field="url")
        return cls(
            url=url,
            token=environment.get(TOKEN) or None,
            user=environment.get(USER) or None,
            password=environment.get(PASSWORD) or None,
        )
