"""The loader of botocore's models returns what botocore's own does."""

import json
from pathlib import Path

import pytest
from botocore.loaders import create_loader

from esaws.service_models import model_loader


@pytest.mark.parametrize("kind", ["service-2", "waiters-2", "endpoint-rule-set-1", "service-2.sdk-extras", "unknown-1"])
def test_it_lists_the_same_services(kind: str) -> None:
    assert model_loader(None).list_available_services(kind) == create_loader(None).list_available_services(kind)


@pytest.mark.parametrize("service", ["ecs", "s3"])
def test_a_model_has_the_same_content_in_the_same_order(service: str) -> None:
    fresh = model_loader.__wrapped__  # botocore's clients of S3 change the model that they share
    ours, botocores = (load(None).load_service_model(service, "service-2") for load in (fresh, create_loader))
    assert json.dumps(ours) == json.dumps(botocores)


def test_models_in_a_folder_of_the_user_are_found(tmp_path: Path) -> None:
    file = tmp_path / "parking" / "2026-01-01" / "service-2.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"metadata": {}}')
    loader = model_loader(str(tmp_path))
    assert loader.load_service_model("parking", "service-2") == {"metadata": {}}
    assert "ec2" in loader.list_available_services("service-2")
