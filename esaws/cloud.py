"""Where and as whom: the target, its region and account, the deployment, clients made once, and the ledger of calls."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, NoCredentialsError
from botocore.loaders import Loader, create_loader

from esaws.call_log import Ledger
from esaws.errors import EsawsError, LocalNotRunning, Refused, UsageError, WrongAccount
from esaws.pricelist import PriceList, bundled, current

LOCAL_ACCOUNT = "123456789012"
DEFAULT_REGION = "eu-west-3"
DEFAULT_DEPLOYMENT = "seccom"

DEPLOYMENT_TAG = "esaws:deployment"
NAME_TAG = "esaws:name"

_DEPLOYMENT_NAME = re.compile(r"[a-z][a-z0-9]{0,7}")
# AWS refuses names that begin so: `aws` and `ssm` of parameters, `ecs` and `fargate` of capacity providers, and with a
# hyphen behind them `internal` of load balancers and `sg` of security groups.
_RESERVED_DEPLOYMENT = re.compile(r"(aws|ecs|ssm|fargate).*|internal|sg")
_REGION_NAME = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")

_LOCAL_POLL_SECONDS = 0.05
_AWS_POLL_SECONDS = 5.0


@cache
def models(path: str | None) -> Loader:
    """What reads the models of AWS's services, megabytes of JSON: once in a process, however many clouds it has."""
    return create_loader(path)


