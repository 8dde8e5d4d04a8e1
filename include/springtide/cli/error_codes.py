"""Every error code of springtide, read from its source: where it is raised, and what its message says to do next."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from springtide import errors

PACKAGE: Final = Path(__file__).parents[1]
SOURCES: Final = (PACKAGE, PACKAGE.parents[1] / "plugins" / "springtide_airflow")
"""The library, and the plugin where it stands beside it."""

LEFT_OUT: Final = "sandbox"
"""The embedded cluster answers as Kubernetes does: its codes are Kubernetes'."""

_CODE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
"""What counts as a code where names had to be followed to it; one that stands there as it is may be one word."""

_LOGS: Final = "log."
_LONGEST_ADVICE: Final = 200
_VERBS: Final = re.compile(
    r"add|allow|approve|ask|build|cancel|change|check|choose|correct|create|cut|delete|end|fit|fix|give|"
    r"free|install|leave|let|look|lower|make|mend|mount|move|name|pass|pin|plan|point|put|raise|read|"
    r"release|remove|repeat|run|see|set|start|take|tell|try|unpause|upgrade|use|wait|write"
)
"""How the sentences of messages begin that tell what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCode:
    """One code: whether the same may be tried again, the modules that raise it, and what to do."""

    code: str
    is_temporary: bool
    places: tuple[str, ...]
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Raised:
    code: str
    is_temporary: bool
    place: str
    message: str


@dataclass(slots=True)
class _Module:
    """One file, with what its names stand for."""

    tree: ast.Module
    place: str
    values: dict[str, list[ast.expr]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, root: Path) -> _Module:
        module = cls(ast.parse(path.read_text(encoding="utf-8")), path.relative_to(root).with_suffix("").as_posix())
        for node in ast.walk(module.tree):
            for name, value in _bound(node):
                module.values.setdefault(name, []).append(value)
        return module

    def calls(self) -> Iterator[ast.Call]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))

    def functions(self) -> Iterator[ast.FunctionDef]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef))


@cache
def error_codes() -> tuple[ErrorCode, ...]:
    """Return every code that a source holds, in the order of the alphabet."""
    raised: dict[str, list[_Raised]] = {}
    for root in SOURCES:
        for path in sorted(root.rglob("*.py")):
            if path.relative_to(root).parts[0] != LEFT_OUT and path != Path(__file__):
                for each in _raised(_Module.read(path, root)):
                    raised.setdefault(each.code, []).append(each)
    return tuple(_code(code, raised[code]) for code in sorted(raised))


def _code(code: str, found: list[_Raised]) -> ErrorCode:
    advices = [advice for each in found if (advice := _advice(each.message))]
    return ErrorCode(
        code=code,
        is_temporary=any(each.is_temporary for each in found),
        places=tuple(sorted({each.place for each in found})),
        advice=advices[0] if advices else "",
    )


def _raised(module: _Module) -> Iterator[_Raised]:
    for call in module.calls():
        given = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
        name = ast.unparse(call.func)
        if not given or name.startswith(_LOGS):
            continue
        for code in dict.fromkeys(_texts(given[0], module)):
            if code and (isinstance(given[0], ast.Constant) or _CODE.fullmatch(code)):
                yield _Raised(
                    code=code,
                    is_temporary=_is_temporary(name),
                    place=module.place,
                    message=_message(call, module),
                )


def _is_temporary(name: str) -> bool:
    kind = getattr(errors, name, None)
    return isinstance(kind, type) and issubclass(kind, errors.TemporaryError)


def _texts(value: ast.expr, module: _Module, depth: int = 0) -> Iterator[str]:
    """Yield every text that `value` may be, as far as its own file tells."""
    if depth > 5:  # noqa: PLR2004  names that stand for each other in a circle
        return
    parts: list[ast.expr] = []
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            parts = [body, orelse]
        case ast.BoolOp(values=parts):
            pass
        case ast.Name(id=name):
            parts = [*module.values.get(name, ()), *_passed(name, module)]
        case ast.Subscript(value=ast.Name(id=name)):
            parts = [each for known in module.values.get(name, ()) for each in _values_of(known)]
        case ast.Call(func=ast.Name(id=name)):
            parts = list(_returned(name, module))
        case ast.JoinedStr(values=[ast.Constant(value=str(begin)), ast.FormattedValue(value=inner)]):
            yield from (f"{begin}{end}" for end in _texts(inner, module, depth + 1))
    for part in parts:
        yield from _texts(part, module, depth + 1)


def _bound(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that `node` gives a value, and the values."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
            for each, value in zip(names, values, strict=False):
                if isinstance(each, ast.Name):
                    yield each.id, value
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.IfExp(body=first, orelse=second)):
            for value in (first, second):
                yield from _bound(ast.Assign(targets=[ast.Tuple(elts=names)], value=value))


def _passed(name: str, module: _Module) -> Iterator[ast.expr]:
    """Yield what calls in the file pass by place to a parameter called `name`."""
    for function in module.functions():
        places = [argument.arg for argument in function.args.args]
        if name not in places:
            continue
        index = places.index(name)
        for call in module.calls():
            if ast.unparse(call.func).rpartition(".")[2] == function.name:
                offset = index - (1 if places[0] in {"self", "cls"} else 0)
                yield from call.args[offset : offset + 1]


def _returned(name: str, module: _Module) -> Iterator[ast.expr]:
    for function in module.functions():
        if function.name == name:
            returns = (node for node in ast.walk(function) if isinstance(node, ast.Return))
            yield from (node.value for node in returns if node.value is not None)


def _values_of(known: ast.expr) -> list[ast.expr]:
    return list(known.values) if isinstance(known, ast.Dict) else []


def _message(call: ast.Call, module: _Module) -> str:
    """Return the message with `…` for what only the running program knows; "" where another file makes it."""
    given: Mapping[str | None, ast.expr] = {keyword.arg: keyword.value for keyword in call.keywords}
    message = given.get("message") or (call.args[0] if call.args else None)
    if isinstance(message, ast.Name):
        known = module.values.get(message.id, [])
        message = known[0] if len(known) == 1 else None
    return _written(message) if message is not None else ""


def _written(message: ast.expr) -> str:
    match message:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_written(part) for part in parts)
        case ast.FormattedValue():
            return "…"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _written(left) + _written(right)
    return ""


def _advice(message: str) -> str:
    """Return the end of the message from where it tells what to do: by the rule for messages, what to do comes last."""
    parts = re.split(r"(?<=[.;:?,])\s+", " ".join(message.split()))
    for at in range(len(parts) - 1, -1, -1):
        advice = " ".join(parts[at:])
        if _VERBS.fullmatch(parts[at].partition(" ")[0].lower()) and _is_whole(advice):
            return f"{advice[0].upper()}{advice[1:].rstrip('.')}"
    return ""


def _is_whole(advice: str) -> bool:
    return "…" not in advice and len(advice) <= _LONGEST_ADVICE and advice.count("`") % 2 == 0
