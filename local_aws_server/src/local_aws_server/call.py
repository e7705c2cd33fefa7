"""One API call on its way through the seam: who asks for what, with parameters and result in boto3's shape."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.parsers import create_parser
from flask import Response
from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.responses import BaseResponse
from moto.core.routing import NotFound, get_service_router
from moto.core.serialize import SerializationContext, XFormedAttributePicker, get_serializer_class
from moto.core.utils import get_service_model
from moto.moto_api._internal import mock_random

from local_aws_server.backends import Backends
from local_aws_server.hooks import AwsError

DEFAULT_ACCOUNT = "123456789012"

_ACCESS_KEY = re.compile(r"AWS[^ ]* (?:.*Credential=)?([A-Za-z0-9]+)[:/]")

_FEATURES = re.compile(r"\bm/([A-Za-z0-9,+-]+)")
_WAITER = "B"
"""https://github.com/boto/botocore/blob/develop/botocore/useragent.py"""

# An error that AWS gives but does not list in the service's model is no reason to fill the log.
warnings.filterwarnings("ignore", message=r"Exception\(.*does not match an error shape", module="moto")


class _Raised(ServiceException):
    """moto serialises errors of this base; one of our own, as it looks up a model by the module of the class."""


class Call:
    """A call of one operation, by one account, in one region."""

    def __init__(self, service: str, account: str, request: Request, *, again: bool = False):
        self.service = service
        self.account = account
        self.region: str = BaseResponse().get_region_from_url(request, request.raw_url)
        self.request = request
        self.response: Response | None = None
        self.notes: dict[str, Any] = {}
        """What `before` leaves for `after`."""
        self.again = again
        """Whether it has waited already."""
        self.waits: tuple[float, Callable[[], bool]] | None = None
        """Until when, or until what is true, time has to pass before this is answered; it is asked again then."""
        self._result: dict[str, Any] | None = None

    @property
    def operation(self) -> str:
        """The operation's name as in AWS's documentation, or "" if the service has none like it."""
        return self._matched[0]

    @property
    def by_waiter(self) -> bool:
        """Whether a waiter of boto3 or of the AWS CLI asks: botocore says so in its user agent."""
        features = _FEATURES.search(self.request.headers.get("User-Agent", ""))
        return features is not None and _WAITER in features[1].split(",")

    def wait(self, until: float, unless: Callable[[], bool] = lambda: False) -> None:
        """Let time pass to a moment, or until something is true, and answer then; the latest of several moments counts.

        From `before`, the call is not even begun until then. It waits only once.
        """
        if not self.again and (self.waits is None or until > self.waits[0]):
            self.waits = until, unless

    @cached_property
    def backends(self) -> Backends:
        return Backends(self.account, self.region)

    @cached_property
    def params(self) -> dict[str, Any]:
        """The request's parameters in boto3's shape."""
        parser = PROTOCOL_PARSERS[self._protocol](self._model)
        parsed: dict[str, Any] = parser.parse(
            {
                "method": self.request.method,
                "values": self.request.values,
                "headers": self.request.headers,
                "body": self.request.data,
                "url_path": self.request.path,
                "url_params": self._matched[1],
            }
        )
        return parsed

    @property
    def result(self) -> dict[str, Any]:
        """The answer in boto3's shape; what a hook changes in it is what the caller gets.

        A `before` may set it: moto is not asked then.
        """
        if self._result is None:
            assert self.response is not None, "only `after` has a result"
            parsed: dict[str, Any] = create_parser(self._protocol).parse(
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
    def answered(self) -> bool:
        """Whether a hook has given the answer already, so that moto need not be asked."""
        return self._result is not None

    def write(self) -> None:
        """Turn the answer of a hook, which may hold moto's own objects, into a response like any of moto's."""
        self.response, self._result = self._serialized(self._result), None

    def finished(self) -> Response:
        """The response with what the hooks made of its result."""
        if self._result is not None:
            answer = self._serialized(self._result)
            if self.response is not None:
                answer.headers.extend(
                    (name, value)
                    for name, value in self.response.headers.items()
                    if name.lower() not in ("content-type", "content-length") and name not in answer.headers
                )
            return answer
        assert self.response is not None
        return self.response

    def error(self, error: AwsError) -> Response:
        """The error in the protocol of the service."""
        raised = _Raised(error.code, error.message)
        vars(raised).update(error.members)
        response = self._serialized(raised)
        if error.status:
            response.status_code = error.status
        return response

    def _serialized(self, result: object) -> Response:
        serializer = get_serializer_class(self.service, self._protocol)(
            self._model,
            context=SerializationContext(mock_random.get_random_hex(32)),
            # finds `LoadBalancerName` in a dict, and as `name` in moto's own object
            value_picker=XFormedAttributePicker(),
        )
        answer = serializer.serialize(result)
        return Response(answer["body"], answer["status_code"], dict(answer["headers"]))

    @cached_property
    def _matched(self) -> tuple[str, dict[str, Any]]:
        # Query and JSON services name the operation; that spares loading a model for calls that no rule looks at.
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
        return determine_request_protocol(get_service_model(self.service), self.request.content_type)


def account_of(request: Request) -> str:
    """The account a request acts in: named by a header, by an access key of exactly 12 digits, or the key's owner."""
    if named := request.headers.get("x-moto-account-id"):
        return named
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
