"""Load damaged and hostile files into a local AWS in this process, and print the outcomes as JSON.

`python -m tests.local.damaged_files FILE COUNT`: COUNT times it changes bytes of FILE, and COUNT times the content of a
small file with a correct checksum. The process then prints what was loaded and refused, and every suspicious action.
"""

import copy
import gzip
import hashlib
import json
import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from local_aws_server import hooks
from local_aws_server.backends import Backends
from local_aws_server.clock.clock import CLOCK
from local_aws_server.clock.event_log import record_event
from local_aws_server.faults.control import add_fault
from local_aws_server.keep_alive import KeepAliveHandler
from local_aws_server.server import LocalAws
from local_aws_server.snapshots import accounts, file, snapshot
from local_aws_server.snapshots.errors import Unreadable
from tests.local.conftest import Account

MAX_UNPACKED, MAX_VALUES = 1 << 25, 1 << 20
"""Limits of a file for this test; the real ones would make it slow."""
ACCOUNT = "123456789012"
READS = {
    "dynamodb": "list_tables",
    "s3": "list_buckets",
    "secretsmanager": "list_secrets",
    "sqs": "list_queues",
    "ssm": "describe_parameters",
}

CLASSES = [
    "os:system",
    "subprocess:Popen",
    "builtins:eval",
    "builtins:object",
    "builtins:type",
    "threading:Thread",
    "antigravity:anything",
    "local_aws_server.clock.clock:Clock",
    "esaws.local_aws.state:Server",
    "moto.awslambda.models:LambdaFunction",
    "moto.batch.models:Job",
    "moto.core.base_backend:BackendDict",
    "moto.core.responses:BaseResponse",
    "moto.ec2.models:random",
    "moto.ec2.responses:EC2Response",
    "moto.ecs.exceptions:EcsClientException",
    "moto.ecs.models:Nobody",
    "moto.ecs.models:Cluster.__init__",
    "moto.ecs.models:Task",
    "moto.moto_api._internal.models:MotoAPIBackend",
    "moto.s3.models:FakeKey",
    "moto.s3.models:os",
    "moto.sqs.models:Queue",
    "moto...models:X",
    "../moto:X",
]
VALUES: list[Any] = [
    None,
    True,
    -1,
    10**30,
    float("inf"),
    "",
    "a text",
    [],
    {},
    [0],
    [-1],
    [10**9],
    [True],
    [0, 0],
    ["tuple"],
    ["value", 0],
    ["value", -1],
    ["outside", "moto.ecs.models:EC2ContainerServiceBackend 999999999999 eu-west-3"],
    ["outside", "os:system 1 2"],
    ["enum", "os:system", "x"],
    ["class", "subprocess:Popen"],
    ["method", [0], "filter_id"],
    ["method", [0], "__init__"],
    ["bytes", "%%%"],
    ["decimal", "one"],
    ["datetime", "yesterday UTC"],
    ["datetime", "2026-01-01T00:00:00 ../../etc/passwd"],
    ["pattern", "0 ("],
    ["private key", "-----BEGIN PRIVATE KEY-----"],
    ["set", ["list"]],
    ["frozenset", [0]],
    ["object", 0],
    ["holder", 0, [], ["dict"]],
    ["defaultdict", "eval"],
    ["random", 3, None, 1],
    ["file", "x", "eA=="],
]
WATCHED = ("subprocess", "os.", "shutil.", "socket.connect", "ctypes", "pty", "code.__new__", "import")
HARMLESS = {"os.listdir", "os.scandir", "os.walk", "os.fwalk", "os.add_dll_directory"}


