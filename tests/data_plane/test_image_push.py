"""`esaws image push` and `list`, and what the images of an account run on this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from esaws.cloud import Cloud
from esaws.data_plane.image_store import IMAGES, ImageStore, digest_of
from esaws.operations.image_push import MOST_BYTES, push_folder, read_folder
from esaws.resources.ecr_image import ECRImage
from esaws.resources.ecr_repository import ECRRepository
from tests.shell import Shell


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ESAWS_STATE", str(tmp_path / "state"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an application, a link, and what no image needs."""
    folder = tmp_path / "app"
    (folder / "data").mkdir(parents=True)
    (folder / "app.py").write_text("print(open('data/link').read())\n")
    (folder / "data/greeting").write_text("hello")
    (folder / "data/link").symlink_to("greeting")
    for left_out in (".git", "__pycache__"):
        (folder / left_out).mkdir()
        (folder / left_out / "file").write_text("x")
    return folder


def uri(cloud: Cloud, repository: str) -> str:
    return f"{cloud.account}.dkr.ecr.{cloud.region}.amazonaws.com/{repository}"


def test_the_images_of_seccom_run_its_applications_by_the_names_of_their_repositories(cloud: Cloud) -> None:
    store = ImageStore(cloud)
    for name in ("hdm", "sites-management-api", "other"):
        ECRRepository(name=name).create(cloud)
        ECRImage(repository=ECRRepository(name=name)).create(cloud)
    image = store.look_up(uri(cloud, f"{cloud.deployment}-hdm"))
    assert image is not None
    assert (image.folder, image.command, image.is_pushed) == (IMAGES / "hdm", (sys.executable, "app.py"), False)
    assert store.look_up(uri(cloud, f"{cloud.deployment}-other")) is None


@pytest.mark.parametrize(
    "image",
    [
        "nginx",
        "public.ecr.aws/nginx/nginx:stable-alpine",
        "{account}.dkr.ecr.{region}.amazonaws.com/none",
        "{account}.dkr.ecr.{region}.amazonaws.com/{deployment}-hdm:none",
        "999999999999.dkr.ecr.{region}.amazonaws.com/{deployment}-hdm",
        "",
    ],
)
def test_other_images_do_not_run(image: str, cloud: Cloud) -> None:
    ECRRepository(name="hdm").create(cloud)
    names = {"account": cloud.account, "region": cloud.region, "deployment": cloud.deployment}
    assert ImageStore(cloud).look_up(image.format(**names)) is None


def test_a_pushed_folder_is_an_oci_image_that_runs(cloud: Cloud, folder: Path) -> None:
    pushed = push_folder(cloud, read_folder(folder), "web", "v1")
    assert (pushed.repository, pushed.files, pushed.is_new) == ("web", 3, True)
    ecr = cloud.client("ecr")
    manifest = ecr.batch_get_image(repositoryName="web", imageIds=[{"imageTag": "v1"}])["images"][0]["imageManifest"]
    assert digest_of(manifest.encode()) == pushed.digest
    parts = [json.loads(manifest)["config"], *json.loads(manifest)["layers"]]
    store = ImageStore(cloud)
    assert [store.digest_of_file(store.blob(part["digest"])) for part in parts] == [part["digest"] for part in parts]
    digests = [part["digest"] for part in parts]
    available = ecr.batch_check_layer_availability(repositoryName="web", layerDigests=digests)
    assert [layer["layerAvailability"] for layer in available["layers"]] == ["AVAILABLE"] * 2
    for reference in (pushed.uri, f"{uri(cloud, 'web')}@{pushed.digest}"):
        image = store.look_up(reference)
        assert image is not None and image.is_pushed and image.digest == pushed.digest
        assert sorted(path.name for path in image.folder.rglob("*")) == ["app.py", "data", "greeting", "link"]
        ran = subprocess.run(image.command, cwd=image.folder, capture_output=True, text=True, check=True)
        assert ran.stdout == "hello\n"


def test_the_same_content_has_the_same_digest_and_other_content_moves_the_tag(cloud: Cloud, folder: Path) -> None:
    first = push_folder(cloud, read_folder(folder), "web")
    os.utime(folder / "app.py", (1, 1))
    again = push_folder(cloud, read_folder(folder), "web")
    assert (again.digest, again.is_new) == (first.digest, False)
    (folder / "app.py").write_text("print('new')")
    changed = push_folder(cloud, read_folder(folder), "web")
    assert changed.is_new and changed.digest != first.digest
    image = ImageStore(cloud).look_up(changed.uri)
    assert image is not None and (image.folder / "app.py").read_text() == "print('new')"


