"""The server process: moto's applications behind the seam, and the control routes under `/_esaws/`."""

from __future__ import annotations

import functools
import gc
import importlib
import ipaddress
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from botocore.exceptions import UnknownServiceError
from flask import Flask, Response
from flask import request as flask_request
from moto.core.base_backend import BackendDict
from moto.core.exceptions import ServiceException
from moto.core.responses import boto3_service_name
from moto.core.utils import get_service_model, method_names_from_class, service_name_from_moto_package_name
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import (
    BackendRequest,
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.exceptions import HTTPException
from werkzeug.serving import make_server
from werkzeug.wrappers import Request
from werkzeug.wsgi import get_input_stream

from local_aws_server import hooks
from local_aws_server.billing import plans
from local_aws_server.billing.account import NEW_ACCOUNT_DEFAULTS
from local_aws_server.call import DEFAULT_ACCOUNT, Call, account_of
from local_aws_server.clock.clock import CLOCK, iso, moment, seconds
from local_aws_server.clock.event_log import HISTORY
from local_aws_server.clock.scheduler import TIMELINE
from local_aws_server.clock.transitions import PACE
from local_aws_server.control import CONTROL, BadRequest, control
from local_aws_server.faults import api_faults
from local_aws_server.keep_alive import KeepAliveHandler
from local_aws_server.locks import AccountLocks
from local_aws_server.snapshots.autosave import Keeper

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

_ELB_BY_VERSION = {"2012-06-01": "elb", "2015-12-01": "elbv2"}

# moto looks through a service's class with `inspect` for each of its calls.
hooks.patch("moto.core.responses", "method_names_from_class")(functools.cache(method_names_from_class))

_HOSTS = 1000
"""How many hosts are remembered."""


class LocalAws(DomainDispatcherApplication):
    """A WSGI application: `/_esaws/` is control, all else is AWS."""

    def __init__(self) -> None:
        super().__init__(self.create_app)
        self.backends: dict[str, Any] = {}
        self.locks = AccountLocks()
        self.keeper = Keeper(self.locks, stand_in)
        hooks.import_hook_modules()
        apply_settings()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith("/_esaws/"):
            response = self.controlled(Request(environ), path.removeprefix("/_esaws/"))
            return response(environ, start_response)
        self.keeper.called()
        try:
            application = self.get_application(environ)
        except UnknownService as unknown:
            return self.without_moto(environ, unknown.service)(environ, start_response)
        answer: Iterable[bytes] = application(environ, start_response)
        return answer

    def controlled(self, request: Request, name: str) -> Response:
        """The answer to `/_esaws/<name>`; status is answered at once, whatever else is going on."""
        if name == "status":
            return as_json({**status(), "restored": self.keeper.restored})
        if (kept := self.keeper.answer(request, name)) is not None:
            return kept
        self.keeper.called()
        answer = CONTROL.get((request.method, name))
        if answer is None:
            return as_json({"error": f"no {request.method} /_esaws/{name}"}, 404)
        try:
            asked = {**request.args.to_dict(), **json.loads(request.get_data() or "{}")}
            with self.locks.everything():
                TIMELINE.run(CLOCK.now())
                return as_json(answer(asked))
        except (BadRequest, ValueError) as problem:
            return as_json({"error": str(problem)}, 400)
        except Exception as problem:
            traceback.print_exc()
            return as_json({"error": f"{type(problem).__name__}: {problem}; the log of the local AWS has more"}, 500)

    def catch_up(self) -> None:
        """Let everything happen that is due by now."""
        if (due := TIMELINE.next()) is not None and due <= CLOCK.now():
            with self.locks.everything():
                TIMELINE.run(CLOCK.now())

    def get_backend_for_host(self, host: str | None) -> Any:
        if host in self.backends:
            return self.backends[host]
        backend = super().get_backend_for_host(host)
        if host is not None and backend is None:
            raise UnknownService(host.split(".")[0])
        # moto looks through its folders on disk each time; buckets have hosts of their own, so there is no end of them.
        if host is not None and len(self.backends) < _HOSTS:
            self.backends[host] = backend
        return backend

    def create_app(self, moto_service: Any) -> Flask:
        """moto's application for one service, its views behind the seam."""
        app = create_backend_app(moto_service)
        stand_in()
        for endpoint, view in list(app.view_functions.items()):
            app.view_functions[endpoint] = self.guarded(view)

        @app.errorhandler(404)
        @app.errorhandler(405)
        def no_route(error: HTTPException) -> Any:
            if flask_request.routing_exception is None:
                return error
            return not_simulated(flask_request.environ, moto_service)

        return app

    def guarded(self, view: Any) -> Callable[..., Response]:
        """The view, with the hooks of the seam around it and the lock of the account held."""
        response_class = getattr(view.callback, "__self__", None)
        fixed = response_class().boto3_service_name if isinstance(response_class, type) else ""

        def answer(**path_arguments: Any) -> Response:
            request: Any = flask_request._get_current_object()  # type: ignore[attr-defined]
            service = fixed or _ELB_BY_VERSION.get(request.values.get("Version", ""), "")
            if not service:
                response: Response = view(**path_arguments)
                return response
            return self.answered(service, request, lambda: view(**path_arguments))

        return answer

    def answered(self, service: str, request: Any, moto: Callable[[], Response]) -> Response:
        """The answer to a call, which may first let time pass."""
        account = account_of(request)
        request.environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
        self.catch_up()
        with self.locks.account(account):
            call = Call(service, account, request)
            response = through_the_seam(call, moto)
        if call.waits is not None:
            with self.locks.everything():
                TIMELINE.run(*call.waits)
            with self.locks.account(account):
                again = Call(service, account, request, again=True)
                response = through_the_seam(again, moto)
        return api_faults.deliver(call, response)

    def without_moto(self, environ: Environ, service: str) -> Response:
        """The answer of a service that moto has not, and that rules may simulate."""

        def nobody() -> Response:
            raise NotImplementedError

        if all(service != simulated for simulated, _ in hooks.HOOKS):
            return not_simulated(environ, service)
        return self.answered(service, BackendRequest(environ), nobody)


def status() -> dict[str, Any]:
    accounts = {DEFAULT_ACCOUNT}
    for backends in list(BackendDict._instances):  # type: ignore[misc]
        accounts.update(list(backends))
    return {"pid": os.getpid(), "time": iso(CLOCK.shown()), "accounts": sorted(accounts)}


@control("POST", "reset")
def reset(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Every account is empty, and the clock stands where it started."""
    moto_api_backend.reset()
    TIMELINE.clear()
    HISTORY.clear()
    CLOCK.restart()
    apply_settings()
    return {"reset": True}


@control("GET", "clock")
def time_of_day(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The clock's time, and when the next event is due."""
    due = TIMELINE.next()
    return {"time": iso(CLOCK.now()), "next": None if due is None else iso(due)}


@control("POST", "advance")
def advance(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Play everything that happens in `by`, like 90s or 3d, or up to the moment `to`."""
    if ("by" in asked) == ("to" in asked):
        raise BadRequest("say either by how much the clock is to advance, or to which moment")
    now = CLOCK.now()
    until = now + seconds(asked["by"]) if "by" in asked else moment(asked["to"])
    if until < now:
        raise BadRequest(f"it is {iso(now)} already, and the clock never runs backwards")
    if problems := TIMELINE.run(until):
        raise RuntimeError(f"what should have happened by itself failed {len(problems)} times, first at {problems[0]}")
    return {"time": iso(CLOCK.now())}


@control("GET", "events")
def events(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What happened in an account, from the moment `since` on."""
    since = moment(asked["since"]) if "since" in asked else 0.0
    return {"events": [event.as_json() for event in HISTORY.of(asked.get("account", DEFAULT_ACCOUNT), since)]}


def as_json(answer: dict[str, Any], status_code: int = 200) -> Response:
    return Response(json.dumps(answer), status_code, content_type="application/json")


def through_the_seam(call: Call, moto: Callable[[], Response]) -> Response:
    """Before, instead or moto, after; every error comes out in the protocol of the service."""
    own = hooks.HOOKS.get((call.service, call.operation)) or hooks.Hooks()
    try:
        api_faults.strike(call)
        plans.admit(call)
        for hook in own.before:
            hook(call)
        if call.waits:
            return Response()
        if own.replace and not call.answered:
            call.result = own.replace(call)
        if call.answered:
            call.write()
        else:
            call.response = moto()
            if call.response.status_code == 404 and not call.response.get_data() and not call.operation:
                raise NotImplementedError
            if call.response.status_code >= 400:
                return call.response
        stand_in()
        for hook in own.after:
            hook(call)
        if hooks.may_change(call.operation):
            TIMELINE.settle(call.backends, call.service)
        return call.finished()
    except hooks.AwsError as error:
        return call.error(error)
    except ServiceException as error:  # a hook has asked moto for something that is not there
        return call.error(hooks.AwsError(error.code, error.message))
    except NotImplementedError:
        return refused_as_not_simulated(call)
    except HTTPException:
        raise
    except Exception:
        traceback.print_exc()
        problem = traceback.format_exc(limit=0).splitlines()[-1]
        return call.error(hooks.AwsError("InternalFailure", f"{call.service} {call.operation}: {problem}", 500))


def refused_as_not_simulated(call: Call) -> Response:
    name = call.operation or f"{call.request.method} {call.request.path}"
    return call.error(hooks.AwsError("NotSimulated", f"the local AWS does not simulate {call.service} {name}", 501))


class UnknownService(Exception):
    """A service that moto has not."""

    def __init__(self, service: str):
        self.service = service


def not_simulated(environ: Environ, service: str) -> Response:
    """NotSimulated for a call that has reached no view: in the service's protocol, else in what the request speaks."""
    with suppress(UnknownServiceError, NotImplementedError):
        name = boto3_service_name.get(service) or service_name_from_moto_package_name(service)
        get_service_model(name)
        return refused_as_not_simulated(Call(name, DEFAULT_ACCOUNT, BackendRequest(environ)))
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    is_query = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    action = parse_qs(get_input_stream(environ).read().decode()).get("Action", [""])[0] if is_query else ""
    name = action or target.split(".")[-1] or f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}"
    message = f"the local AWS does not simulate {service} {name}"
    if is_query:
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>NotSimulated</Code><Message>{message}</Message></Error>"
            "<RequestId>local</RequestId></ErrorResponse>"
        )
        return Response(body, 501, content_type="text/xml")
    body = json.dumps({"__type": "NotSimulated", "message": message})
    return Response(body, 501, {"x-amzn-errortype": "NotSimulated"}, content_type="application/x-amz-json-1.1")


def apply_settings() -> None:
    for setting in hooks.RESET_SETTINGS:
        setting()


def stand_in() -> None:
    """Put the stand-ins of the seam into the modules that moto has loaded by now; the others stay unloaded."""
    for (module_name, name), (replacement, new) in list(hooks.PATCHES.items()):
        if module_name in sys.modules:
            *path, attribute = name.split(".")
            owner: Any = importlib.import_module(module_name)
            for step in path:
                owner = getattr(owner, step)
            if not new:
                getattr(owner, attribute)  # fails where an upgrade of moto has renamed it
            setattr(owner, attribute, replacement)
            hooks.PATCHES.pop((module_name, name), None)


def stay_at_home() -> None:
    """Let this process reach nothing but this machine, whatever moto or a library tries."""

    def check(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            refuse_unless_loopback(arguments[1][0])
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            refuse_unless_loopback(arguments[0])

    def refuse_unless_loopback(host: object) -> None:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if host is None or name in ("", "localhost"):
            return
        try:
            if ipaddress.ip_address(name).is_loopback:
                return
        except ValueError:
            pass
        raise ConnectionRefusedError(f"the local AWS does not leave this machine, not even for {name}")

    sys.addaudithook(check)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError if the port is taken."""
    return socket.create_server((host, port))


def serve(
    fd: int,
    *,
    at: float | None = None,
    still: bool = False,
    provisioning: float | None = None,
    regime: str | None = None,
    plan: str | None = None,
    state: Path | None = None,
) -> None:
    """Serve on an open listening socket until SIGTERM or Ctrl-C.

    `at` is where the clock starts, in seconds since 1970; without it, at the real time. A `still` clock moves only when
    a client advances it or waits. `provisioning` is the fraction of AWS's provisioning time that really passes; without
    it, describe calls advance the clock instead. `regime` and `plan` are those of new accounts. The server restores
    its state from the file `state`, and saves it there.
    """
    stay_at_home()
    gc.set_threshold(100_000, 20, 100)  # an account has 10,000 objects: to look for garbage took half of making it
    CLOCK.still = still
    CLOCK.start(at)
    NEW_ACCOUNT_DEFAULTS.regime = regime or NEW_ACCOUNT_DEFAULTS.regime
    NEW_ACCOUNT_DEFAULTS.plan = plan or NEW_ACCOUNT_DEFAULTS.plan
    application = LocalAws()
    if state:
        application.keeper.restore(state)
        application.keeper.keep_on_keeping()
    if provisioning is not None:
        PACE.really = provisioning
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=KeepAliveHandler, fd=fd)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        server.serve_forever()
    finally:
        application.keeper.close()
