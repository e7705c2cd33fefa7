"""Whether a recorded process still runs: a process number alone may belong to another program by now."""

import os
import sys
from pathlib import Path

import psutil

_STARTTIME = 19
"""Where the start is among the fields of /proc/PID/stat that follow the name of the program: see proc_pid_stat(5)."""


def start_of(pid: int | None = None) -> float:
    """Return what tells a process, by default this one, from others with the same number: when it started, in seconds.

    It is the same at each reading. On Linux it counts from the start of the machine, as `psutil.Process.create_time`
    changes there whenever the clock is set or corrected.

    Raises:
        psutil.NoSuchProcess: no such process.
    """
    if sys.platform != "linux":
        return psutil.Process(pid).create_time()
    pid = os.getpid() if pid is None else pid
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    return int(status.rpartition(")")[2].split()[_STARTTIME]) / os.sysconf("SC_CLK_TCK")


def find_process(pid: int, start: float) -> psutil.Process | None:
    """Return the process with this number and start; None if it has ended, or if the number belongs to another one.

    Raises:
        psutil.AccessDenied: it runs, but this user can't look at it.
    """
    try:
        process = psutil.Process(pid)
        runs = start_of(pid) == start and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if runs else None
