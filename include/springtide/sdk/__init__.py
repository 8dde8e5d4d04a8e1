"""The SDK: asks an Airflow with springtide in it for runs, and scales a Deployment directly.

    from springtide.sdk import Springtide

    with Springtide.from_env() as springtide:
        springtide.scale("checkout", 12, reason="sale at noon").wait(on_progress=print)

It is a distribution of its own, `springtide-sdk`, that needs httpx and nothing else; `scale` needs its extra
`kubernetes`. It imports nothing else of springtide.
"""

from springtide.sdk.asynchronous import AsyncRun, AsyncSpringtide
from springtide.sdk.client import Run, Springtide
from springtide.sdk.direct import scale
from springtide.sdk.errors import (
    Busy,
    Conflict,
    Invalid,
    Misconfigured,
    NotAllowed,
    NotFound,
    NotLoggedIn,
    NotReady,
    PermanentError,
    RunFailed,
    ServerFault,
    SpringtideError,
    StillRunning,
    TemporaryError,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
)
from springtide.sdk.readiness import Readiness
from springtide.sdk.runs import Plan, RunState
from springtide.sdk.server import Server

__all__ = [
    "AsyncRun",
    "AsyncSpringtide",
    "Busy",
    "Conflict",
    "Invalid",
    "Misconfigured",
    "NotAllowed",
    "NotFound",
    "NotLoggedIn",
    "NotReady",
    "PermanentError",
    "Plan",
    "Readiness",
    "Run",
    "RunFailed",
    "RunState",
    "Server",
    "ServerFault",
    "Springtide",
    "SpringtideError",
    "StillRunning",
    "TemporaryError",
    "TooManyRequests",
    "Unavailable",
    "UnexpectedAnswer",
    "scale",
]
