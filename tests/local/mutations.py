"""Loads a thousand mutated files into a local AWS of this process, and says as JSON what became of them and what ran.

`python -m tests.local.mutations FILE`: the bytes of this file are changed; so is what a small one says that is made
here, its checksum then made right again.
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
from local_aws_server.faults import api_faults
from local_aws_server.keep_alive import KeepAliveHandler
from local_aws_server.server import LocalAws
from local_aws_server.snapshots import accounts, file, snapshot
from local_aws_server.snapshots.errors import Unreadable
from tests.local.conftest import Account

BYTES, MEANINGS = 600, 400
LARGEST, MOST_VALUES = 1 << 25, 1 << 20
"""The limits of a file here; the real ones would make this test as large."""
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
    """An audit hook: what a file could have made this process do, while `on`."""

    def __init__(self) -> None:
        self.on = False
        self.ran: Counter[str] = Counter()
        sys.addaudithook(self.see)

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or event in HARMLESS:
            return
        if event == "import":
            if not str(arguments[0]).startswith(("moto", "esaws", "encodings")):
                self.ran[f"import {arguments[0]}"] += 1
        elif event == "open":
            if isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
                self.ran[f"open {arguments[0]}"] += 1
        elif event.startswith(WATCHED):
            self.ran[f"{event} {arguments!r:.100}"] += 1


def changed_bytes(content: bytes, chance: random.Random) -> bytes:
    """A file that was damaged on its way."""
    place, other = sorted(chance.sample(range(len(content)), 2))
    if chance.random() < 0.4:
        place, other = sorted(chance.sample(range(600), 2))
    return chance.choice(
        [
            content[:place] + bytes([content[place] ^ (1 << chance.randrange(8))]) + content[place + 1 :],
            content[:place],
            content[:place] + content[other:],
            content[:other] + content[place:],
            content[:place] + bytes(other - place) + content[other:],
            content + content[place:other],
            content[place:],
        ]
    )


def changed_meaning(header: dict[str, Any], tables: dict[str, Any], chance: random.Random) -> bytes:
    """A file that is whole and says something else, with its sizes and checksum right."""
    header, tables = copy.deepcopy(header), copy.deepcopy(tables)
    what = chance.random()
    if what < 0.1:
        change_somewhere(header, chance)
        return file.pack(header, parts(tables))
    table = chance.choice(list(tables.values()))
    if what < 0.35:
        chance.choice(table["shapes"])[0] = chance.choice(CLASSES + [name for name, _ in table["shapes"]])
    elif what < 0.45:
        own = chance.choice([shape for shape in table["shapes"] if shape[1]])[1]
        own[chance.randrange(len(own))] = chance.choice(["__class__", "reset", "not a name", "_esaws", "__del__", 7])
    elif what < 0.55:
        chance.shuffle(table["rows"])
    else:
        for _ in range(chance.choice([1, 1, 3])):
            change_somewhere(table, chance)
    return file.pack(header, parts(tables))


def parts(tables: dict[str, Any]) -> list[file.AccountPart]:
    return [file.pack_account(account, table) for account, table in tables.items()]


def change_somewhere(node: Any, chance: random.Random) -> None:
    """Go down into lists and dicts by chance, and put something else, twice the same or nothing there."""
    while True:
        keys = list(node) if isinstance(node, dict) else range(len(node))
        if not keys:
            return
        key = chance.choice(keys)
        below = node[key]
        if isinstance(below, dict | list) and below and chance.random() < 0.85:
            node = below
            continue
        how = chance.random()
        if how < 0.7:
            node[key] = copy.deepcopy(chance.choice(VALUES))
        elif how < 0.85 or isinstance(node, dict):
            del node[key]
        else:
            node.insert(key, copy.deepcopy(below))
        return


def by_hand(header: dict[str, Any]) -> Iterator[bytes]:
    """What no change by chance would come to."""
    account = header["accounts"][0]["account"]
    yield packed(header, account, b"[" * 200_000)
    yield packed(header, account, b'{"shapes": [], "rows": [' + b"[" * 500 + b"]" * 500 + b'], "backends": []}')
    yield packed(header, account, b'{"shapes": [], "rows": [' + b"9" * 5000 + b'], "backends": [], "kept": {}}')
    yield packed(header, account, b" " * (LARGEST + 1))
    yield packed(header, account, b"[" + b"[]," * MOST_VALUES + b"0]")
    yield packed(header, account, b'{"shapes": {}, "rows": 0, "backends": 7, "kept": []}')
    yield packed(header, "../../etc", b'{"shapes": [], "rows": [], "backends": [], "kept": {}}')


def packed(header: dict[str, Any], account: str, table: bytes) -> bytes:
    body = gzip.compress(table, 1)
    parts = [{"account": account, "packed": len(body), "unpacked": len(table)}]
    rest = json.dumps({**header, "accounts": parts}).encode() + b"\n" + body
    return f"esaws-local-aws {file.FORMAT} {hashlib.sha256(rest).hexdigest()} {len(rest)}\n".encode() + rest


class Victim:
    """A local AWS in this process, with a little of everything that has a form of its own in a file."""

    def __init__(self) -> None:
        self.watch, self.became, self.crashed = Watch(), Counter[str](), list[str]()
        CLOCK.start(1767225600.0)
        self.aws = LocalAws()
        hooks.RECONCILERS.clear()  # what the world does by itself would make it large
        server = make_server("127.0.0.1", 0, self.aws, threaded=True, request_handler=KeepAliveHandler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        account = Account(f"http://127.0.0.1:{server.server_port}", ACCOUNT)
        self.clients = {service: account.client(service) for service in READS}
        self.make()
        self.header, self.tables = self.saved()
        self.original = file.pack(self.header, parts(self.tables))
        self.begin()

    def make(self) -> None:
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
        made = {"AttributeDefinitions": [key], "KeySchema": schema, "BillingMode": billing}
        self.clients["dynamodb"].create_table(TableName="t", **made)
        record_event(Backends(ACCOUNT, "eu-west-3"), "somebody", "something happened")
        api_faults.add({"account": ACCOUNT, "kind": "throttle", "service": "ec2", "probability": 0.5})

    def saved(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """A file without the services that hold thousands of things from the beginning."""
        header = snapshot.take(self.aws.locks).header
        now, services = accounts.current(ACCOUNT), [name.replace("-", "") for name in READS]
        few = [each for each in now.backends if type(each).__module__.split(".")[1] in services]
        accounts.replace({ACCOUNT: accounts.Account(few, now.data)})
        tables, left_out = accounts.write(ACCOUNT)
        assert len(few) >= len(READS) and not left_out
        return header, {ACCOUNT: tables}

    def begin(self) -> None:
        snapshot.load(self.aws.locks, self.original, hooks.apply_patches)
        self.is_now = self.state()

    def state(self) -> tuple[Any, ...]:
        """Which objects the accounts are made of: a file that is refused leaves every one in its place."""
        here = {each: accounts.current(each) for each in accounts.known_accounts()}
        return (
            {name: [id(thing) for thing in (*each.backends, *each.data.values())] for name, each in here.items()},
            CLOCK.now() // 3600,
        )

    def looks(self) -> list[str]:
        """What each read answers, an error's code included; that it answers is what matters."""
        found = []
        for service, read in READS.items():
            try:
                answer = getattr(self.clients[service], read)()
                found.append(str({**answer, "ResponseMetadata": None}))
            except Exception as error:
                found.append(type(error).__name__)
        return found

    def try_with(self, content: bytes) -> None:
        self.watch.on = True
        try:
            snapshot.load(self.aws.locks, content, hooks.apply_patches)
        except Unreadable:
            self.watch.on = False
            same = self.state() == self.is_now
            self.became["refused" if same else "refused, and changed"] += 1
            return
        except BaseException as problem:
            self.watch.on = False
            self.crashed.append(f"{type(problem).__name__}: {problem}")
            return
        self.watch.on = False
        self.became["equal" if content == self.original else "loaded"] += 1
        if any("Connection" in look or "Timeout" in look for look in self.looks()):
            self.crashed.append("it does not answer any more")
        self.begin()


def main(large: str) -> None:
    chance = random.Random(20260101)
    file._LARGEST, file._MOST_VALUES = LARGEST, MOST_VALUES
    victim, content = Victim(), Path(large).read_bytes()
    for _ in range(BYTES):
        victim.try_with(changed_bytes(content, chance))
    of_bytes = dict(victim.became)
    victim.became.clear()
    for _ in range(MEANINGS):
        victim.try_with(changed_meaning(victim.header, victim.tables, chance))
    for changed in by_hand({**victim.header, "accounts": [{"account": ACCOUNT}]}):
        victim.try_with(changed)
    victim.try_with(victim.original)
    ran, became = dict(victim.watch.ran), dict(victim.became)
    print(json.dumps({"bytes": of_bytes, "meanings": became, "crashed": victim.crashed, "ran": ran}))


if __name__ == "__main__":
    main(sys.argv[1])
