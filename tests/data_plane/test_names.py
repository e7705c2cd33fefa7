"""Names of AWS in an environment become places of this machine, and nothing else changes."""

import pytest

from esaws.data_plane.names import NamedPlace, with_places

ALB, DB = "seccom-alb-1.eu-west-3.elb.amazonaws.com", "seccom-db.abc.eu-west-3.rds.amazonaws.com"
PLACES = [NamedPlace(ALB, 80, "127.31.0.4", 8080), NamedPlace(DB, 5432, "127.31.0.5", 5432)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (DB, "127.31.0.5"),
        (DB.upper(), "127.31.0.5"),
        (f"{DB}:5432", "127.31.0.5:5432"),
        (f"postgresql://seccom:pa%40ss@{DB}:5432/sites", "postgresql://seccom:pa%40ss@127.31.0.5:5432/sites"),
        (f"postgresql://seccom@{DB}/sites", "postgresql://seccom@127.31.0.5:5432/sites"),
        (f"http://{ALB}/sites?next=http://{ALB}/", "http://127.31.0.4:8080/sites?next=http://127.31.0.4:8080/"),
        (f"{ALB},{DB}", "127.31.0.4,127.31.0.5"),
        (f"https://{ALB}/", f"https://{ALB}/"),  # nothing runs on port 443
        (f"{DB}:3306", f"{DB}:3306"),
        (f"my-{DB}", f"my-{DB}"),
        (f"{DB}.example.org", f"{DB}.example.org"),
        ("hello", "hello"),
        ("", ""),
    ],
)
def test_a_name_becomes_its_place(value: str, expected: str) -> None:
    assert with_places({"X": value}, PLACES) == {"X": expected}


def test_without_places_nothing_changes() -> None:
    assert with_places({"X": DB}, []) == {"X": DB}