class Cloud:
    """One account in one region, seen by one deployment.

    Make it with `Cloud.from_env()`, `Cloud.local()`, `Cloud.at(url)` or `Cloud.aws(account=…)`. Real credentials are
    used by `Cloud.aws` alone; all others sign with the fake ones of the local AWS, whatever the environment holds.
    Nothing is contacted before the first call.
    """

    def __init__(
        self,
        target: str,
        *,
        account: str | None = None,
        region: str = DEFAULT_REGION,
        deployment: str = DEFAULT_DEPLOYMENT,
    ) -> None:
        """Use one of the constructors by name; `target` is `local`, `aws` or an endpoint's URL.

        Raises:
            UsageError: a deployment, region, account or URL that can't be.
        """
        if not _DEPLOYMENT_NAME.fullmatch(deployment) or _RESERVED_DEPLOYMENT.fullmatch(deployment):
            raise UsageError(
                f"deployment name {deployment!r} can't be used: take 1 to 8 lower-case letters and digits, a letter "
                "first; AWS keeps internal, sg, and what begins with aws, ecs, fargate or ssm"
            )
        if not _REGION_NAME.fullmatch(region):
            raise UsageError(f"{region!r} is not a region; regions look like {DEFAULT_REGION}")
        if account is not None and not re.fullmatch(r"\d{12}", account):
            raise UsageError(f"{account!r} is not an account: an account id has 12 digits")
        if target not in ("local", "aws") and not _is_url(target):
            raise UsageError(f"target {target!r} is not known: use local, aws or a URL such as http://127.0.0.1:4747")
        self.target = target
        self.region = region
        self.deployment = deployment
        self.calls = Ledger()
        self.known: dict[tuple[str, str], str] = {}  # ids by (kind, name), as far as they were seen or made
        self._expected_account = account
        self._account: str | None = None
        self._clients: dict[str, Any] = {}
        self._session: boto3.Session | None = None
        self._endpoint = target if _is_url(target) else None
        self._lock = threading.RLock()

    @classmethod
    def from_env(cls, *, deployment: str | None = None, region: str | None = None) -> "Cloud":
        """The cloud that ESAWS_TARGET, ESAWS_ACCOUNT, ESAWS_REGION and ESAWS_DEPLOYMENT name; local by default."""
        return cls(
            os.environ.get("ESAWS_TARGET") or "local",
            account=os.environ.get("ESAWS_ACCOUNT") or None,
            region=region or os.environ.get("ESAWS_REGION") or DEFAULT_REGION,
            deployment=deployment or os.environ.get("ESAWS_DEPLOYMENT") or DEFAULT_DEPLOYMENT,
        )

    @classmethod
    def local(cls, **settings: Any) -> "Cloud":
        """The local AWS of this user; `start()` starts it."""
        return cls("local", **settings)

    @classmethod
    def at(cls, url: str, **settings: Any) -> "Cloud":
        """Whatever answers at `url`, with fake credentials."""
        return cls(url, **settings)

    @classmethod
    def aws(cls, account: str, **settings: Any) -> "Cloud":
        """AWS itself, with the credentials of the environment; they must belong to `account`."""
        return cls("aws", account=account, **settings)

    def __repr__(self) -> str:
        return f"<Cloud {self.target} {self.region} deployment={self.deployment}>"

    @property
    def is_aws(self) -> bool:
        """Whether calls reach AWS itself, where they cost money."""
        return self.target == "aws"

    # -- the local AWS -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the local AWS if it is the target and none runs; for other targets nothing is done.

        Raises:
            UsageError: its port is taken.
            EsawsError: it did not start.
        """
        if self.target == "local":
            self._endpoint = local_command("start")["url"]

    @property
    def prices(self) -> PriceList:
        """On AWS what it told of prices lately; elsewhere the bundled ones, so that the local AWS bills the same."""
        return current() if self.is_aws else bundled()

    @property
    def endpoint(self) -> str | None:
        """The endpoint's URL; None on AWS, where each service has its own.

        Raises:
            LocalNotRunning: the target is the local AWS and none runs.
        """
        if self.target == "local" and self._endpoint is None:
            status = local_command("status")
            if not status["running"]:
                raise LocalNotRunning(
                    "the local AWS is not running, nothing was looked at; `esaws local start` starts it"
                )
            self._endpoint = status["url"]
        return self._endpoint

    # -- clients -------------------------------------------------------------------------------------------------

    def client(self, service: str) -> Any:
        """The boto3 client of `service`, made once; its calls go to the ledger."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make_client(service)
            return self._clients[service]

    def _make_client(self, service: str) -> Any:
        if self.is_aws and self._expected_account is None:
            raise Refused(
                "nothing was asked of AWS: name the account that you mean, as in `export ESAWS_ACCOUNT=123456789012`"
            )
        settings: dict[str, Any] = {"retries": {"mode": "standard", "total_max_attempts": 8 if self.is_aws else 3}}
        if self._session is None:
            # No profile, no configuration file: nothing of the environment reaches an endpoint that is not AWS.
            nowhere = {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}
            overrides = {name: (None, None, value, None) for name, value in nowhere.items()}
            core = botocore.session.Session(session_vars=None if self.is_aws else overrides)
            loader = models(core.get_config_variable("data_path"))
            core.register_component("data_loader", loader)
            self.calls.watch(core)
            self._session = boto3.Session(botocore_session=core, region_name=self.region)
            loader.search_paths[:] = dict.fromkeys(loader.search_paths)  # every session adds boto3's own again
        if self.is_aws:
            # A configured endpoint URL would send real credentials to somebody else.
            config = Config(ignore_configured_endpoint_urls=True, max_pool_connections=32, **settings)
            return self._session.client(service, config=config)
        config = Config(
            max_pool_connections=32,
            connect_timeout=5,
            proxies={},
            use_fips_endpoint=False,
            use_dualstack_endpoint=False,
            s3={"addressing_style": "path"},
            **settings,
        )
        return self._session.client(
            service,
            endpoint_url=self.endpoint,
            # The local AWS reads an access key of twelve digits as the account that it belongs to.
            aws_access_key_id=self._expected_account or LOCAL_ACCOUNT,
            aws_secret_access_key="local",
            config=config,
        )

    # -- the account ---------------------------------------------------------------------------------------------

    @property
    def account(self) -> str:
        """The account that the credentials belong to, asked once.

        Raises:
            UsageError: nothing answers at the endpoint.
            Refused: there are no credentials for AWS.
        """
        if self._account is None:
            where = self.endpoint or "AWS"
            try:
                self._account = str(self.client("sts").get_caller_identity()["Account"])
            except NoCredentialsError:
                raise Refused("there are no AWS credentials; `aws configure` or `aws sso login` gets some") from None
            except (ConnectionError, HTTPClientError) as error:
                raise UsageError(f"nothing answers at {where}: {error}") from error
            except ClientError as error:
                raise EsawsError(f"{where} does not tell whose credentials these are: {error}") from error
        return self._account

    def check(self) -> str:
        """The account, once it is the one that was named. To be called before anything changes.

        Raises:
            WrongAccount: the credentials belong to another account than was named.
            Refused: the target is AWS and no account was named.
        """
        account = self.account
        if self._expected_account is not None and account != self._expected_account:
            raise WrongAccount(
                f"the credentials belong to account {account}, but {self._expected_account} was named: nothing was "
                "changed; switch credentials or ESAWS_ACCOUNT"
            )
        return account

    # -- names and tags ------------------------------------------------------------------------------------------

    def aws_name(self, name: str) -> str:
        """The name that AWS shows for what the architecture calls `name`."""
        return f"{self.deployment}-{name}"

    def tags(self, name: str) -> dict[str, str]:
        """The tags that make something ours, and the `Name` that the console shows."""
        return {DEPLOYMENT_TAG: self.deployment, NAME_TAG: name, "Name": self.aws_name(name)}

    def owned_name(self, tags: dict[str, str]) -> str | None:
        """The reference name of something with these tags, or None where this deployment does not own it."""
        return tags.get(NAME_TAG) if tags.get(DEPLOYMENT_TAG) == self.deployment else None

    # -- waiting -------------------------------------------------------------------------------------------------

    @property
    def poll_seconds(self) -> float:
        """How long to wait between two looks at something that changes."""
        return _AWS_POLL_SECONDS if self.is_aws else _LOCAL_POLL_SECONDS

    def wait(self, service: str, waiter: str, **parameters: Any) -> None:
        """Wait with one of botocore's waiters, for as long as it waits on AWS.

        Raises:
            botocore.exceptions.WaiterError: it failed or took too long.
        """
        waiting = self.client(service).get_waiter(waiter)
        pace = {} if self.is_aws else {"WaiterConfig": {"Delay": self.poll_seconds, "MaxAttempts": 1200}}
        waiting.wait(**parameters, **pace)

    def until(self, what: str, condition: Callable[[], Any], *, minutes: float = 10) -> None:
        """Wait until `condition()` is true, for services that botocore has no waiter for.

        Raises:
            EsawsError: it was not within `minutes`; `what` says what was waited for.
        """
        deadline = time.monotonic() + minutes * 60
        while not condition():
            if time.monotonic() > deadline:
                raise EsawsError(f"waited {minutes:g} minutes in vain until {what}; look at it in {self.region}")
            time.sleep(self.poll_seconds)

    def retry(self, call: Callable[[], Any], *codes: str, minutes: float = 10) -> Any:
        """What `call()` gives, called again for as long as AWS answers one of `codes`; botocore retries none of them.

        Raises:
            botocore.exceptions.ClientError: any other answer, or the last one after `minutes`.
        """
        deadline = time.monotonic() + (minutes * 60 if self.is_aws else 10)
        while True:
            try:
                return call()
            except ClientError as error:
                if error.response["Error"]["Code"] not in codes or time.monotonic() > deadline:
                    raise
                time.sleep(self.poll_seconds)


def local_command(command: str, *options: str) -> dict[str, Any]:
    """What `python -m esaws.local_aws COMMAND --json` answers; its errors are raised here.

    The local AWS is another program, reached by its command line and over HTTP alone.
    """
    arguments = [sys.executable, "-m", "esaws.local_aws", command, *options, "--json"]
    finished = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if finished.returncode:
        message = finished.stderr.strip().removeprefix("esaws: ") or f"`esaws local {command}` failed"
        raise {2: UsageError, 3: Refused}.get(finished.returncode, EsawsError)(message)
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc)
