"""Ctrl-C and SIGTERM: both raise in the main thread, or wait until what runs is done."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

EXIT_CODE = 143
"""The exit code of a program that SIGTERM ended: 128 and the number of the signal."""


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived. It unwinds like Ctrl-C, and the command line exits with 143."""


@contextmanager
def terminable() -> Iterator[None]:
    """Raise Terminated in the main thread on SIGTERM, unless the program handles the signal itself."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise Terminated

    if not in_main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def held_back(handle: Callable[[KeyboardInterrupt], None]) -> Iterator[None]:
    """Call `handle` on Ctrl-C and SIGTERM, with the error that they would raise, instead of raising it.

    Signals arrive in the main thread only; elsewhere this does nothing. Ignored signals stay ignored.
    """

    def call(number: int, frame: FrameType | None) -> None:
        with suppress(RuntimeError):  # the signal arrived while the main thread was printing
            handle(Terminated() if number == signal.SIGTERM else KeyboardInterrupt())

    before = {}
    if in_main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, call)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_arrived: list[list[KeyboardInterrupt]] = []
"""What has arrived in each block of `finish_first` that runs, the outermost first."""


@contextmanager
def finish_first(notice: Callable[[], None]) -> Iterator[None]:
    """Let the block end before Ctrl-C or SIGTERM is raised, and call `notice` then. A second one raises at once.

    A long block calls `raise_if_interrupted` where it can be continued later.
    """
    arrived: list[KeyboardInterrupt] = []

    def remember(error: KeyboardInterrupt) -> None:
        arrived.append(error)
        if len(arrived) > 1:
            raise error
        notice()

    _arrived.append(arrived)
    try:
        with held_back(remember):
            yield
    finally:
        _arrived[:] = [each for each in _arrived if each is not arrived]
    if arrived:
        raise arrived[0]


def raise_if_interrupted() -> None:
    """Raise the Ctrl-C or SIGTERM that waits for the end of a block of `finish_first`, if one has arrived."""
    for arrived in _arrived:
        if arrived:
            raise arrived[0]


def in_main_thread() -> bool:
    """Whether this is the thread in which signals arrive."""
    return threading.current_thread() is threading.main_thread()
