"""A web page, wherever it comes from, can neither read nor change a running local AWS. Prints a table of the tries."""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import pytest

from esaws.cloud import Cloud
from esaws.local_aws import control
from esaws.local_aws.scratch import scratch_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

SCRIPT = (Path(__file__).parent / "web_pages.js").read_text(encoding="utf-8")
EVIL = "evil.example"
CREATE = (
    "/?Action=CreateVpc&Version=2016-11-15&CidrBlock=10.9.0.0%2F16"
    "&X-Amz-Credential=123456789012%2F20260101%2Feu-west-3%2Fec2%2Faws4_request"
)
PATHS = {"an AWS API": CREATE, "/_esaws/reset": "/_esaws/reset", "/_esaws/save": "/_esaws/save"}
ADDRESSES = ("127.0.0.1", "localhost", "0.0.0.0")
PAGE = "<!doctype html><title>page</title><body>secret</body>"
ATTACK = "<!doctype html><title>untouched</title><script>document.title = 'scripts run'; fetch('/')</script>"


class Recorder(BaseHTTPRequestHandler):
    """Serves the attacker's page, and lets every page read and do everything: what arrives here is sent."""

    arrived: ClassVar[Counter[str]] = Counter()

    def handle_any(self) -> None:
        self.arrived[self.path] += 1
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        for name in ("Origin", "Headers", "Methods"):
            self.send_header(f"Access-Control-Allow-{name}", "*")
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    do_GET = do_POST = do_OPTIONS = handle_any

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@contextmanager
def recording() -> Iterator[int]:
    """The port of a `Recorder`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@dataclass(frozen=True)
class World:
    """A local AWS with something in it, the server of a page, and a browser that takes its name for this machine."""

    url: str
    recorder: int
    page: "Page"

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def contents(self) -> Any:
        cloud = Cloud.at(self.url)
        vpcs = sorted(vpc["VpcId"] for vpc in cloud.client("ec2").describe_vpcs()["Vpcs"])
        buckets = [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]]
        return vpcs, buckets, control.call(self.url, "GET", "clock")["time"]

    def open(self, url: str) -> None:
        # A name that points at this machine now pointed at the server of the page before.
        self.page.route(url, lambda route: route.fulfill(body=PAGE, content_type="text/html"))
        self.page.goto(url)
        self.page.evaluate(SCRIPT)

    def names(self) -> list[str]:
        return list(self.page.evaluate("Object.keys(window.tries)"))

    def attempt(self, name: str, url: str) -> str:
        """What the page could read."""
        return str(self.page.evaluate("([name, url]) => window.attempt(name, url)", [name, url]))


@pytest.fixture(scope="module")
def browser(playwright: "Playwright") -> "Iterator[Browser]":
    rules = f"MAP {EVIL} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE 0.0.0.0"
    # Newer browsers ask their user before a page may reach this machine; others let it.
    own = "LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights"
    arguments = ["--no-sandbox", f"--host-resolver-rules={rules}", f"--disable-features={own}"]
    browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=arguments)
    yield browser
    browser.close()


@pytest.fixture
def world(browser: "Browser", monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("ESAWS_STILL", "1")
    with scratch_server() as url, recording() as port, browser.new_context() as window:
        place = {"LocationConstraint": "eu-west-3"}
        Cloud.at(url).client("s3").create_bucket(Bucket="kept", CreateBucketConfiguration=place)
        yield World(url, port, window.new_page())


def test_no_page_of_any_origin_reads_or_changes_anything(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    before, rows, failures = world.contents(), [], []
    pages = {
        "another site": f"http://{EVIL}:{world.recorder}/page",
        "another port": f"http://localhost:{world.recorder}/page",
        "DNS rebinding": f"http://{EVIL}:{world.port}/page",
    }
    for origin, page in pages.items():
        world.open(page)
        addresses = (EVIL,) if origin == "DNS rebinding" else ADDRESSES
        for name in world.names():
            sent = f"/{origin}/{name}".replace(" ", "-")
            world.attempt(name, f"http://127.0.0.1:{world.recorder}{sent}")
            read: set[str] = set()
            for address in addresses:
                for path in PATHS.values():
                    read.add(world.attempt(name, f"http://{address}:{world.port}{path}"))
            is_changed = world.contents() != before
            arrives = Recorder.arrived[sent] > 0
            is_read = any(text and "Refused: " not in text for text in read)
            rows.append((origin, name, arrives, is_read, is_changed))
            failures += [rows[-1]] if is_read or is_changed or not arrives else []
    with capsys.disabled():
        print(f"\n{'page':15}{'sent as':26}{'arrives elsewhere':20}{'reads':8}changes")
        for origin, name, *found in rows:
            arrives_, is_read_, is_changed_ = ("yes" if each else "no" for each in found)
            print(f"{origin:15}{name:26}{arrives_:20}{is_read_:8}{is_changed_}")
    assert failures == []


def test_a_link_in_a_page_is_refused_and_a_typed_address_is_answered(world: World) -> None:
    before = world.contents()
    world.page.goto(f"http://{EVIL}:{world.recorder}/page")
    with world.page.expect_navigation() as navigation:
        world.page.evaluate(f"location = 'http://127.0.0.1:{world.port}/kept'")
    assert (navigation.value.status, world.contents()) == (403, before)
    answered = world.page.goto(f"{world.url}/kept")
    assert answered is not None and answered.status == 200


def test_a_page_that_is_an_object_of_s3_runs_no_scripts(world: World) -> None:
    s3 = Cloud.at(world.url).client("s3")
    s3.put_object(Bucket="kept", Key="page.html", Body=ATTACK.encode(), ContentType="text/html")
    with suppress(TimeoutError):
        world.page.goto(s3.generate_presigned_url("get_object", {"Bucket": "kept", "Key": "page.html"}))
    assert world.page.title() == "untouched"


def test_the_page_of_the_recorder_would_be_read(world: World) -> None:
    world.open(f"http://{EVIL}:{world.recorder}/page")
    assert "secret" in world.attempt("fetch, GET", f"http://127.0.0.1:{world.recorder}/other")
