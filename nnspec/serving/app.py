"""The paths of the server: the Open Inference Protocol, /metrics, and the page to try a model."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from nnspec import __version__
from nnspec.data.wording import listed, quoted
from nnspec.serving.answers import answered
from nnspec.serving.batching import Batcher
from nnspec.serving.bodies import Account, Body
from nnspec.serving.metrics import TYPE, Metrics
from nnspec.serving.model import VERSION, Model
from nnspec.serving.page import page
from nnspec.serving.refusal import Refusal
from nnspec.serving.request import read_request
from nnspec.serving.settings import Limits
from nnspec.serving.triton import config_of

Endpoint = Callable[[Request], Awaitable[Response]]

EXTENSIONS = ("binary_tensor_data", "classification", "model_configuration")
LOG = logging.getLogger("nnspec.serving")
HEADER = "inference-header-content-length"
CLOSED = 499
"""How a request is counted whose client went away."""


class Service:
    """Models, their queues and what is counted. `draining` says that the server is about to end."""

    def __init__(self, models: Sequence[Model], limits: Limits, log: Callable[[str], None] | None = None) -> None:
        self.models: Mapping[str, Model] = {model.name: model for model in models}
        self.limits = limits
        self.metrics = Metrics(tuple(self.models))
        self.draining = False
        self._batchers: dict[str, Batcher] = {}
        self._account = Account(limits.max_waiting)
        self._log = log
        self._page: str | None = None

    def start(self) -> None:
        """Begin to compute; in the event loop that will serve."""
        loop = asyncio.get_running_loop()
        self._batchers = {name: Batcher(model, self.metrics.models[name], loop) for name, model in self.models.items()}

    def watch(self) -> None:
        for batcher in self._batchers.values():
            batcher.watch()

    def end(self) -> None:
        for batcher in self._batchers.values():
            batcher.end()

    def app(self) -> Starlette:
        def route(path: str, endpoint: Endpoint, *methods: str) -> Route:
            return Route(path, self._guarded(endpoint), methods=methods or ("GET",))

        model, version = "/v2/models/{name}", "/v2/models/{name}/versions/{version}"
        routes = [  # they are tried in this order
            *(route(f"{path}/infer", self._infer, "POST") for path in (model, version)),
            *(route(f"{path}/ready", self._model_ready) for path in (model, version)),
            *(route(f"{path}/config", self._config) for path in (model, version)),
            *(route(path, self._metadata) for path in (model, version)),
            route("/v2/models", self._list),
            route("/v2/repository/index", self._index, "POST"),
            route("/v2/health/live", self._live),
            route("/v2/health/ready", self._ready),
            route("/v2", self._about),
            route("/v2/", self._about),
            route("/metrics", self._show_metrics),
            route("/", self._show_page),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: self._unknown_path})

    # ---- the server

    async def _about(self, request: Request) -> Response:
        return JSONResponse({"name": "nnspec", "version": __version__, "extensions": list(EXTENSIONS)})

    async def _live(self, request: Request) -> Response:
        return JSONResponse({"live": True})

    async def _ready(self, request: Request) -> Response:
        if self.draining:
            return JSONResponse({"ready": False}, 503, {"retry-after": "1"})
        return JSONResponse({"ready": True})

    async def _list(self, request: Request) -> Response:
        return JSONResponse({"models": list(self.models)})

    async def _index(self, request: Request) -> Response:
        return JSONResponse([{"name": name, "version": VERSION, "state": "READY"} for name in self.models])

    async def _show_metrics(self, request: Request) -> Response:
        queues = {name: batcher.waiting for name, batcher in self._batchers.items()}
        return Response(self.metrics.text(queues, not self.draining), headers={"content-type": TYPE})

    async def _show_page(self, request: Request) -> Response:
        if self._page is None:
            self._page = await asyncio.to_thread(page, list(self.models.values()))
        policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"
        return HTMLResponse(
            self._page,
            headers={"content-security-policy": f"{policy}; connect-src 'self'", "cache-control": "no-cache"},
        )

    # ---- a model

    async def _metadata(self, request: Request) -> Response:
        return JSONResponse(self._model(request).metadata())

    async def _model_ready(self, request: Request) -> Response:
        model = self._model(request)
        return JSONResponse({"name": model.name, "ready": not self.draining}, 503 if self.draining else 200)

    async def _config(self, request: Request) -> Response:
        return JSONResponse(config_of(self._model(request)))

    async def _infer(self, request: Request) -> Response:
        model = self._model(request)
        async with Body(request, self.limits, self._account) as body:
            content = await body.read()
            asked = read_request(content, request.headers.get(HEADER), model.signature)
            del content
            room = model.require_room(asked.inputs)
            transport = request.scope.get("nnspec.transport")
            gone = transport.is_closing if transport is not None else bool
            outputs = await self._batchers[model.name].submit(asked.inputs, room, gone)
        answer = answered(model, asked, outputs)
        if answer.json_length is None:
            return Response(answer.body, media_type="application/json")
        headers = {HEADER: str(answer.json_length)}
        return Response(answer.body, headers=headers, media_type="application/octet-stream")

    def _model(self, request: Request) -> Model:
        name, version = request.path_params["name"], request.path_params.get("version", VERSION)
        model = self.models.get(name)
        if model is None:
            close = get_close_matches(name[:100], self.models, n=1)
            help = f"did you mean {close[0]}?" if close else f"there is {listed(self.models)}"
            raise Refusal(404, f"there is no model {quoted(name)}; {help}")
        if version != VERSION:
            raise Refusal(404, f"{name} has no version {quoted(version)}; there is {VERSION}")
        return model

    # ---- every answer

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        """Answer a Refusal as the protocol says, a defect with 500, and count it."""

        async def guarded(request: Request) -> Response:
            begun = time.monotonic()
            self.metrics.in_flight += 1
            try:
                response = await endpoint(request)
            except Refusal as refusal:
                response = refused(refusal)
            except (ClientDisconnect, asyncio.CancelledError):
                response = Response(status_code=CLOSED)
            except Exception as error:
                LOG.error("a defect of nnspec, please report it", exc_info=error)
                response = refused(Refusal(500, "this is a defect of the server; its log says where"))
            finally:
                self.metrics.in_flight -= 1
            self._count(request, response.status_code, time.monotonic() - begun)
            return response

        return guarded

    async def _unknown_path(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        self.metrics.others[error.status_code] += 1
        if error.status_code == 405:
            allowed = " and ".join(sorted((error.headers or {}).get("Allow", "another method").split(", ")))
            text = f"{request.url.path[:200]} takes {allowed}"
        else:
            text = "there is nothing at this path; models are below /v2/models, and GET /v2/models lists them"
        return JSONResponse({"error": text}, error.status_code, error.headers)

    def _count(self, request: Request, status: int, seconds: float) -> None:
        name = request.path_params.get("name", "")
        found = self.metrics.models.get(name) if request.method == "POST" else None
        if found is None:
            self.metrics.others[status] += 1
        else:
            found.answers[status] += 1
            found.duration.add(seconds)
        if self._log:
            self._log(f"{request.method} {request.url.path} {status} {seconds * 1000:.1f} ms")


def refused(refusal: Refusal) -> Response:
    """An error as the protocol has it; a body that was not read to its end ends the connection."""
    said: dict[str, Any] = {"error": refusal.text}
    if refusal.field:
        said["field"] = refusal.field
    headers = {"retry-after": str(max(1, round(refusal.retry)))} if refusal.retry is not None else {}
    if refusal.status in (408, 413, 415, 429):
        headers["connection"] = "close"
    return JSONResponse(said, refusal.status, headers)
