"""Run notebooks with parameters. The same run writes the same file, byte for byte, on every machine.

    from esaws.notebooks import run_notebook

    run = run_notebook("drain_a_zone.ipynb", "drained.ipynb", {"zone": "eu-west-3a"})
    assert run.ok, run.error

Jupyter's libraries are imported where they are used, because that takes time.
"""

from esaws.notebooks.execution import CellEvent
from esaws.notebooks.kernel import KERNEL_ENV, KERNELSPEC, kernel_sockets
from esaws.notebooks.normal_form import dumps, normalise
from esaws.notebooks.parameters import notebook_parameters
from esaws.notebooks.run import NotebookRun, run_notebook, run_notebooks

__all__ = [
    "KERNELSPEC",
    "KERNEL_ENV",
    "CellEvent",
    "NotebookRun",
    "dumps",
    "kernel_sockets",
    "normalise",
    "notebook_parameters",
    "run_notebook",
    "run_notebooks",
]
