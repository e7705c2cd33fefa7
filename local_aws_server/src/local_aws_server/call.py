"""One API call as the hooks see it: service, operation, account, and parameters and result in boto3's shape."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

from botocore.exceptions import UnknownServiceError
from flask import Response
from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel
from moto.core.request import Request, determine_request_protocol
from moto.core.responses import BaseResponse
from moto.core.routing import NotFound, get_service_router
from moto.core.serialize import SerializationContext, XFormedAttributePicker, get_serializer_class
from moto.core.utils import get_service_model
from moto.moto_api._internal import mock_random

from local_aws_server.backends import Backends
from local_aws_server.errors import AwsError
from local_aws_server.json_nulls import remove_nulls
from local_aws_server.request_parsing import parse_parameters
from local_aws_server.response_parsing import response_parser

DEFAULT_ACCOUNT = "123456789012"

_ACCESS_KEY = re.compile(r"AWS[^ ]* (?:.*Credential=)?([A-Za-z0-9]+)[:/]")

_USER_AGENT_FEATURES = re.compile(r"\bm/([A-Za-z0-9,+-]+)")
_WAITER = "B"
"""https://github.com/boto/botocore/blob/develop/botocore/useragent.py"""

# AWS returns errors that are not in the service's model; moto would warn about each.
warnings.filterwarnings("ignore", message=r"Exception\(.*does not match an error shape", module="moto")


class _SerializableError(ServiceException):
    """moto serializes errors of this base class, and looks up the model by the module of a subclass."""


