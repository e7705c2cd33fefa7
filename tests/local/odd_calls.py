"""Odd calls: every operation of the wrapped services with parameters that clients rarely send, and what comes back.

`python -m tests.local.odd_calls COUNT [--seed N] [--service S] [--json] [--write FOLDER]` sends COUNT calls to a local
AWS in this process. An account with one thing of each kind is built anew for each block of calls. After each changing
call that was accepted the clock advances and ordinary calls are repeated.
"""

import argparse
import contextlib
import io
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.model import Shape

from local_aws_server import hooks
from tests.local.raw_calls import (
    InProcessAws,
    Request,
    UnserializableRequest,
    all_operations,
    parse,
    protocols,
    service_model,
)
from tests.local.small_world import build, ordinary_calls

BLOCK = 500
"""How many calls share one account."""
_MAX_DEPTH = 5
_READING = ("Describe", "List", "Get", "Head", "BatchGet", "Lookup", "Search", "Select", "Filter", "Simulate")
_TOKENS = ("nexttoken", "marker", "continuationtoken", "startingtoken", "paginationtoken", "nextpagetoken")
_ALIASES = {"clusterarn": "cluster", "targetgroups": "targetgrouparn", "dbinstancearn": "resourcename"}


def wrapped_services() -> list[str]:
    """The services that have hooks, sorted."""
    hooks.import_hook_modules()
    return sorted({service for service, _ in hooks.HOOKS} - {"lambda"})


class Values:
    """The values that exist in an account, by the names of the members that held them."""

    def __init__(self) -> None:
        self._by_name: dict[str, dict[str, None]] = defaultdict(dict)

    def collect(self, result: Any, name: str = "") -> None:
        """Note every string of a result."""
        if isinstance(result, dict):
            for key, value in result.items():
                self.collect(value, key.lower())
        elif isinstance(result, list):
            for value in result:
                self.collect(value, name)
        elif isinstance(result, str) and result:
            self._by_name[_ALIASES.get(name, name)][result] = None

    def of(self, name: str) -> list[str]:
        """The values for a member of this name."""
        plain = name.lower()
        single = plain.removesuffix("s")
        for candidate in (
            plain,
            single,
            f"{single}arn",
            f"{single}id",
            f"{single}name",
            plain.removesuffix("identifier"),
        ):
            if found := self._by_name.get(candidate):
                return list(found)
        return []


class Generator:
    """Plausible parameters from a model, and oddities in them; the same for the same random numbers."""

    def __init__(self, chance: random.Random, values: Values) -> None:
        self.chance = chance
        self.values = values

    def request(self, service: str, operation: str) -> Request:
        """A call of an operation with up to two oddities."""
        shape = service_model(service).operation_model(operation).input_shape
        parameters = self._structure(shape, 0) if shape else {}
        if shape:
            for _ in range(self.chance.choice((0, 0, 1, 1, 2))):
                self._spoil(shape, parameters)
            if "DryRun" in shape.members and self.chance.random() < 0.3:
                parameters["DryRun"] = True
        return Request(service, operation, parameters, self.chance.choice(protocols(service)))

    # --- plausible values

    def _value(self, name: str, shape: Shape, depth: int) -> Any:
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape, depth + 1)
        if kind == "list":
            return [self._value(name, shape.member, depth + 1) for _ in range(self.chance.choice((1, 1, 2)))]
        if kind == "map":
            return {self._value(f"{name}Key", shape.key, depth + 1): self._value(name, shape.value, depth + 1)}
        if kind in ("integer", "long", "float", "double"):
            low = shape.metadata.get("min", 1)
            return low + self.chance.choice((0, 0, 1, 5)) if kind in ("integer", "long") else float(low)
        if kind == "boolean":
            return name.lower() != "dryrun" and self.chance.random() < 0.5
        if kind == "timestamp":
            return datetime.fromtimestamp(1_800_000_000 + self.chance.choice((-86400, 0, 3600)), UTC)
        if kind == "blob":
            return b"blob"
        if shape.metadata.get("enum"):
            return self.chance.choice(shape.metadata["enum"])
        known = self.values.of(name)
        if known and self.chance.random() < 0.85:
            return self.chance.choice(known)
        return self.chance.choice(("odd", "odd-1", "10.0.0.0/16", "1", "arn:aws:odd:eu-west-3:123456789012:odd/odd"))

    def _structure(self, shape: Shape, depth: int) -> dict[str, Any]:
        optional = 0.3 if depth == 0 else 0.2
        return {
            name: self._value(name, member, depth)
            for name, member in shape.members.items()
            if (name in shape.required_members and depth < 2 * _MAX_DEPTH)
            or (
                depth < _MAX_DEPTH
                and name.lower() not in _TOKENS
                and self.chance.random() < min(optional, 4 / len(shape.members))
            )
        }

    # --- oddities

    def _spoil(self, shape: Shape, parameters: dict[str, Any]) -> None:
        """Change one member, at any depth, into something odd."""
        if not shape.members:
            return
        in_path = {n for n, m in shape.members.items() if m.serialization.get("location") == "uri"}
        name = self.chance.choice([*parameters, *shape.members])
        member = shape.members[name]
        value = parameters.get(name)
        if isinstance(value, dict) and member.type_name == "structure" and self.chance.random() < 0.7:
            self._spoil(member, value)
        elif isinstance(value, list) and value and isinstance(value[0], dict) and self.chance.random() < 0.7:
            if member.member.type_name == "structure":
                self._spoil(member.member, value[0])
        elif name in parameters and name not in in_path and self.chance.random() < 0.25:
            del parameters[name]
        else:
            parameters[name] = self._odd(name, member)

    def _odd(self, name: str, shape: Shape) -> Any:
        kind = shape.type_name
        if name.lower() in _TOKENS:
            return self.chance.choice(("false-token", "-1", "", "!", "99999"))
        if self.chance.random() < 0.2:  # a wrong type
            return self.chance.choice(("text", 7, -1.5, True, ["text"], {"odd": "text"}, [], {}, [None], [7]))
        if kind in ("integer", "long", "float", "double"):
            return self.chance.choice((-1, 0, 1, 99, 10**6, 2**31, 10**12))
        if kind == "list":
            return self.chance.choice(
                ([], [], [self._odd(name, shape.member)], [self._value(name, shape.member, 3)] * 2)
            )
        if kind == "structure":
            return {}
        if kind == "map":
            return self.chance.choice(({}, {"odd": self._odd(name, shape.value)}))
        if kind == "boolean":
            return self.chance.choice((True, False, "maybe"))
        if kind == "timestamp":
            return self.chance.choice((datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), "yesterday"))
        if kind == "blob":
            return b""
        known = self.values.of(name)
        return self.chance.choice(
            (
                "",
                " ",
                "absent",
                "x" * 300,
                "Ω/é?&=%",
                "-5",
                "{}",
                "arn:aws:ecs:eu-west-3:123456789012:cluster/absent",
                "i-0123456789abcdef0",
                "10.0.0.5/8",
                *[f"{each}x" for each in known[:2]],
                *[each.upper() for each in known[:1]],
            )
        )