def test_an_image_whose_layers_are_not_here_or_were_changed_does_not_run(cloud: Cloud, folder: Path) -> None:
    pushed = push_folder(cloud, read_folder(folder), "hdm")
    assert pushed.repository == f"{cloud.deployment}-hdm"
    store = ImageStore(cloud)
    largest = max((store.folder / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes() + b"x")
    assert store.look_up(pushed.uri) is None
    largest.unlink()
    assert store.look_up(pushed.uri) is None
    assert store.runs(pushed.repository, pushed.digest) == ""


def test_a_deploy_keeps_a_pushed_image(cloud: Cloud, folder: Path) -> None:
    pushed = push_folder(cloud, read_folder(folder), "hdm")
    repository = ECRRepository(name="hdm")
    assert [live.name for live in ECRRepository.list(cloud)] == ["hdm"]
    ECRImage(repository=repository).create(cloud)
    image = ImageStore(cloud).look_up(pushed.uri)
    assert image is not None and image.is_pushed


def make_large(folder: Path) -> None:
    (folder / "large").touch()
    os.truncate(folder / "large", MOST_BYTES + 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "app.py").unlink(), "has neither app.py nor image.toml"),
        (lambda folder: (folder / "image.toml").write_text("command = 'web'"), "command is not a list of words"),
        (lambda folder: (folder / "image.toml").write_text("command = []"), "command is not a list of words"),
        (lambda folder: (folder / "image.toml").write_text("comand = ['web']"), "no setting 'comand'"),
        (lambda folder: (folder / "image.toml").write_text("["), "image.toml: can't be read"),
        (lambda folder: (folder / "link").symlink_to("/etc/passwd"), "link to /etc/passwd, which leaves the folder"),
        (lambda folder: (folder / "link").symlink_to("../secret"), "link to ../secret, which leaves the folder"),
        (lambda folder: os.mkfifo(folder / "pipe"), "pipe is neither a file nor a folder"),
        (make_large, "more than 5,000 files or 100 MiB"),
    ],
    ids=["no-app", "text", "empty", "misspelled", "not-toml", "absolute-link", "link-out", "pipe", "large"],
)
def test_a_folder_that_is_no_image_is_refused(change, message, folder: Path, esaws: Shell) -> None:
    change(folder)
    assert message in esaws("image", "push", str(folder), "web", "--yes", code=2)


@pytest.mark.parametrize(
    ("name", "message"),
    [("We b", "not the name of a repository"), ("web:a/b", "'a/b' is not a tag")],
)
def test_a_name_that_ecr_rejects_is_refused(name: str, message: str, folder: Path, esaws: Shell) -> None:
    assert message in esaws("image", "push", str(folder), name, "--yes", code=2)


def test_nothing_is_pushed_without_confirmation_or_to_aws(folder: Path, esaws: Shell) -> None:
    assert "add --yes" in esaws("image", "push", str(folder), "web", code=3)
    assert "docker push" in esaws("image", "push", str(folder), "web", "--yes", code=2, ESAWS_TARGET="aws")
    assert esaws.json("image", "push", str(folder), "web", "--dry-run")["digest"] is None
    assert esaws.json("image", "list") == []


def test_an_immutable_tag_stays(cloud: Cloud, folder: Path, esaws: Shell) -> None:
    cloud.client("ecr").create_repository(repositoryName="web", imageTagMutability="IMMUTABLE")
    esaws("image", "push", str(folder), "web", "--yes")
    (folder / "app.py").write_text("")
    assert "tags are immutable; choose another tag" in esaws("image", "push", str(folder), "web", "--yes", code=1)


def test_the_list_says_what_each_image_runs(cloud: Cloud, folder: Path, esaws: Shell) -> None:
    ECRRepository(name="hdm").create(cloud)
    ECRImage(repository=ECRRepository(name="hdm")).create(cloud)
    (folder / "image.toml").write_text('command = ["python3", "-V"]')
    pushed = esaws.json("image", "push", str(folder), "web:v1", "--yes")
    assert pushed["command"] == ["python3", "-V"]
    rows = esaws.json("image", "list")
    assert [(row["repository"], row["tag"], row["runs"]) for row in rows] == [
        (f"{cloud.deployment}-hdm", "latest", "hdm"),
        ("web", "v1", "a pushed folder"),
    ]
    assert esaws.json("image", "list", "hdm") == rows[:1]
    assert "there is no repository none" in esaws("image", "list", "none", code=1)
