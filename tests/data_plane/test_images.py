"""The images that come with esaws: they answer, log each request, say which store is missing, and end cleanly."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from esaws.data_plane.image_store import APPLICATIONS, IMAGES
from esaws.reference.seccom import SERVICES
from tests.data_plane.image_process import ImageProcess

SITES, INTRUSIONS = "/sites-management-api", "/intrusion-management-api"

Images = dict[str, ImageProcess]


@pytest.fixture(scope="module")
def images() -> Iterator[Images]:
    """The five images that listen, without any store."""
    running = {name: ImageProcess(name, service.path) for name, service in SERVICES.items() if service.container_port}
    yield running
    for image in running.values():
        image.stop()


def test_each_microservice_has_an_image() -> None:
    assert SERVICES.keys() == APPLICATIONS


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if service.container_port])
def test_the_health_path_answers_and_names_task_and_zone(name: str, images: Images) -> None:
    status, headers, _ = images[name].request("GET", f"{SERVICES[name].path}/")
    assert status == 200
    assert headers["X-Served-By"] == f"{name} task-of-{name} eu-west-3a"


@pytest.mark.parametrize(
    ("name", "path", "reason"),
    [
        ("sites-management-api", f"{SITES}/sites", "no database: DATABASE_URL is not set"),
        ("sites-management-api", f"{SITES}/sites/1", "no database: DATABASE_URL is not set"),
        ("intrusion-management-api", f"{INTRUSIONS}/intrusions", "no cache: CACHE_URL is not set"),
    ],
)
def test_without_its_store_a_service_answers_503_with_the_reason(
    name: str, path: str, reason: str, images: Images
) -> None:
    status, _, body = images[name].request("GET", path)
    assert (status, json.loads(body)) == (503, {"error": reason})
    assert images[name].request("GET", f"{SERVICES[name].path}/")[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", f"{SITES}foo", None, 404),
        ("GET", SITES, None, 404),
        ("GET", f"{SITES}/none", None, 404),
        ("GET", f"{SITES}/sites/x", None, 404),
        ("PATCH", f"{SITES}/sites", None, 405),
        ("POST", f"{SITES}/sites", b"{", 400),
        ("POST", f"{SITES}/sites", b"[]", 400),
        ("POST", f"{SITES}/sites", b'{"owner": "", "name": "a", "address": "b"}', 400),
        ("POST", f"{SITES}/sites", b'{"owner": "o", "name": "a", "address": "b", "buildings": {}}', 400),
        ("POST", f"{SITES}/sites", bytes(5 << 20), 413),
        ("HEAD", f"{SITES}/", None, 200),
        ("POST", f"{SITES}/sites", (b'{"owner"', b": 1}"), 400),  # sent in chunks
    ],
    ids=lambda value: None if isinstance(value, bytes | tuple) else str(value),
)
def test_a_wrong_request_is_refused(method: str, path: str, body: object, expected: int, images: Images) -> None:
    assert images["sites-management-api"].request(method, path, body)[0] == expected


def test_a_connection_carries_several_requests(images: Images) -> None:
    connection = images["cameras-api"].connect()
    for _ in range(3):
        connection.request("GET", "/cameras/gate/clip")
        response = connection.getresponse()
        assert response.headers["Content-Type"] == "image/gif" and response.read()
    assert connection.sock is not None
    connection.close()


def test_the_same_camera_has_the_same_clip(images: Images) -> None:
    gate, again, door = (images["cameras-api"].request("GET", f"/cameras/{name}/clip")[2] for name in ("a", "a", "b"))
    assert gate == again != door
    assert gate.startswith(b"GIF89a") and gate.endswith(b"\x3b")


def test_the_page_needs_nothing_from_elsewhere(images: Images) -> None:
    for path, kind in (("/", "text/html"), ("/style.css", "text/css"), ("/script.js", "text/javascript")):
        status, headers, body = images["client-web-ui"].request("GET", path)
        assert status == 200 and headers["Content-Type"].startswith(kind)
        assert b"http://" not in body and b"https://" not in body
        assert "default-src 'self'" in headers["Content-Security-Policy"]


def test_a_web_ui_without_a_load_balancer_says_so(images: Images) -> None:
    status, _, body = images["manager-web-ui"].request("GET", f"{SITES}/sites")
    assert status == 404 and b"the load balancer forwards" in body


def test_each_request_is_one_line_of_the_log() -> None:
    image = ImageProcess("cameras-api")
    image.request("GET", "/?a=%0Ab", headers={"X-Forwarded-For": "203.0.113.80", "X-Amzn-Trace-Id": "Root=1-2"})
    image.request("GET", "/none")
    _, log = image.stop()
    first, second, *_ = log.splitlines()
    assert first.startswith('203.0.113.80 "GET /?a=%0Ab HTTP/1.1" 200 ') and first.endswith("Root=1-2")
    assert '"GET /none HTTP/1.1" 404' in second


@pytest.mark.parametrize("name", SERVICES)
def test_sigterm_ends_it_within_a_second(name: str) -> None:
    image = ImageProcess(name, SERVICES[name].path)
    with closing(image.connect()) as idle:
        if image.port:
            idle.request("GET", f"{image.prefix}/")
            idle.getresponse().read()
        assert image.stop()[0] == 0


def test_sigterm_ends_it_wherever_the_main_thread_is() -> None:
    code = """
import os, signal
from microservice import stop_event
stop = stop_event()
with stop._cond:  # as while `stop.wait` begins
    os.kill(os.getpid(), signal.SIGTERM)
print(stop.wait(30))
"""
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=IMAGES / "base", capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "True\n", done.stderr


def test_a_request_in_flight_is_answered_after_sigterm() -> None:
    image = ImageProcess("sites-management-api", SITES)
    connection = image.connect()
    connection.putrequest("POST", f"{SITES}/sites")
    connection.putheader("Content-Length", "2")
    connection.endheaders()
    time.sleep(0.2)
    image.process.terminate()
    time.sleep(0.3)
    assert image.process.poll() is None
    connection.send(b"{}")
    response = connection.getresponse()
    assert (response.status, response.headers["Connection"]) == (400, "close")
    connection.close()
    assert image.process.wait(timeout=60) == 0
    image.stop()


def test_the_hdm_says_that_the_broker_is_simulated() -> None:
    image = ImageProcess("hdm")
    assert "the broker is simulated" in image.first_line
    assert "API_URL is not set" in image.read_line()
    assert image.stop()[0] == 0
