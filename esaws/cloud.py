"""The cloud: target, region, account and deployment, with boto3 clients, names and tags, and a log of all calls."""

import http.client
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from copy import copy
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, NoCredentialsError, WaiterError

from esaws.aws import error_code, is_missing_operation
from esaws.call_log import CallLog
from esaws.errors import EmulatorGap, EsawsError, LocalNotRunning, Refused, UsageError, WrongAccount, describe_error
from esaws.local_aws import control, process
from esaws.lost_answers import do_not_repeat
from esaws.pricelist import PriceList, bundled, current
from esaws.service_models import model_loader

LOCAL_ACCOUNT = "123456789012"
DEFAULT_REGION = "eu-west-3"
DEFAULT_DEPLOYMENT = "seccom"

DEPLOYMENT_TAG = "esaws:deployment"
NAME_TAG = "esaws:name"
OWNER_TAG = "esaws:owner"
EXPIRY_TAG = "esaws:expires"

_DEPLOYMENT_NAME = re.compile(r"[a-z][a-z0-9]{0,7}")
# AWS rejects names with these prefixes: `aws` and `ssm` for parameters, `ecs` and `fargate` for capacity providers,
# `internal-` for load balancers, `sg-` for security groups.
_RESERVED_DEPLOYMENT = re.compile(r"(aws|ecs|ssm|fargate).*|internal|sg")
_REGION_NAME = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
_TAG_VALUE = re.compile(r"[\w .:/=+@-]{1,256}")

Result = TypeVar("Result")

_LOCAL_POLL_SECONDS = 0.05
_AWS_POLL_SECONDS = 5.0
_LOCAL_ATTEMPTS = 1200
_LOCAL_RETRY_SECONDS = 10.0

EMULATOR_PATIENCE = 20.0
"""Seconds that another emulator may take for what AWS does by itself. Most do it at once, or never."""


