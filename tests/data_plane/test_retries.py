"""What fails is tried again, later each time, and each reason is logged once."""

import pytest

from esaws.data_plane.retries import Retries


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_pause_doubles_up_to_the_longest_and_a_success_ends_it() -> None:
    clock = Clock()
    retries = Retries("it", longest=1.0, now=clock)
    assert retries.is_due and not retries.has_failed
    pauses = []
    for _ in range(5):
        retries.note_failure(OSError("no"))
        began = clock.now
        while not retries.is_due:
            clock.now += 0.125
        pauses.append(clock.now - began)
    assert pauses == [0.25, 0.5, 1.0, 1.0, 1.0]
    retries.note_failure(OSError("no"))
    retries.note_success()
    assert retries.is_due and not retries.has_failed


def test_each_reason_is_logged_once_until_it_works_again(capsys: pytest.CaptureFixture[str]) -> None:
    retries = Retries("it")
    for _ in range(3):
        retries.note_failure(OSError("no"), OSError("neither"))
    retries.note_success()
    retries.note_success()
    retries.note_failure(OSError("no"))
    assert capsys.readouterr().err.splitlines() == [
        "it: tried again after a failure: no",
        "it: tried again after a failure: neither",
        "it: works again",
        "it: tried again after a failure: no",
    ]


def test_a_mistake_of_the_program_has_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise KeyError("x")
    except KeyError as error:
        Retries("it").note_failure(error)
    assert "Traceback" in capsys.readouterr().err
