"""Runbooks: notebooks with typed parameters, steps with gates, and a record of each run.

    from esaws import runbooks
    from esaws.operations import plan_scaling, service_state

    run = runbooks.begin()                                   # validates the parameters, shows the note
    run.account()                                            # the right account?
    run.look(service_state, run.parameters.service)
    run.plan(plan_scaling, run.parameters.service, run.parameters.desired)
    run.act()                                                # then verify, left and result

`run_notebook` executes a notebook with parameters, from any program. `list_runs` lists past runs from their records.
"""

from typing import TYPE_CHECKING

from esaws._lazy import lazy_names

if TYPE_CHECKING:
    from esaws.notebooks import NotebookRun, notebook_parameters, run_notebook
    from esaws.operations.checks import Check
    from esaws.runbooks.approval import AwaitingApproval
    from esaws.runbooks.declaration import Declaration, read_declaration
    from esaws.runbooks.difference import RunDifference, compare_runs
    from esaws.runbooks.history import PastRun, Runs, list_runs, open_run
    from esaws.runbooks.index_page import write_index
    from esaws.runbooks.run import Run, VerifyFailed, begin, check_parameters

__all__ = [
    "AwaitingApproval",
    "Check",
    "Declaration",
    "NotebookRun",
    "PastRun",
    "Run",
    "RunDifference",
    "Runs",
    "VerifyFailed",
    "begin",
    "check_parameters",
    "compare_runs",
    "list_runs",
    "notebook_parameters",
    "open_run",
    "read_declaration",
    "run_notebook",
    "write_index",
]

_SOURCES = {
    "esaws.notebooks": ("NotebookRun", "notebook_parameters", "run_notebook"),
    "esaws.operations.checks": ("Check",),
    "esaws.runbooks.declaration": ("Declaration", "read_declaration"),
    "esaws.runbooks.difference": ("RunDifference", "compare_runs"),
    "esaws.runbooks.history": ("PastRun", "Runs", "list_runs", "open_run"),
    "esaws.runbooks.index_page": ("write_index",),
    "esaws.runbooks.approval": ("AwaitingApproval",),
    "esaws.runbooks.run": ("Run", "VerifyFailed", "begin", "check_parameters"),
}

__getattr__, __dir__ = lazy_names(__name__, {name: module for module, names in _SOURCES.items() for name in names})
