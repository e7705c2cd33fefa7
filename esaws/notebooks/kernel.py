"""Start kernels that are the same on every machine: this Python, a fresh IPython folder, fixed settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KERNEL_ENV: Mapping[str, str] = {"PYTHONHASHSEED": "0", "TZ": "UTC", "COLUMNS": "100", "SOURCE_DATE_EPOCH": "0"}
"""Environment variables of every kernel, over those of the caller, so that outputs do not depend on the machine."""

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def kernel_sockets(folder: str) -> dict[str, str]:
    """Settings of a KernelManager that talks to its kernel through sockets in `folder` instead of ports.

    Jupyter finds free ports and releases them; if another process takes one before the kernel does, the kernel dies.
    Windows has ports only, and macOS limits socket names to 103 characters.
    """
    ip = str(Path(folder, "kernel"))
    return {"transport": "ipc", "ip": ip} if os.name == "posix" and len(os.fsencode(ip)) < 100 else {}


def kernel_manager(folder: str) -> Any:
    """A manager of kernels of this Python: without folders to search, "python3" is ipykernel's own."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    return AsyncKernelManager(
        kernel_name=KERNELSPEC["name"],
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        transport_encryption="auto",
        **kernel_sockets(folder),
    )