class Call:
    """A call of one operation, in one account and region."""

    def __init__(self, service: str, account: str, request: Request, *, is_retry: bool = False):
        self.service = service
        self.account = account
        self.region: str = BaseResponse().get_region_from_url(request, request.raw_url)
        self.request = request
        self.response: Response | None = None
        self.notes: dict[str, Any] = {}
        """Data that a `before` hook passes on to an `after` hook."""
        self.is_retry = is_retry
        """Whether this is the second run, after the wait."""
        self.pending_wait: tuple[float, Callable[[], bool]] | None = None
        """(time, condition): the server advances the clock until either is reached, then runs the call again."""
        self._result: dict[str, Any] | None = None

    @property
    def operation(self) -> str:
        """The operation's name as in AWS's documentation, or "" if the service has no such operation."""
        return self._route[0]

    @property
    def is_from_waiter(self) -> bool:
        """Whether a waiter of boto3 or the AWS CLI sent the call; botocore marks that in its user agent."""
        features = _USER_AGENT_FEATURES.search(self.request.headers.get("User-Agent", ""))
        return features is not None and _WAITER in features[1].split(",")

    def wait_until(self, until: float, unless: Callable[[], bool] = lambda: False) -> None:
        """Advance the clock to a time, or until a condition holds, before the call is answered.

        Of several times the latest counts. In a `before` hook, moto does not see the call until then. A call waits
        only once, and one with the header `X-Esaws-Observer` never.
        """
        if "X-Esaws-Observer" in self.request.headers:
            return
        if not self.is_retry and (self.pending_wait is None or until > self.pending_wait[0]):
            self.pending_wait = until, unless

    @cached_property
    def backends(self) -> Backends:
        return Backends(self.account, self.region)

    @cached_property
    def params(self) -> dict[str, Any]:
        """The request's parameters in boto3's shape.

        Raises MalformedValue for a value of a wrong type; after `request_validation` it cannot.
        """
        return parse_parameters(self._protocol, self._model, self.request, self._route[1])

    @property
    def input_shape(self) -> Any | None:
        """botocore's shape of the parameters; None if the operation has none."""
        return self._model.input_shape

    @property
    def idempotent_members(self) -> list[str]:
        """The parameters that hold an idempotency token, which SDKs fill in."""
        return list(self._model.idempotent_members)

    @property
    def error_codes(self) -> frozenset[str]:
        """The names of the errors in the operation's model."""
        return frozenset(shape.name for shape in self._model.error_shapes)

    @property
    def service_error_codes(self) -> frozenset[str]:
        """The names of the errors in the service's model."""
        return frozenset(shape.name for shape in self._model.service_model.error_shapes)

    @property
    def result(self) -> dict[str, Any]:
        """The result in boto3's shape. The caller receives the changes that hooks make to it.

        If a `before` hook sets it, moto is skipped.
        """
        if self._result is None:
            assert self.response is not None, "there is no result before moto has run"
            parsed: dict[str, Any] = response_parser(self._protocol).parse(
                {
                    "status_code": self.response.status_code,
                    "headers": dict(self.response.headers),
                    "body": self.response.get_data(),
                },
                self._model.output_shape,
            )
            parsed.pop("ResponseMetadata", None)
            self._result = parsed
        return self._result

    @result.setter
    def result(self, result: dict[str, Any]) -> None:
        self._result = result

    @property
    def has_result(self) -> bool:
        """Whether a hook has set the result, so that moto is skipped."""
        return self._result is not None

    def serialize_result(self) -> None:
        """Turn the result of a hook, which may contain moto's own objects, into a response like moto's."""
        self.response, self._result = self._serialize(self._result), None

    def final_response(self) -> Response:
        """The response with the changes of the hooks, and moto's headers."""
        if self._result is not None:
            response = self._serialize(self._result)
            if self.response is not None:
                response.headers.extend(
                    (name, value)
                    for name, value in self.response.headers.items()
                    if name.lower() not in ("content-type", "content-length") and name not in response.headers
                )
            return response
        assert self.response is not None
        return remove_nulls(self.response) if self._has_json_members() else self.response

    def _has_json_members(self) -> bool:
        """Whether the response's body consists of the members of the output shape, in JSON."""
        assert self.response is not None
        if b"null" not in self.response.get_data() or "json" not in self._protocol:
            return False
        shape = self._model.output_shape
        return shape is not None and "payload" not in shape.serialization

    def error_response(self, error: AwsError) -> Response:
        """The error in the service's protocol."""
        serializable = _SerializableError(error.code, error.message)
        vars(serializable).update(error.members)
        response = self._serialize(serializable)
        if error.status:
            response.status_code = error.status
        return response

    def _serialize(self, result: object) -> Response:
        serializer = get_serializer_class(self.service, self._protocol)(
            self._model,
            context=SerializationContext(mock_random.get_random_hex(32)),
            # `LoadBalancerName` is a key of a dict, and the attribute `name` of moto's object
            value_picker=XFormedAttributePicker(),
        )
        response = serializer.serialize(result)
        return Response(response["body"], response["status_code"], dict(response["headers"]))

    @cached_property
    def _route(self) -> tuple[str, dict[str, Any]]:
        # Query and JSON requests name the operation, so calls without hooks need not load the service's model.
        if action := self.request.values.get("Action"):
            return action, {}
        if target := self.request.headers.get("X-Amz-Target"):
            return target.split(".")[-1], {}
        try:
            operation, path_parameters = get_service_router(self.service).match(self.request)
            return operation.name, path_parameters
        except (NotFound, NotImplementedError, UnknownServiceError):
            return "", {}

    @cached_property
    def _model(self) -> OperationModel:
        service = get_service_model(self.service)
        if self.operation not in service.operation_names:
            return OperationModel({}, service)
        return service.operation_model(self.operation)

    @cached_property
    def _protocol(self) -> str:
        service = get_service_model(self.service)
        try:
            return determine_request_protocol(service, self.request.content_type)
        except NotImplementedError:  # the error of a request in another protocol is written in the service's own
            return str(service.protocol)


def account_of(request: Request) -> str:
    """The account of a request: from a header, an access key of exactly 12 digits, or the key's owner."""
    if account := request.headers.get("x-moto-account-id"):
        return account
    key = access_key_of(request)
    if len(key) == 12 and key.isdigit():
        return key
    from moto.iam.models import iam_backends

    for account, partitions in list(iam_backends.items()):
        if any(key in backend.access_keys for backend in list(partitions.values())):
            return account
    return DEFAULT_ACCOUNT


def access_key_of(request: Request) -> str:
    if match := _ACCESS_KEY.match(request.headers.get("Authorization", "")):
        return match.group(1)
    credential = request.args.get("X-Amz-Credential", "") or request.args.get("AWSAccessKeyId", "")
    return credential.split("/")[0]