class Cloud:
    """One deployment in one account and region.

    Create it with `Cloud.from_env()`, `Cloud.local()`, `Cloud.at(url)` or `Cloud.aws(account=…)`. Only `Cloud.aws` uses
    real credentials. All others sign with the fake credentials of the local AWS, whatever the environment contains.
    No call is made before it is needed.
    """

    def __init__(
        self,
        target: str,
        *,
        account: str | None = None,
        region: str = DEFAULT_REGION,
        deployment: str = DEFAULT_DEPLOYMENT,
        owner: str | None = None,
    ) -> None:
        """`target` is `local`, `aws` or the URL of an endpoint.

        Raises:
            UsageError: the deployment, region, account, owner or target is invalid.
        """
        if not _DEPLOYMENT_NAME.fullmatch(deployment) or _RESERVED_DEPLOYMENT.fullmatch(deployment):
            raise UsageError(
                f"deployment name {deployment!r} is invalid: use 1 to 8 lower-case letters and digits, a letter first; "
                "AWS reserves internal, sg, and names that begin with aws, ecs, fargate or ssm"
            )
        if not _REGION_NAME.fullmatch(region):
            raise UsageError(f"{region!r} is not a region; use one like {DEFAULT_REGION}")
        if account is not None and not re.fullmatch(r"\d{12}", account):
            raise UsageError(f"{account!r} is not an account id; use its 12 digits")
        if owner is not None and not _TAG_VALUE.fullmatch(owner):
            raise UsageError(
                f"the owner {owner!r} can't be a tag; use 1 to 256 letters, digits, spaces and the characters "
                "_ . : / = + - @"
            )
        if target not in ("local", "aws") and not _is_url(target):
            raise UsageError(f"target {target!r} is invalid: use local, aws or a URL such as http://127.0.0.1:4747")
        self.target = target
        self.region = region
        self.deployment = deployment
        self.calls = CallLog()
        self.on_start: Callable[[str], None] = lambda url: None  # called with the URL of a local AWS that was started
        self.known_ids: dict[tuple[str, str], str] = {}  # by (kind, name), as listed or created
        self.gaps: dict[str, str] = {}  # what another emulator does not do → in its words, or how it showed
        self.expires = ""  # the end of the lease, once it was read or granted; new resources get it as a tag
        self._expected_account = account
        self._owner = owner
        self._caller: dict[str, str] | None = None
        self._clients: dict[str, Any] = {}
        self._session: boto3.Session | None = None
        self._endpoint = target if _is_url(target) else None
        self._is_other_emulator: bool | None = None if _is_url(target) else False
        self._lock = threading.RLock()
        self._shared: dict[str, Future[Any]] | None = None
        self._turn: Callable[[], AbstractContextManager[None]] = nullcontext

    @classmethod
    def from_env(cls, *, deployment: str | None = None, region: str | None = None) -> "Cloud":
        """Return the cloud of ESAWS_TARGET (local by default), _ACCOUNT, _REGION, _DEPLOYMENT and _OWNER."""
        return cls(
            os.environ.get("ESAWS_TARGET") or "local",
            account=os.environ.get("ESAWS_ACCOUNT") or None,
            region=region or os.environ.get("ESAWS_REGION") or DEFAULT_REGION,
            deployment=deployment or os.environ.get("ESAWS_DEPLOYMENT") or DEFAULT_DEPLOYMENT,
            owner=os.environ.get("ESAWS_OWNER") or None,
        )

    @classmethod
    def local(cls, **settings: Any) -> "Cloud":
        """Return the local AWS of this user. `start()` starts it."""
        return cls("local", **settings)

    @classmethod
    def at(cls, url: str, **settings: Any) -> "Cloud":
        """Return the endpoint at `url`, with fake credentials."""
        return cls(url, **settings)

    @classmethod
    def aws(cls, account: str, **settings: Any) -> "Cloud":
        """Return AWS, with the credentials of the environment, which must belong to `account`."""
        return cls("aws", account=account, **settings)

    def __repr__(self) -> str:
        return f"<Cloud {self.target} {self.region} deployment={self.deployment}>"

    @property
    def is_aws(self) -> bool:
        """Whether calls reach AWS, where they cost money."""
        return self.target == "aws"

    @property
    def is_other_emulator(self) -> bool:
        """Whether the target is a URL at which another emulator than the local AWS answers, from one request.

        Nothing there costs money, and what it does not do is its own gap: `gaps` has what was found.
        """
        if self._is_other_emulator is None:
            try:
                self._is_other_emulator = not control.is_local_aws(self.target)
            except (OSError, http.client.HTTPException):
                return False  # the next call says what is wrong
        return self._is_other_emulator

    def gap(self, error: BaseException) -> str:
        """Return what another emulator does not do if an error shows that, else an empty text."""
        if isinstance(error, EmulatorGap):
            text = str(error)
        elif is_missing_operation(error):
            text = f"it does not have {getattr(error, 'operation_name', 'the call')}"
        else:
            return ""
        return text if self.is_other_emulator else ""

    # -- the local AWS -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the local AWS if it is the target and not running. Does nothing for other targets.

        Raises:
            UsageError: its port is in use.
            EsawsError: it did not start.
        """
        if self.target == "local":
            status = process.start()
            self._endpoint = status["url"]
            if status["started"]:
                self.on_start(status["url"])

    @property
    def prices(self) -> PriceList:
        """The price list: on AWS the latest cached one; elsewhere the bundled one, which the local AWS bills with."""
        return current() if self.is_aws else bundled()

    @property
    def endpoint(self) -> str | None:
        """The URL of the endpoint; None on AWS, where each service has its own.

        Raises:
            LocalNotRunning: the target is the local AWS, and it is not running.
        """
        if self.target == "local" and self._endpoint is None:
            status = process.status()
            if not status["running"]:
                raise LocalNotRunning(
                    "the local AWS is not running, nothing was looked at; start it with `esaws local start`"
                )
            self._endpoint = status["url"]
        return self._endpoint

    def in_region(self, region: str) -> "Cloud":
        """Return the same account and deployment in another region; the calls go to the same log."""
        if region == self.region:
            return self
        other = Cloud(
            self.target,
            account=self._expected_account,
            region=region,
            deployment=self.deployment,
            owner=self._owner,
        )
        other.calls, other.gaps, other._endpoint = self.calls, self.gaps, self._endpoint
        other._is_other_emulator = self._is_other_emulator
        return other

    def anew(self) -> "Cloud":
        """Return the same endpoint with the same clients, for another content of it: no call, id or account is known.

        The call log is emptied for both, since the clients write to it.
        """
        other = copy(self)
        other.calls.clear()
        other.known_ids, other._caller, other._shared = {}, None, None
        other.expires = ""
        return other

    def sharing(self) -> "Cloud":
        """Return the same cloud, with the same clients and call log, in which `shared` calls a function once."""
        sharing = copy(self)
        sharing._shared = {}
        return sharing

    def shared(self, key: str, call: Callable[[], Result]) -> Result:
        """Return `call()`; of a cloud that is `sharing`, what the first call with this key returned or raised."""
        if self._shared is None:
            return call()
        with self._lock:
            is_first = key not in self._shared
            future = self._shared.setdefault(key, Future())
        if is_first:
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)
        result: Result = future.result()
        return result

    # -- clients -------------------------------------------------------------------------------------------------

    def client(self, service: str) -> Any:
        """Return the boto3 client of `service`, which is created once. `calls` logs its calls."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make_client(service)
            return self._clients[service]

    def _make_client(self, service: str) -> Any:
        if self.is_aws and self._expected_account is None:
            raise Refused("nothing was sent to AWS: name the account, as in `export ESAWS_ACCOUNT=123456789012`")
        settings: dict[str, Any] = {"retries": {"mode": "standard", "total_max_attempts": 8 if self.is_aws else 3}}
        if self._session is None:
            # No profile and no configuration file: no settings of the user reach an endpoint that is not AWS.
            unset = {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}
            overrides = {name: (None, None, value, None) for name, value in unset.items()}
            core = botocore.session.Session(session_vars=None if self.is_aws else overrides)
            loader = model_loader(core.get_config_variable("data_path"))
            core.register_component("data_loader", loader)
            self.calls.attach(core)
            do_not_repeat(core)
            if not self.is_aws:
                core.register("before-call", _mark_observer)
            self._session = boto3.Session(botocore_session=core, region_name=self.region)
            loader.search_paths[:] = dict.fromkeys(loader.search_paths)  # each session adds boto3's path again
        if self.is_aws:
            # A configured endpoint URL would receive the real credentials.
            config = Config(ignore_configured_endpoint_urls=True, max_pool_connections=32, **settings)
            return self._session.client(service, config=config)
        config = Config(
            max_pool_connections=32,
            connect_timeout=5,
            proxies={},
            use_fips_endpoint=False,
            use_dualstack_endpoint=False,
            s3={"addressing_style": "path"},
            user_agent_appid="",  # that of the environment may name another local AWS
            **settings,
        )
        return self._session.client(
            service,
            endpoint_url=self.endpoint,
            aws_access_key_id=self.local_account,
            aws_secret_access_key="local",
            config=config,
        )

    # -- the account ---------------------------------------------------------------------------------------------

    @property
    def local_account(self) -> str:
        """The account on a local AWS, which takes an access key of twelve digits as the account. Makes no call."""
        return self._expected_account or LOCAL_ACCOUNT

    @property
    def account(self) -> str:
        """The account that the credentials belong to, from one call to STS.

        Raises:
            UsageError: nothing answers at the endpoint.
            Refused: there are no AWS credentials.
            EsawsError: STS returned an error.
        """
        return self._identity()["Account"]

    @property
    def owner(self) -> str:
        """The owner in the tags of new resources: the given one, or on AWS the user or role of the credentials.

        Empty elsewhere. Raises what `account` raises.
        """
        if self._owner is not None or not self.is_aws:
            return self._owner or ""
        # arn:aws:iam::123456789012:user/ana, arn:aws:sts::123456789012:assumed-role/Admin/ana@example.com, …:root
        caller = self._identity()["Arn"].split(":", 5)[-1].removeprefix("user/").removeprefix("assumed-role/")
        return re.sub(r"[^\w .:/=+@-]", "_", caller)[:256]

    def _identity(self) -> dict[str, str]:
        if self._caller is None:
            where = self.endpoint or "AWS"
            try:
                self._caller = dict(self.client("sts").get_caller_identity())
            except NoCredentialsError:
                raise Refused("there are no AWS credentials; run `aws configure` or `aws sso login`") from None
            except (ConnectionError, HTTPClientError) as error:
                raise UsageError(f"nothing answers at {where}: {error}; look with `esaws doctor`") from error
            except ClientError as error:
                reason = describe_error(error)
                next_step = "" if " → " in reason else "; check the credentials"
                raise EsawsError(f"{where}: STS did not return the account: {reason}{next_step}") from error
        return self._caller

    def check(self) -> str:
        """Return the account after checking that it is the expected one. Call it before any change.

        Raises:
            WrongAccount: the credentials belong to another account.
            Refused: the target is AWS, and no account was named.
        """
        account = self.account
        if self._expected_account is not None and account != self._expected_account:
            raise WrongAccount(
                f"the credentials belong to account {account}, but {self._expected_account} was named: nothing was "
                "changed; use other credentials or set ESAWS_ACCOUNT"
            )
        return account

    # -- names and tags ------------------------------------------------------------------------------------------

    def aws_name(self, name: str) -> str:
        """Return the name on AWS of the resource that an architecture calls `name`."""
        return f"{self.deployment}-{name}"

    def tags(self, name: str, *, expiry: bool = True) -> dict[str, str]:
        """Return the tags of a resource: deployment, name, `Name` for the console, and owner and expiry if known.

        Without `expiry` for what keeps its first tags: a lease that is extended could not change them.
        """
        tags = {DEPLOYMENT_TAG: self.deployment, NAME_TAG: name, "Name": self.aws_name(name)}
        if owner := self.owner:
            tags[OWNER_TAG] = owner
        if expiry and self.expires:
            tags[EXPIRY_TAG] = self.expires
        return tags

    def owned_name(self, tags: dict[str, str]) -> str | None:
        """Return the reference name in the tags of a resource, or None if this deployment does not own it."""
        return tags.get(NAME_TAG) if tags.get(DEPLOYMENT_TAG) == self.deployment else None

    # -- waiting -------------------------------------------------------------------------------------------------

    def taking_turns(self, turn: Callable[[], AbstractContextManager[None]]) -> "Cloud":
        """Return the same cloud, with the same clients and call log, which polls inside `turn()` alone."""
        waiting = copy(self)
        waiting._turn = turn
        return waiting

    @property
    def poll_seconds(self) -> float:
        """Seconds between two polls."""
        return _AWS_POLL_SECONDS if self.is_aws else _LOCAL_POLL_SECONDS

    def wait(self, service: str, waiter: str, **parameters: Any) -> None:
        """Wait with one of botocore's waiters. On AWS it keeps its own pace and limit.

        Raises:
            botocore.exceptions.WaiterError: the resource failed, or the waiter timed out.
        """
        botocore_waiter = self.client(service).get_waiter(waiter)
        if self.is_aws:
            botocore_waiter.wait(**parameters)
            return
        once, began = {"Delay": 0, "MaxAttempts": 1}, time.monotonic()
        for attempt in range(_LOCAL_ATTEMPTS):
            with self._turn():
                time.sleep(self.poll_seconds if attempt else 0)
                try:
                    botocore_waiter.wait(**parameters, WaiterConfig=once)
                    return
                except WaiterError as error:
                    last = attempt == _LOCAL_ATTEMPTS - 1
                    if last or not error.kwargs["reason"].startswith("Max attempts exceeded"):
                        raise
                    what = f"{waiter.replace('_', ' ')}: {', '.join(map(_shown, parameters.values()))}"
                    self._lose_patience(began, what)

    def wait_until(self, description: str, condition: Callable[[], Any], *, minutes: float = 10) -> None:
        """Poll until `condition()` is true, for services without a botocore waiter.

        Raises:
            EsawsError: it was not true within `minutes`. The message contains `description`.
        """
        began = time.monotonic()
        deadline = began + 60 * minutes
        while True:
            with self._turn():
                if condition():
                    return
                self._lose_patience(began, description, at_most=60 * minutes)
                if time.monotonic() > deadline:
                    raise EsawsError(
                        f"timed out after {minutes:g} minutes: waited until {description}; check it in {self.region}"
                    )
                time.sleep(self.poll_seconds)

    def _lose_patience(self, began: float, description: str, at_most: float = EMULATOR_PATIENCE) -> None:
        """Raise EmulatorGap if another emulator has had its time to bring about what is waited for."""
        seconds = min(EMULATOR_PATIENCE, at_most)
        if time.monotonic() - began > seconds and self.is_other_emulator:
            raise EmulatorGap(f"waited {seconds:g} s until {description}")

    def retry(self, call: Callable[[], Any], *codes: str, minutes: float = 10) -> Any:
        """Return `call()`, repeated while AWS answers with one of the error `codes`, which botocore does not retry.

        Raises:
            botocore.exceptions.ClientError: any other error at once, or the last error after `minutes`.
        """
        deadline = time.monotonic() + (minutes * 60 if self.is_aws else _LOCAL_RETRY_SECONDS)
        while True:
            try:
                return call()
            except ClientError as error:
                if error_code(error) not in codes or time.monotonic() > deadline:
                    raise
            with self._turn():
                time.sleep(self.poll_seconds)


_is_observing: ContextVar[bool] = ContextVar("is_observing", default=False)


@contextmanager
def observing() -> Iterator[None]:
    """Let the calls of this block leave the clock of the local AWS as it is.

    Other calls for a resource in transition advance that clock to the end of the transition.
    """
    token = _is_observing.set(True)
    try:
        yield
    finally:
        _is_observing.reset(token)


def _shown(value: Any) -> str:
    """A parameter of a waiter as text: `arn:…, i-1:80`."""
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return ":".join(map(str, value.values())) if isinstance(value, dict) else str(value)


def _mark_observer(params: dict[str, Any], **_: Any) -> None:
    if _is_observing.get():
        params["headers"]["X-Esaws-Observer"] = "1"


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc)
