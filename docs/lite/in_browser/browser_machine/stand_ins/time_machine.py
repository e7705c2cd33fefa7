"""time-machine in a browser: the time that programs see."""

from __future__ import annotations

from browser_machine import clock


class _Time:
    time = staticmethod(clock.real_time)


class escape_hatch:
    """The real time."""

    time = _Time


class Traveller:
    """Sets the time that programs see."""

    def move_to(self, destination: float, tick: bool = True) -> None:
        clock.set_time(destination, tick)


class travel:
    """Programs see another time between `start` and `stop`."""

    def __init__(self, destination: float, *, tick: bool = True) -> None:
        self._destination, self._tick = destination, tick

    def start(self) -> Traveller:
        traveller = Traveller()
        traveller.move_to(self._destination, self._tick)
        return traveller

    def stop(self) -> None:
        clock.clear_time()
