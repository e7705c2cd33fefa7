"""The WSGI application: moto's applications with hooks around them, and control routes under `/_esaws/`."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Timer
from typing import Any
from urllib.parse import parse_qs

from flask import Flask, Response
from flask import request as flask_request
from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.core.responses import boto3_service_name
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server import werkzeug_app
from moto.moto_server.werkzeug_app import BackendRequest, DomainDispatcherApplication, create_backend_app
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from esaws.pricelist import Plan, Regime
from local_aws_server import (  # noqa: F401 (they register patches)
    cbor,
    hooks,
    moto_memory,
    moto_performance,
    moto_serialization,
    query_errors,
    xml_writing,
)
from local_aws_server.billing.account import NEW_ACCOUNT_DEFAULTS, NewAccountDefaults
from local_aws_server.call import DEFAULT_ACCOUNT, Call, account_of
from local_aws_server.clock.clock import CLOCK, format_timestamp, parse_duration, parse_timestamp
from local_aws_server.clock.event_log import EVENT_LOG
from local_aws_server.clock.isolation import defects
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.clock.transitions import PROVISIONING_SPEED
from local_aws_server.connections import LimitedServer
from local_aws_server.control import CONTROL_ROUTES, BadRequest, control_route
from local_aws_server.control_token import ControlToken
from local_aws_server.dispatch import dispatch, not_simulated_response
from local_aws_server.faults import api_faults
from local_aws_server.identity import IDENTITY
from local_aws_server.keep_alive import KeepAliveHandler
from local_aws_server.locks import LOCKS
from local_aws_server.loopback_guard import install_loopback_guard
from local_aws_server.process_memory import GARBAGE, use_one_heap
from local_aws_server.request_guard import in_sandbox, refusal
from local_aws_server.request_rewriting import rewrite
from local_aws_server.reset import run_reset_actions
from local_aws_server.services.cloudtrail.recorder import record_call
from local_aws_server.snapshots.accounts import remove_all
from local_aws_server.snapshots.autosave import EVERY_SECONDS, Autosave

werkzeug_app.DISABLE_GLOBAL_CORS = True  # it would let every web page read every response

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

_ELB_BY_VERSION = {"2012-06-01": "elb", "2015-12-01": "elbv2"}

_MAX_CACHED_HOSTS = 1000

_PREPARATION_DELAY = 0.02
"""Seconds after which the hooks are imported, if no call came before; the first `status` is answered meanwhile."""


class LocalAws(DomainDispatcherApplication):
    """The WSGI application: `/_esaws/` is control, everything else is AWS."""

    def __init__(self) -> None:
        super().__init__(self.create_app)
        self.backends: dict[str, Any] = {}
        """Host → moto's backend for it."""
        self.locks = LOCKS
        self.autosave = Autosave(self.locks, hooks.apply_patches)
        self.token = ControlToken()
        self._preparing = Lock()
        self._is_prepared = False

    def prepare(self) -> None:
        """Import the hooks, once. Calls wait for it; `status` does not, so a server is ready before they are."""
        with self._preparing:
            if not self._is_prepared:
                hooks.import_hook_modules()
                hooks.apply_patches()
                run_reset_actions()
                GARBAGE.exempt_modules()
                self._is_prepared = True

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if (refused := refusal(environ)) is not None:
            return refused(environ, start_response)
        start_response = in_sandbox(environ, start_response)
        path = environ.get("PATH_INFO", "")
        if path.startswith("/_esaws/") and (refused := self.token.refusal(Request(environ))) is not None:
            return refused(environ, start_response)
        if not self._is_prepared and path != "/_esaws/status":
            self.prepare()
        if path.startswith("/_esaws/"):
            response = self.control_response(Request(environ), path.removeprefix("/_esaws/"))
            return response(environ, start_response)
        if path.startswith("/moto-api") or path == "/favicon.ico":
            return _no_moto_api(Request(environ))(environ, start_response)
        if cbor.is_smithy(environ):
            return cbor.respond(environ, self.moto_service, self)(environ, start_response)
        self.autosave.note_call()
        try:
            application = self.get_application(environ)
        except UnknownService as unknown:
            return self.respond_without_moto(environ, unknown.service)(environ, start_response)
        body: Iterable[bytes] = application(environ, start_response)
        return body

    def control_response(self, request: Request, name: str) -> Response:
        """The response to `/_esaws/<name>`. `status` takes no lock, so it responds during a long call."""
        if name == "status":
            return _json_response({**status(), "restored": self.autosave.restored})
        if (response := self.autosave.respond(request, name)) is not None:
            return response
        self.autosave.note_call()
        handler = CONTROL_ROUTES.get((request.method, name))
        if handler is None:
            return _json_response({"error": f"{request.method} /_esaws/{name} does not exist"}, 404)
        try:
            parameters = {**request.args.to_dict(), **json.loads(request.get_data() or "{}")}
            with self.locks.all_accounts():
                SCHEDULER.run_until(CLOCK.now())
                return _json_response(handler(parameters))
        except (BadRequest, ValueError) as error:
            return _json_response({"error": str(error)}, 400)
        except Exception as error:
            traceback.print_exc()
            message = f"{type(error).__name__}: {error}. The server's log has the traceback."
            return _json_response({"error": message}, 500)

    def run_due_events(self) -> None:
        """Run the events that are due by now."""
        if (due := SCHEDULER.next_event_time()) is not None and due <= CLOCK.now():
            with self.locks.all_accounts():
                SCHEDULER.run_until(CLOCK.now())

    def moto_service(self, environ: Environ) -> str:
        """moto's name of the service that a request is signed for."""
        host = self.infer_service_region_host(environ, environ.get("PATH_INFO", ""))
        try:
            return str(self.get_backend_for_host(host))
        except UnknownService as unknown:
            return unknown.service

    def infer_service_region_host(self, environ: Environ, path: str) -> str | None:
        """The host of AWS for a request, which may be signed in its query string; moto takes those for S3's."""
        presigned = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential")
        if presigned and "HTTP_AUTHORIZATION" not in environ:
            environ = {**environ, "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={presigned[0]}"}
        return super().infer_service_region_host(environ, path)

    def get_backend_for_host(self, host: str | None) -> Any:
        if host in self.backends:
            return self.backends[host]
        backend = super().get_backend_for_host(host)
        if host is not None and backend is None:
            raise UnknownService(host.split(".")[0])
        # moto reads its folders on disk each time. Each bucket has a host of its own, so the cache needs a limit.
        if host is not None and len(self.backends) < _MAX_CACHED_HOSTS:
            self.backends[host] = backend
        return backend

    def create_app(self, moto_service: Any) -> Flask:
        """moto's application for one service, with hooks around its views."""
        get_backend(moto_service)  # imports the service's modules; the next line creates a backend
        hooks.apply_patches()
        app = create_backend_app(moto_service)
        hooks.apply_patches()
        for endpoint, view in list(app.view_functions.items()):
            app.view_functions[endpoint] = self.with_hooks(view)

        @app.errorhandler(404)
        @app.errorhandler(405)
        def no_route(error: HTTPException) -> Any:
            if flask_request.routing_exception is None:
                return error
            environ = flask_request.environ
            return self.respond_without_moto(environ, boto3_service_name.get(moto_service, moto_service))

        return app

    def with_hooks(self, view: Any) -> Callable[..., Response]:
        """The view with the hooks around it, run under the lock of the account."""
        response_class = getattr(view.callback, "__self__", None)
        service_of_class = response_class().boto3_service_name if isinstance(response_class, type) else ""

        def view_with_hooks(**path_arguments: Any) -> Response:
            request: Any = flask_request._get_current_object()  # type: ignore[attr-defined]
            service = service_of_class or _ELB_BY_VERSION.get(request.values.get("Version", ""), "")
            if not service:
                response: Response = view(**path_arguments)
                return response
            return self.respond(service, request, lambda: view(**path_arguments))

        return view_with_hooks

    def respond(self, service: str, request: Any, moto: Callable[[], Response]) -> Response:
        """The response to a call; a call that waits advances the clock first."""
        account = account_of(request)
        request.environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
        rewrite(service, request)
        self.run_due_events()
        with self.locks.account(account):
            call = Call(service, account, request)
            response = dispatch(call, moto)
            if call.pending_wait is None:
                record_call(call, response)
        if call.pending_wait is not None:
            with self.locks.all_accounts():
                SCHEDULER.run_until(*call.pending_wait)
            with self.locks.account(account):
                retry = Call(service, account, request, is_retry=True)
                response = dispatch(retry, moto)
                record_call(retry, response)
        return api_faults.deliver(call, response)

    def respond_without_moto(self, environ: Environ, service: str) -> Response:
        """The response of a service, or at a path of one, that moto does not have; hooks may simulate it."""

        def not_implemented() -> Response:
            raise NotImplementedError

        if all(service != hooked for hooked, _ in hooks.HOOKS):
            return not_simulated_response(environ, service)
        return self.respond(service, BackendRequest(environ), not_implemented)


