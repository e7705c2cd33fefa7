"""Run notebooks with parameters, as runbooks.

    from esaws import runbooks

    runbooks.notebook_parameters("drain_a_zone.ipynb")
    run = runbooks.run_notebook("drain_a_zone.ipynb", "runs/drained.ipynb", {"zone": "eu-west-3a"})
    assert run.ok, run.error

The executed notebook is the record of the run.
"""

from esaws.notebooks import NotebookRun, notebook_parameters, run_notebook

__all__ = ["NotebookRun", "notebook_parameters", "run_notebook"]
