"""The course in Jupyter Notebook 7, which no setting of esaws has prepared."""

from pathlib import Path

import pytest

from tests.browser.lab import Lab
from tests.browser.test_jupyterlab import COURSE, number_of_pictures, run_to_its_end


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_end_in_notebook_7(path: Path, notebook7: Lab) -> None:
    run_to_its_end(path, notebook7)
    seen = notebook7.look(f"{path.stem}-notebook7")
    assert not seen.faults
    assert seen.pictures >= number_of_pictures(path)
