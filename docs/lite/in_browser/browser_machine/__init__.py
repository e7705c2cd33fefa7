"""What a browser's Python lacks and esaws uses: programs, threads, connections, a clock that can be set.

esaws and its local AWS run in the page unchanged. The kernel loads this package first, as an extension of IPython.
"""

from __future__ import annotations

from typing import Any

__all__ = ["install", "load_ipython_extension"]


def install() -> None:
    """Make programs, threads and connections work in this interpreter, and replace packages that are not there."""
    from browser_machine import connections, models, programs, stand_ins, threads

    stand_ins.install()
    models.install()
    threads.install()
    programs.install()
    connections.install()


def load_ipython_extension(shell: Any) -> None:
    """Install everything, let `!aws` and `!esaws` run, and keep the work in the browser's storage."""
    install()
    from browser_machine import drive, javascript, notices, shell_commands

    shell_commands.install(shell)
    notices.install(shell)
    drive.install(shell)

    async def with_libraries(lines: list[str]) -> list[str]:
        """Let a cell wait until the libraries are there; the kernel awaits this before each one."""
        await javascript.load()
        return lines

    shell.kernel.lite_transform_manager.line_transforms.append(with_libraries)