class Watch:
    """An audit hook that records actions that loading a file must not cause, while it is `on`."""

    def __init__(self) -> None:
        self.on = False
        self.actions: Counter[str] = Counter()
        sys.addaudithook(self.record)

    def record(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or event in HARMLESS:
            return
        if event == "import":
            if not str(arguments[0]).startswith(("moto", "esaws", "encodings")):
                self.actions[f"import {arguments[0]}"] += 1
        elif event == "open":
            if isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
                self.actions[f"open {arguments[0]}"] += 1
        elif event.startswith(WATCHED):
            self.actions[f"{event} {arguments!r:.100}"] += 1


def change_bytes(content: bytes, chance: random.Random) -> bytes:
    """Damage a file: flip, cut, repeat or overwrite bytes."""
    start, end = sorted(chance.sample(range(len(content)), 2))
    if chance.random() < 0.4:
        start, end = sorted(chance.sample(range(600), 2))
    return chance.choice(
        [
            content[:start] + bytes([content[start] ^ (1 << chance.randrange(8))]) + content[start + 1 :],
            content[:start],
            content[:start] + content[end:],
            content[:end] + content[start:],
            content[:start] + bytes(end - start) + content[end:],
            content + content[start:end],
            content[start:],
        ]
    )


def change_content(header: dict[str, Any], tables: dict[str, Any], chance: random.Random) -> bytes:
    """Change the content of a file, with correct sizes and checksum."""
    header, tables = copy.deepcopy(header), copy.deepcopy(tables)
    kind = chance.random()
    if kind < 0.1:
        change_somewhere(header, chance)
        return file.pack(header, parts(tables))
    table = chance.choice(list(tables.values()))
    if kind < 0.35:
        chance.choice(table["shapes"])[0] = chance.choice(CLASSES + [name for name, _ in table["shapes"]])
    elif kind < 0.45:
        attributes = chance.choice([shape for shape in table["shapes"] if shape[1]])[1]
        attributes[chance.randrange(len(attributes))] = chance.choice(
            ["__class__", "reset", "not a name", "_esaws", "__del__", 7]
        )
    elif kind < 0.55:
        chance.shuffle(table["rows"])
    else:
        for _ in range(chance.choice([1, 1, 3])):
            change_somewhere(table, chance)
    return file.pack(header, parts(tables))


def parts(tables: dict[str, Any]) -> list[file.AccountPart]:
    return [file.pack_account(account, table) for account, table in tables.items()]


def change_somewhere(node: Any, chance: random.Random) -> None:
    """Replace, delete or duplicate a random value in nested lists and dicts."""
    while True:
        keys = list(node) if isinstance(node, dict) else range(len(node))
        if not keys:
            return
        key = chance.choice(keys)
        below = node[key]
        if isinstance(below, dict | list) and below and chance.random() < 0.85:
            node = below
            continue
        kind = chance.random()
        if kind < 0.7:
            node[key] = copy.deepcopy(chance.choice(VALUES))
        elif kind < 0.85 or isinstance(node, dict):
            del node[key]
        else:
            node.insert(key, copy.deepcopy(below))
        return


def handmade_files(header: dict[str, Any]) -> Iterator[bytes]:
    """Hostile files that random changes would not produce."""
    account = header["accounts"][0]["account"]
    yield packed(header, account, b"[" * 200_000)
    yield packed(header, account, b'{"shapes": [], "rows": [' + b"[" * 500 + b"]" * 500 + b'], "backends": []}')
    yield packed(header, account, b'{"shapes": [], "rows": [' + b"9" * 5000 + b'], "backends": [], "kept": {}}')
    yield packed(header, account, b" " * (MAX_UNPACKED + 1))
    yield packed(header, account, b"[" + b"[]," * MAX_VALUES + b"0]")
    yield packed(header, account, b'{"shapes": {}, "rows": 0, "backends": 7, "kept": []}')
    yield packed(header, "../../etc", b'{"shapes": [], "rows": [], "backends": [], "kept": {}}')


def packed(header: dict[str, Any], account: str, table: bytes) -> bytes:
    body = gzip.compress(table, 1)
    parts = [{"account": account, "packed": len(body), "unpacked": len(table)}]
    rest = json.dumps({**header, "accounts": parts}).encode() + b"\n" + body
    return f"esaws-local-aws {file.FORMAT} {hashlib.sha256(rest).hexdigest()} {len(rest)}\n".encode() + rest


class Victim:
    """A local AWS in this process, with an example of every kind of value that a file can contain."""

    def __init__(self) -> None:
        self.watch, self.outcomes, self.crashes = Watch(), Counter[str](), list[str]()
        CLOCK.start(1767225600.0)
        self.aws = LocalAws()
        self.aws.prepare()
        hooks.RECONCILERS.clear()  # they would create many more objects
        server = make_server("127.0.0.1", 0, self.aws, threaded=True, request_handler=KeepAliveHandler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        account = Account(f"http://127.0.0.1:{server.server_port}", ACCOUNT)
        self.clients = {service: account.client(service) for service in READS}
        self.create_resources()
        self.header, self.tables = self.small_file()
        self.original = file.pack(self.header, parts(self.tables))
        self.load_original()

    def create_resources(self) -> None:
        place = {"LocationConstraint": "eu-west-3"}
        self.clients["s3"].create_bucket(Bucket="one-two-three", CreateBucketConfiguration=place)
        self.clients["s3"].put_object(Bucket="one-two-three", Key="k", Body=b"some content")
        self.clients["secretsmanager"].create_secret(Name="s", SecretString="secret")
        queue = self.clients["sqs"].create_queue(QueueName="q")["QueueUrl"]
        self.clients["sqs"].send_message(QueueUrl=queue, MessageBody="a message")
        self.clients["ssm"].put_parameter(Name="/a/b", Value="secret", Type="SecureString")
        key = {"AttributeName": "k", "AttributeType": "S"}
        schema = [{"AttributeName": "k", "KeyType": "HASH"}]
        billing = "PAY_PER_REQUEST"
        table = {"AttributeDefinitions": [key], "KeySchema": schema, "BillingMode": billing}
        self.clients["dynamodb"].create_table(TableName="t", **table)
        record_event(Backends(ACCOUNT, "eu-west-3"), "a subject", "an event")
        add_fault({"account": ACCOUNT, "kind": "throttle", "service": "ec2", "probability": 0.5})

    def small_file(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """(header, tables) without the services that have thousands of objects in an empty account."""
        header = snapshot.take(self.aws.locks).header
        now, services = accounts.current(ACCOUNT), [name.replace("-", "") for name in READS]
        few = [backend for backend in now.backends if type(backend).__module__.split(".")[1] in services]
        accounts.replace({ACCOUNT: accounts.Account(few, now.data)})
        tables, left_out = accounts.write(ACCOUNT)
        assert len(few) >= len(READS) and not left_out
        return header, {ACCOUNT: tables}

    def load_original(self) -> None:
        snapshot.load(self.aws.locks, self.original, hooks.apply_patches)
        self.original_state = self.state()

    def state(self) -> tuple[Any, ...]:
        """The identities of all objects: a refused file must not replace one."""
        here = {name: accounts.current(name) for name in accounts.known_accounts()}
        return (
            {
                name: [id(value) for value in (*account.backends, *account.data.values())]
                for name, account in here.items()
            },
            CLOCK.now() // 3600,
        )

    def read(self) -> list[str]:
        """The result of each read, or the name of its error; it only matters that the server responds."""
        results = []
        for service, read in READS.items():
            try:
                result = getattr(self.clients[service], read)()
                results.append(str({**result, "ResponseMetadata": None}))
            except Exception as error:
                results.append(type(error).__name__)
        return results

    def load(self, content: bytes) -> None:
        self.watch.on = True
        try:
            snapshot.load(self.aws.locks, content, hooks.apply_patches)
        except Unreadable:
            self.watch.on = False
            is_unchanged = self.state() == self.original_state
            self.outcomes["refused" if is_unchanged else "refused, but changed"] += 1
            return
        except BaseException as error:
            self.watch.on = False
            self.crashes.append(f"{type(error).__name__}: {error}")
            return
        self.watch.on = False
        self.outcomes["equal" if content == self.original else "loaded"] += 1
        if any("Connection" in result or "Timeout" in result for result in self.read()):
            self.crashes.append("the server does not respond any more")
        self.load_original()


def main(large_file: str, count: int) -> None:
    chance = random.Random(20260101)
    file._MAX_UNPACKED, file._MAX_VALUES = MAX_UNPACKED, MAX_VALUES
    victim, content = Victim(), Path(large_file).read_bytes()
    for _ in range(count):
        victim.load(change_bytes(content, chance))
    bytes_outcomes = dict(victim.outcomes)
    victim.outcomes.clear()
    for _ in range(count):
        victim.load(change_content(victim.header, victim.tables, chance))
    for hostile in handmade_files({**victim.header, "accounts": [{"account": ACCOUNT}]}):
        victim.load(hostile)
    victim.load(victim.original)
    outcomes = {"bytes": bytes_outcomes, "content": dict(victim.outcomes)}
    print(json.dumps({**outcomes, "crashes": victim.crashes, "actions": dict(victim.watch.actions)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