class UnknownService(Exception):
    """A service that moto does not have."""

    def __init__(self, service: str):
        super().__init__(service)
        self.service = service


# --- control routes


def status() -> dict[str, Any]:
    """{pid, app_id, time, accounts, not_simulated}."""
    accounts = {DEFAULT_ACCOUNT}
    for backends in list(BackendDict._instances):  # type: ignore[misc]
        accounts.update(list(backends))
    return {
        "pid": os.getpid(),
        "app_id": IDENTITY.app_id,
        "time": format_timestamp(CLOCK.displayed()),
        "accounts": sorted(accounts),
        "not_simulated": [defect.to_dict() for defect in defects()],
    }


@control_route("POST", "reset")
def reset(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Empty every account and set the clock back to its start."""
    remove_all()
    moto_api_backend.reset()
    SCHEDULER.clear()
    EVENT_LOG.clear()
    GARBAGE.collect_if_grown()
    CLOCK.restart()
    run_reset_actions()
    return {"reset": True}


@control_route("GET", "clock")
def get_clock(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The time, and when the next event is due."""
    due = SCHEDULER.next_event_time()
    return {"time": format_timestamp(CLOCK.now()), "next": None if due is None else format_timestamp(due)}


@control_route("POST", "advance")
def advance(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Advance the clock by a duration (`by`, like 90s or 3d) or to a time (`to`), and run the events on the way."""
    if ("by" in parameters) == ("to" in parameters):
        raise BadRequest("advance: give either `by`, a duration, or `to`, a time")
    now = CLOCK.now()
    until = now + parse_duration(parameters["by"]) if "by" in parameters else parse_timestamp(parameters["to"])
    if until < now:
        raise BadRequest(f"the clock cannot go back: it is {format_timestamp(now)} already")
    SCHEDULER.run_until(until)
    return {"time": format_timestamp(CLOCK.now()), "not_simulated": [defect.to_dict() for defect in defects()]}


@control_route("GET", "events")
def get_events(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The events of an account, from the time `since` on, and until when there are none because there were too many."""
    since = parse_timestamp(parameters["since"]) if "since" in parameters else 0.0
    account = parameters.get("account", DEFAULT_ACCOUNT)
    lost = EVENT_LOG.lost(account)
    return {
        "events": [event.to_dict() for event in EVENT_LOG.events(account, since)],
        "dropped_until": None if lost is None else format_timestamp(lost),
    }


def _no_moto_api(request: Request) -> Response:
    """The response at a control route of moto, each of which would bypass the hooks."""
    message = f"{request.method} {request.path} does not exist; the routes under /_esaws/ control the local AWS"
    return _json_response({"error": message}, 404)


def _json_response(body: dict[str, Any], status_code: int = 200) -> Response:
    return Response(json.dumps(body), status_code, content_type="application/json")


# --- the process


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError if the port is in use."""
    return socket.create_server((host, port))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a local AWS starts.

    `at` is where the clock starts, in seconds since 1970; without it, at the real time. A `still` clock moves only when
    a client advances it or waits. `provisioning` is the fraction of AWS's provisioning time that really passes; without
    it, describe calls advance the clock instead. `regime` and `plan` are those of new accounts; by default, a paid
    account with the legacy free tier. `state` is the file of its state.
    """

    at: float | None = None
    still: bool = False
    provisioning: float | None = None
    regime: Regime | None = None
    plan: Plan | None = None
    state: Path | None = None

    def apply(self) -> None:
        """Give this process the clock, the name and the defaults."""
        CLOCK.still = self.still
        CLOCK.start(self.at)
        NEW_ACCOUNT_DEFAULTS.regime = self.regime or NewAccountDefaults.regime
        NEW_ACCOUNT_DEFAULTS.plan = self.plan or NewAccountDefaults.plan
        PROVISIONING_SPEED.factor = self.provisioning
        if self.state:
            IDENTITY.belong_to(self.state)


def serve(fd: int, settings: Settings, *, save_every: float = EVERY_SECONDS, owner: int | None = None) -> None:
    """Serve on an open listening socket until SIGTERM or Ctrl-C.

    The server restores its state from the file of the settings, and saves it there: every `save_every` seconds, and at
    its end. It stops when the process `owner` has ended.
    """
    install_loopback_guard()
    use_one_heap()
    gc.set_threshold(30_000, 20, 20)  # an account has 10,000 objects; garbage collection took half of creating it
    settings.apply()
    application = LocalAws()
    if state := settings.state:
        if state.exists():
            application.prepare()
        application.autosave.restore(state)
        application.autosave.start_saving(save_every)
    server = LimitedServer("127.0.0.1", 0, application, KeepAliveHandler, fd=fd)
    application.token = ControlToken.publish(server.port, state)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    if owner is not None:
        from local_aws_server.owner import stop_with  # psutil, which few servers need

        stop_with(owner, server.shutdown)
    preparation = Timer(_PREPARATION_DELAY, application.prepare)
    preparation.daemon = True
    preparation.start()
    try:
        server.serve_forever()
    finally:
        application.prepare()
        application.autosave.close()
        application.token.delete()
        CLOCK.stop()
