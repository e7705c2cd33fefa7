"""Nothing that was refused is kept: odd creations and changes in every service of stores and identities.

`python -m tests.local.refused_calls 300` sends odd calls of the operations that create or change something, and
compares what moto has stored before and after each one that is refused.
"""

import argparse
import contextlib
import io
import json
import random
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from local_aws_server.backends import Backends
from tests.local.odd_calls import Generator, Values
from tests.local.raw_calls import ACCOUNT, REGION, InProcessAws, Request, UnserializableRequest, service_model
from tests.local.small_world import build

SERVICES = {
    "rds": "rds",
    "elasticache": "elasticache",
    "mq": "mq",
    "cognito-idp": "cognito-idp",
    "iam": "iam",
    "ssm": "ssm",
    "secretsmanager": "secretsmanager",
}
"""boto3's name → moto's."""
_CHANGING = ("Add", "Attach", "Copy", "Create", "Modify", "Put", "Register", "Restore", "Update", "Upload")
_LOGS = {"events", "_esaws"}
"""Attributes that record calls, refused ones too."""
_DEPTH = 4


def stored(moto_service: str) -> frozenset[str]:
    """The paths of everything that a backend of moto holds: the keys of its dicts, and of those of its objects."""
    return frozenset(_paths(vars(Backends(ACCOUNT, REGION).backend(moto_service)), "", _DEPTH))


def _paths(values: Mapping[Any, Any], path: str, depth: int) -> Iterator[str]:
    for key, value in list(values.items()):
        if key in _LOGS:
            continue
        here = f"{path}/{key}"
        if isinstance(value, Mapping):
            yield from _paths(value, here, depth)
        elif isinstance(value, list | set | tuple):
            yield f"{here}*{len(value)}"
        elif depth and type(value).__module__.startswith("moto.") and "Backend" not in type(value).__name__:
            yield here
            yield from _paths(vars(value), here, depth - 1)
        elif not path.count("/") or value is not None:
            yield here


def run(count: int, seed: int) -> dict[str, Any]:
    """{refused: how many, left: [the refused call, what it has left], noticed: what a correct call has left}."""
    aws, chance = InProcessAws(), random.Random(seed)
    aws.reset(seed)
    values = Values()
    for result in build(aws):
        values.collect(result)
    operations = [
        (service, operation)
        for service in SERVICES
        for operation in service_model(service).operation_names
        if operation.startswith(_CHANGING)
    ]
    generator, refused, left = Generator(chance, values), 0, []
    for _ in range(count):
        service, operation = chance.choice(operations)
        request = generator.request(service, operation)
        before = stored(SERVICES[service])
        if _status(aws, request) in range(400, 500):
            refused += 1
            if differences := before ^ stored(SERVICES[service]):
                left.append((str(request), sorted(differences)))
    before = stored("ssm")
    aws.call("ssm", "PutParameter", Name="kept", Value="x", Type="String")
    return {"refused": refused, "left": left, "noticed": len(before ^ stored("ssm"))}


def _status(aws: InProcessAws, request: Request) -> int:
    try:
        return aws.send(request).status
    except UnserializableRequest:
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.local.refused_calls")
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=17)
    options = parser.parse_args()
    with contextlib.redirect_stderr(io.StringIO()):  # the server's tracebacks
        report = run(options.count, options.seed)
    json.dump(report, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