@dataclass
class Report:
    """What came back from the odd calls."""

    statuses: Counter[str] = field(default_factory=Counter)
    """"service 4xx" → number."""
    failed: list[tuple[Request, str]] = field(default_factory=list)
    """HTTP 500: the call, and the exception with its place."""
    unexpected_501: list[tuple[Request, str]] = field(default_factory=list)
    """HTTP 501 because of an exception, not because of a known gap."""
    poisoned: list[tuple[Request, str]] = field(default_factory=list)
    """Accepted calls after which an ordinary call, or the clock, failed."""

    def problems(self) -> Iterator[tuple[str, Request, str]]:
        for kind in ("failed", "unexpected_501", "poisoned"):
            for request, problem in getattr(self, kind):
                yield kind, request, problem


def run(
    count: int,
    seed: int,
    services: list[str] | None = None,
    *,
    aws: InProcessAws | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Report:
    """Send odd calls. Operations come in a random order, each as often as the others. `progress` gets their number."""
    aws = aws or InProcessAws()
    services = services or wrapped_services()
    operations = list(all_operations(services))
    report = Report()
    order = random.Random(seed)
    queue: list[tuple[str, str]] = []
    for start in range(0, count, BLOCK):
        chance = random.Random(f"{seed} {start}")
        values = _new_account(aws, start)
        generator = Generator(chance, values)
        for _ in range(min(BLOCK, count - start)):
            if not queue:
                queue = order.sample(operations, len(operations))
            if not _send(aws, generator.request(*queue.pop()), values, report):
                values = generator.values = _new_account(aws, start)
        progress(min(start + BLOCK, count))
    return report


def _new_account(aws: InProcessAws, seed: int) -> Values:
    aws.reset(seed)
    values = Values()
    for result in build(aws):
        values.collect(result)
    return values


def _send(aws: InProcessAws, request: Request, values: Values, report: Report) -> bool:
    """Send one call and note what came back. Returns False if the account is unusable afterwards."""
    try:
        answer = aws.send(request)
    except UnserializableRequest:
        report.statuses[f"{request.service} not sent"] += 1
        return True
    except Exception as error:
        report.failed.append((request, f"{type(error).__name__}: {error} (outside of the server's protocol)"))
        return False
    report.statuses[
        f"{request.service} {answer.status // 100}xx" if answer.status != 501 else f"{request.service} 501"
    ] += 1
    if answer.status == 501:
        if answer.problem:
            report.unexpected_501.append((request, answer.problem))
    elif answer.status >= 500:
        report.failed.append((request, answer.problem))
    elif answer.status < 300 and not request.operation.startswith(_READING):
        try:
            with contextlib.suppress(Exception):
                values.collect(parse(request, answer))
            ordinary_calls(aws)
        except Exception as error:
            report.poisoned.append((request, str(error)))
            return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.local.odd_calls", description="Odd calls to a local AWS.")
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--service", action="append", help="only this one; may be repeated")
    parser.add_argument("--write", type=Path, help="a folder for one file of problems for each service")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    services = options.service or wrapped_services()
    terminal = sys.stderr if sys.stderr.isatty() else io.StringIO()

    def show(done: int) -> None:
        print(f"\r{done} of {options.count} calls", end="" if done < options.count else "\n", file=terminal, flush=True)

    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):  # the server's words
        report = run(options.count, options.seed, services, progress=show)
    problems = list(report.problems())
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        by_service: dict[str, list[str]] = defaultdict(list)
        for kind, request, problem in problems:
            by_service[request.service].append(f"{kind}: {problem}\n    {request}")
        for service in services:
            lines = sorted(by_service.get(service, []))
            (options.write / f"{service}.txt").write_text("\n".join(lines) + "\n" if lines else "")
    if options.json:
        json.dump([(kind, str(request), problem) for kind, request, problem in problems], sys.stdout)
    else:
        for kind, request, problem in problems:
            print(f"{kind}: {problem}\n    {request}")
        print(dict(sorted(report.statuses.items())))
        print(
            f"{options.count} calls: {len(report.failed)} times HTTP 500, {len(report.unexpected_501)} times 501 by an "
            f"exception, {len(report.poisoned)} times later calls or the clock failed"
        )
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
