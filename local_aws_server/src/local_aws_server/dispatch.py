"""Run one API call: the hooks around moto, and every error in the protocol of the service."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from botocore.exceptions import UnknownServiceError
from flask import Response
from moto.core.exceptions import ServiceException
from moto.core.responses import boto3_service_name
from moto.core.utils import get_service_model, service_name_from_moto_package_name
from moto.moto_server.werkzeug_app import BackendRequest
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import get_input_stream

from local_aws_server import hooks
from local_aws_server.billing import plan_expiry
from local_aws_server.call import DEFAULT_ACCOUNT, Call
from local_aws_server.clock.isolation import note_failure
from local_aws_server.clock.scheduler import SCHEDULER
from local_aws_server.errors import AwsError
from local_aws_server.faults import api_faults
from local_aws_server.identity import check_addressee
from local_aws_server.request_parsing import MalformedValue
from local_aws_server.request_validation import validate_request
from local_aws_server.services import client_tokens


def dispatch(call: Call, moto: Callable[[], Response]) -> Response:
    """Run the `before` hooks, then moto or its replacement, then the `after` hooks and the reconcilers.

    A call with the idempotency token of an earlier one gets its answer at once.

    Returns an empty response if the call has to wait first; `call.pending_wait` says for what.
    """
    operation_hooks = hooks.HOOKS.get((call.service, call.operation)) or hooks.Hooks()
    try:
        check_addressee(call)
        api_faults.strike(call)
        plan_expiry.check_account_open(call)
        validate_request(call)
        if (earlier := client_tokens.earlier_response(call)) is not None:
            return earlier
        for hook in operation_hooks.before:
            hook(call)
        if _is_dry_run(call):
            raise AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
        if call.pending_wait:
            return Response()
        if operation_hooks.replace and not call.has_result:
            call.result = operation_hooks.replace(call)
        if call.has_result:
            call.serialize_result()
        else:
            call.response = moto()
            if call.response.status_code == 404 and not call.response.get_data() and not call.operation:
                raise NotImplementedError
            if call.response.status_code >= 400:
                return call.response
        hooks.apply_patches()
        for hook in operation_hooks.after:
            _run_isolated(hook, call)
        if hooks.is_mutating(call.operation):
            SCHEDULER.reconcile(call.backends, call.service)
        return client_tokens.remember(call, call.final_response())
    except AwsError as error:
        return call.error_response(error)
    except ServiceException as error:  # raised by moto inside a hook
        return call.error_response(AwsError(error.code, error.message))
    except NotImplementedError:
        return _not_simulated(call)
    except MalformedValue as error:  # only of S3: the parameters of other services have been validated
        return call.error_response(AwsError("InvalidArgument", str(error), 400))
    except HTTPException:
        raise
    except Exception as error:
        reason = note_failure(call.account, call.region, "call", f"{call.service} {call.operation}", error)
        message = f"the local AWS failed in {call.service} {call.operation}, and does not simulate it: {reason}"
        return call.error_response(AwsError("NotSimulated", message, 501))


def _run_isolated(hook: hooks.Hook, call: Call) -> None:
    """Run a hook after moto: what it adds may fail, but the call has happened."""
    try:
        hook(call)
    except (AwsError, ServiceException, NotImplementedError):
        raise
    except Exception as error:
        note_failure(call.account, call.region, "call", f"{call.service} {call.operation}", error)


def _is_dry_run(call: Call) -> bool:
    """Whether EC2 only looks whether the call would be allowed: the `before` hooks have looked, nothing happens."""
    return call.service == "ec2" and bool(call.params.get("DryRun"))


def not_simulated_response(environ: dict[str, Any], service: str) -> Response:
    """NotSimulated for a call without a view: in the service's protocol, or in that of the request."""
    with suppress(UnknownServiceError, NotImplementedError):
        name = boto3_service_name.get(service) or service_name_from_moto_package_name(service)
        get_service_model(name)
        return _not_simulated(Call(name, DEFAULT_ACCOUNT, BackendRequest(environ)))
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


def _not_simulated(call: Call) -> Response:
    name = call.operation or f"{call.request.method} {call.request.path}"
    return call.error_response(AwsError("NotSimulated", f"the local AWS does not simulate {call.service} {name}", 501))
