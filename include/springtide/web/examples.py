"""Examples of answers in the OpenAPI document, and the problems that every route may answer with."""

from __future__ import annotations

from typing import Any, Final

from springtide.web.problems import MEDIA_TYPE

_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "description": "`urn:springtide:error:` and the code."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable, for programs."},
        "field": {"type": ["string", "null"], "description": "What the message is about."},
        "detail": {"type": "string", "description": "For people: what is wrong, what is allowed, what to do next."},
    },
}


def _problem(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    example = {
        "type": f"urn:springtide:error:{code}",
        "status": status,
        "code": code,
        "field": None,
        "detail": detail,
        "title": detail.partition(".")[0],
    }
    return {"description": code, "content": {MEDIA_TYPE: {"schema": _SCHEMA, "example": example | more}}}


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    400: _problem(400, "parameter_unknown", "'pod': there is no such parameter; did you mean pods?", field="query"),
    401: _problem(401, "auth_required", "log in to Airflow, or send Authorization: Bearer and a token."),
    403: _problem(403, "not_allowed", "you may not do this: it takes the right to run the DAG scale_service."),
    404: _problem(
        404, "service_unknown", "service: there is no policy 'chekout' (did you mean checkout?).", field="service"
    ),
    405: _problem(405, "use_post", "GET never starts a run. Send POST to the same address.", field="execute"),
    409: _problem(409, "service_busy", "run checkout__20261127T160521_a1b2c3 of checkout is going on.", field="name"),
    413: _problem(413, "body_too_large", "the body has more than 65536 bytes.", field="body"),
    415: _problem(415, "json_expected", "Content-Type: 'text/html' is not taken; send application/json."),
    422: _problem(422, "pods_too_many", "pods: 400 is too many. Allowed: 3 to 120.", field="pods"),
    429: _problem(429, "rate_limited", "too many requests of ann within a minute."),
    500: _problem(500, "internal_error", "springtide's own fault; the log of Airflow's API server says more."),
    503: _problem(503, "airflow_unhealthy", "Airflow's triggerer is not alive: a run would stand still."),
}
"""What every route may answer with, by status."""


def _answer(description: str, example: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"example": example}}}


STARTED: Final = _answer(
    "The run that was started; `repeated` where the same key had started it before.",
    {
        "run_id": "checkout__20261127T160521_a1b2c3",
        "dag_id": "scale_service",
        "service": "checkout",
        "state": "queued",
        "link": "/dags/scale_service/runs/checkout__20261127T160521_a1b2c3",
        "requested_by": "ann",
        "requested_at": "2026-11-27T16:05:21+00:00",
        "asked": {"service": "checkout", "replicas": "6", "reason": "sale at noon"},
        "repeated": False,
    },
)
PLAN: Final = _answer(
    "What a run would do; `refused` says why it would not, null where it would.",
    {
        "policy": "checkout",
        "current": 3,
        "replicas": 6,
        "strategy": "blue_green",
        "outcome": "scale",
        "reason": "6 replicas were asked for; from 3 to 6",
        "refused": None,
    },
)
AUDIT: Final = _answer(
    "Requests, newest first; `next` is the cursor of the older ones, null at the end.",
    {
        "items": [
            {
                "at": "2026-11-27T16:05:21+00:00",
                "who": "ann",
                "dag_id": "scale_service",
                "service": "checkout",
                "run_id": "checkout__20261127T160521_a1b2c3",
                "reason": "sale at noon",
                "asked": {"service": "checkout", "replicas": "6", "reason": "sale at noon"},
                "outcome": "started",
                "code": "",
            }
        ],
        "next": None,
        "left_out": [],
    },
)
POLICIES: Final = _answer(
    "The policies that can be read; `left_out` are the errors of the files that cannot.",
    {
        "items": [
            {
                "name": "checkout",
                "owner": "payments",
                "workload": "shop/checkout",
                "strategy": "blue_green",
                "min": 3,
                "max": 120,
                "mode": "act",
                "may_scale": [],
                "may_change": True,
            }
        ],
        "next": None,
        "left_out": [],
    },
)
VALIDATED: Final = _answer(
    "Whether the policy can be used, and every error with its line.",
    {
        "valid": False,
        "name": None,
        "violations": [
            {
                "code": "policy_unknown_key",
                "field": "spec.replicas.maxPod",
                "file": "request body",
                "line": 9,
                "message": "unknown key; did you mean max?",
            }
        ],
    },
)
HEALTH: Final = _answer(
    "Each part as a light, and the worst of them.",
    {"light": "green", "parts": [{"name": "scheduler", "light": "green", "sentence": "it is alive.", "cure": ""}]},
)
