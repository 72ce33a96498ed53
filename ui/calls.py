"""How an own route is reached: checked for login and owner, run off the event loop, failures told in words.

`route(path, handler, desks)` makes a Starlette route whose handler gets a `Call`: the visitor's desk, parameters,
body, language. gradio's login does not cover own routes, so the cookie is checked here against the tokens of the app
that serves, and anything unexpected counts as "not logged in". Handlers are plain functions and may raise KizuError.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from augment.errors import InvalidInput, KizuError, NotFound, NotReady, Refused
from ui.i18n import Language, language_of
from ui.state import Desk, Desks

BODY_LIMIT_BYTES = 8 * 1024 * 1024
"""Largest body an own route reads: a mask or a selection of a million ids; images come in by gradio's upload."""

_STATUS = ((NotFound, 404), (Refused, 403), (NotReady, 409), (InvalidInput, 400))
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Call:
    """One request that has passed the checks."""

    desk: Desk
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    language: Language
    reviewer: str

    def id(self, name: str = "id") -> int:
        """The path parameter `name` as a database id, at least 1. Raises NotFound for anything else."""
        value = self.path.get(name, "")
        if not (value.isascii() and value.isdigit() and 0 < len(value) < 16 and int(value) > 0):
            raise NotFound(f"{name} {value!r} is no id: a whole number from 1 is needed")
        return int(value)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises InvalidInput for anything else."""
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise InvalidInput(f"the request's body is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise InvalidInput(f"the request's body is a {type(value).__name__}: a JSON object is needed")
        return value


Handler = Callable[[Call], Response]


def user_of(request: object) -> str | None:
    """Name of whoever is logged in, "" where this installation asks for no login, None for a stranger. Never raises."""
    try:
        app = getattr(request, "app")  # noqa: B009 - a gradio App or nothing that can be trusted
        if app.auth is None and app.auth_dependency is None:
            return ""
        cookies: Mapping[str, str] = getattr(request, "cookies")  # noqa: B009 - the same
        token = cookies.get(f"access-token-{app.cookie_id}") or cookies.get(f"access-token-unsecure-{app.cookie_id}")
        user = app.tokens.get(token) if token else None
        return str(user) if user else None
    except (AttributeError, KeyError, TypeError):
        # Another gradio or another server: what cannot be checked is not let in.
        return None


def reviewer_of(request: object, desk: Desk) -> str:
    """Who signs a verdict: the login's name, "visitor" in a public demo, else the name this desk was opened with.

    request: a gradio or a Starlette request.
    """
    name = getattr(request, "username", None) or user_of(getattr(request, "request", request))
    return str(name or ("visitor" if desk.demo else desk.reviewer) or "reviewer")


async def _body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_LIMIT_BYTES:
            raise InvalidInput(f"the request's body is larger than {BODY_LIMIT_BYTES // 2**20} MB")
        chunks.append(chunk)
    return b"".join(chunks)


async def open_call(request: Request, desks: Desks, *, read: bool = True) -> Call:
    """Check the request and gather its `Call`.

    read: read the body; an upload reads it itself.
    Raises PermissionError for a stranger, KizuError where there is no desk.
    """
    if user_of(request) is None:
        raise PermissionError
    desk = await run_in_threadpool(desks.of, request)
    body = await _body(request) if read and request.method not in {"GET", "HEAD"} else b""
    return Call(
        desk=desk,
        path=request.path_params,
        query=request.query_params,
        body=body,
        language=language_of(request),
        reviewer=reviewer_of(request, desk),
    )


def failure(error: KizuError) -> Response:
    """A KizuError as a JSON answer `{"error": text}` with the status that fits its kind."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    return JSONResponse({"error": str(error)}, status)


def guarded(
    desks: Desks,
    answer: Callable[[Request, Call], Awaitable[Response]],
    *,
    read: bool = True,
) -> Callable[..., Awaitable[Response]]:
    """An endpoint that lets only checked calls through to `answer` and turns every failure into a JSON answer."""

    async def endpoint(request: Request) -> Response:
        try:
            return await answer(request, await open_call(request, desks, read=read))
        except PermissionError:
            return JSONResponse({"error": "log in first"}, 401)
        except KizuError as error:
            return failure(error)
        except Exception:  # noqa: BLE001 - the last resort: a visitor gets words, the log the traceback
            _log.exception("%s %s failed", request.method, request.url.path)
            return JSONResponse({"error": "this failed in the server; its log says why"}, 500)

    return endpoint


def route(path: str, handler: Handler, desks: Desks, methods: tuple[str, ...] = ("GET",)) -> Route:
    """A route whose `handler` runs in a thread, for checked calls only."""

    async def answer(_: Request, call: Call) -> Response:
        return await run_in_threadpool(handler, call)

    return Route(path, guarded(desks, answer), methods=list(methods))
