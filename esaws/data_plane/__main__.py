"""The command `python -m esaws.data_plane`: run what a local AWS says, until that has ended."""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

import psutil

from esaws.cloud import observing
from esaws.data_plane.supervisor import Supervisor


async def run(url: str, server: int, folder: Path, factor: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(url, psutil.Process(server), folder, factor)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, supervisor.stop)
    await supervisor.run()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m esaws.data_plane", description="Run what the local AWS says.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--server", type=int, required=True, metavar="PID")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--factor", type=float, default=1.0, help="fraction of AWS's time that checks and delays take")
    options = parser.parse_args()
    with observing():
        asyncio.run(run(options.url, options.server, options.folder, options.factor))


if __name__ == "__main__":
    main()
