"""What counts as flat."""

from tests.soak.measures import Measures, trends


def rounds(**growth: float) -> list[Measures]:
    still = {"cpu_seconds": 10.0, "server_mb": 250.0, "server_files": 40, "server_sockets": 20, "own_mb": 130.0}
    still |= {"own_files": 50, "own_sockets": 10, "folder_files": 5}
    return [
        Measures(**still | {name: still[name] + number * rate for name, rate in growth.items()})
        for number in range(100)
    ]


def test_what_stays_or_shrinks_is_flat() -> None:
    assert all(each.is_flat for each in trends(rounds()))
    assert all(each.is_flat for each in trends(rounds(cpu_seconds=-0.05, server_files=-0.1)))


def test_what_grows_a_little_each_round_is_not() -> None:
    growth = {"cpu_seconds": 0.06, "server_mb": 0.8, "server_files": 0.06, "own_sockets": 0.06, "folder_files": 1}
    assert {each.name for each in trends(rounds(**growth)) if not each.is_flat} == growth.keys()
