"""Every error of the SDK.

    SpringtideError             message, code, field, link
    ├── TemporaryError          try the same again after `retry_after` seconds
    │   ├── Unavailable             nobody answered, or asked to wait
    │   ├── TooManyRequests         this caller asked too often
    │   └── StillRunning            the wait is over, and what was waited for goes on
    └── PermanentError          the same call would fail again
        ├── NotLoggedIn             no token, or one that is not to be used
        ├── NotAllowed              this caller may not do it
        ├── NotFound                there is no such service, run or object
        ├── Busy                    another run has the service; `link` leads to it
        ├── Conflict                the state of the world is against it: paused, halted, changed meanwhile
        ├── Invalid                 a value is refused; `field` says which
        ├── Misconfigured           something of the installation is missing, or an extra of this package
        ├── UnexpectedAnswer        what answered is no springtide
        ├── ServerFault             springtide's own fault
        ├── RunFailed               the run ended, and not as it was asked for
        └── NotReady                the pods will not become ready

`code` is stable and made for programs; the runbook of springtide lists every one. The message is made for people, and
holds no secret.
"""

from __future__ import annotations


class SpringtideError(Exception):
    """The root of the tree. `link` leads to the run that the error is about, where there is one."""

    def __init__(self, message: str, *, code: str, field: str | None = None, link: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.field = field
        self.link = link


class TemporaryError(SpringtideError):
    """Try the same again after `retry_after` seconds; None where nobody said when."""

    retry_after: float | None = None


class Unavailable(TemporaryError):
    """Nobody answered in time, or whoever did asked to wait."""


class TooManyRequests(TemporaryError):
    """This caller asked too often."""


class StillRunning(TemporaryError):
    """The wait is over, and what was waited for goes on: wait again, or look at it."""


class PermanentError(SpringtideError):
    """The same call would fail again."""


class NotLoggedIn(PermanentError):
    """No token was sent, or one that is not to be used; or user and password are wrong."""


class NotAllowed(PermanentError):
    """This caller may not do it."""


class NotFound(PermanentError):
    """There is no such service, run or object."""


class Busy(PermanentError):
    """Another run has the service: wait for it, or ask with `queue=True` to be done after it."""


class Conflict(PermanentError):
    """The state of the world is against it."""


class Invalid(PermanentError):
    """A value is refused; `field` says which."""


class Misconfigured(PermanentError):
    """Something of the installation is missing, or an extra of this package."""


class UnexpectedAnswer(PermanentError):
    """What answered is no springtide."""


class ServerFault(PermanentError):
    """It is springtide's own fault; the log of the server says more."""


class RunFailed(PermanentError):
    """The run ended, and not as it was asked for; `code` is that of its error, else its outcome."""


class NotReady(PermanentError):
    """The pods will not become ready; the message carries the cluster's words."""
