"""The parts of the page's machine that need no browser."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED
from importlib import import_module
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.loaders import JSONFileLoader, create_loader
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

MACHINE = Path(__file__).parents[2] / "docs" / "lite" / "in_browser"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The package browser_machine, which is not installed here."""
    monkeypatch.syspath_prepend(str(MACHINE))
    yield import_module("browser_machine")
    for name in [name for name in sys.modules if name.startswith("browser_machine")]:
        del sys.modules[name]


def test_tasks_of_a_pool_run_when_their_results_are_needed(machine: ModuleType) -> None:
    threads = import_module("browser_machine.threads")
    ran: list[int] = []
    with threads.OneByOne(8) as pool:
        first, second = (pool.submit(ran.append, number) for number in (1, 2))
        assert ran == []
        done, waiting = threads.wait([first, second], return_when=FIRST_COMPLETED)
        assert (done, waiting, ran) == ({first}, {second}, [1])
        assert second.result() is None
        assert ran == [1, 2]
        pool.submit(ran.append, 3)
    assert ran == [1, 2, 3], "the end of the pool waits for its tasks"


def test_the_error_of_a_task_is_raised_by_its_result(machine: ModuleType) -> None:
    threads = import_module("browser_machine.threads")
    with threads.OneByOne() as pool:
        assert list(pool.map(abs, [-1, -2])) == [1, 2]
        task = pool.submit(int, "x")
        assert isinstance(task.exception(), ValueError)
        with pytest.raises(ValueError, match="invalid literal"):
            task.result()


def test_an_absent_package_can_be_imported_and_names_itself_when_it_is_used(machine: ModuleType) -> None:
    absent = import_module("browser_machine.stand_ins.absent")
    finder = absent.AbsentModules(["nowhere"])
    sys.meta_path.insert(0, finder)
    try:
        primitives = import_module("nowhere.hazmat.primitives")
        assert not isinstance(object(), primitives.Key)
        assert primitives.Key | None
        with pytest.raises(ModuleNotFoundError, match=r"nowhere is not in this page, so nowhere\.hazmat"):
            primitives.Key.generate(size=2048)
        with pytest.raises(NotImplementedError):  # IPython then shows the text of a result
            primitives.Table()
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.startswith("nowhere")]:
            del sys.modules[name]


@pytest.fixture
def notices_of(machine: ModuleType) -> Iterator[Callable[[str], tuple[bool, str]]]:
    """Run a cell in a shell of the page: whether it showed an error, and what it showed."""
    finder = import_module("browser_machine.stand_ins.absent").AbsentModules(["nowhere"])
    sys.meta_path.insert(0, finder)
    shell = InteractiveShell.instance(history_manager=None)
    errors: list[str] = []
    shell._showtraceback = lambda kind, error, lines: errors.append(str(error))
    import_module("browser_machine.notices").install(shell)

    def run(source: str) -> tuple[bool, str]:
        errors.clear()
        with capture_output() as captured:
            shell.run_cell(source)
        notices = "".join(each.data["text/markdown"] for each in captured.outputs)
        return bool(errors), errors[0] if errors else notices

    yield run
    InteractiveShell.clear_instance()
    sys.meta_path.remove(finder)
    for name in [name for name in sys.modules if name.startswith("nowhere")]:
        del sys.modules[name]


def test_a_cell_that_needs_an_absent_package_shows_a_sentence_and_those_after_it_run(
    notices_of: Callable[[str], tuple[bool, str]],
) -> None:
    absent = "> **Not in this page:** nowhere. The cell ended there; the cells after it run."
    assert notices_of("import nowhere\nfrom math import pi") == (False, "")
    assert notices_of("table = nowhere.Table()\nlength = 1") == (False, absent)
    failed, text = notices_of("copy = table + 1")
    assert (failed, text.split(",")[0]) == (False, "> **Not in this page:** `table`")
    assert notices_of("copy")[0] is False, "what an ended cell would have made of it is not there either"
    assert notices_of("pi > 3") == (False, "")


@pytest.mark.parametrize(
    ("source", "text"), [("tabel", "name 'tabel' is not defined"), ("1 / 0", "division by zero"), ("=", "syntax")]
)
def test_an_error_of_the_cell_itself_is_an_error(
    notices_of: Callable[[str], tuple[bool, str]], source: str, text: str
) -> None:
    notices_of("import nowhere; table = nowhere.Table()")
    failed, shown = notices_of(source)
    assert failed
    assert text in shown


def test_what_can_be_imported_is_not_replaced(machine: ModuleType) -> None:
    stand_ins = import_module("browser_machine.stand_ins")
    assert stand_ins.missing() == set(), "all of these packages are installed here"


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        ("ls", 127, "ls: this page has only the commands aws and esaws\n"),
        ("aws s3 ls | head", 2, "this page has no shell: | does not work here\n"),
        ("aws 'open", 2, "aws 'open: No closing quotation\n"),
        ("", 0, ""),
    ],
)
def test_a_page_has_no_shell(machine: ModuleType, command: str, code: int, text: str) -> None:
    shell_commands = import_module("browser_machine.shell_commands")
    assert shell_commands.run(command) == ("", text, code)


def test_esaws_runs_in_the_interpreter(machine: ModuleType) -> None:
    shell_commands = import_module("browser_machine.shell_commands")
    output, errors, code = shell_commands.run("esaws plan --profile nothing")
    assert (output, code) == ("", 2)
    assert "nothing" in errors


def test_clients_and_the_local_aws_share_each_model_that_no_client_changes(
    machine: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JSONFileLoader, "load_file", JSONFileLoader.load_file)  # so that it is restored
    import_module("browser_machine.models").install()
    ec2, again = (create_loader().load_service_model("ec2", "service-2") for _ in range(2))
    assert ec2["shapes"] is again["shapes"]
    session = botocore.session.Session()
    session.set_credentials("", "local")
    s3 = session.create_client("s3", "eu-west-3", endpoint_url="http://127.0.0.1:1")
    s3.meta.events.register(
        "before-send.s3", lambda **_: AWSResponse("", 200, HeadersDict(), MagicMock(stream=lambda: []))
    )
    s3.create_bucket(Bucket="clips", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    assert s3.meta.service_model.operation_model("CreateBucket").http["requestUri"] == ""
    model = create_loader().load_service_model("s3", "service-2")
    assert model["operations"]["CreateBucket"]["http"]["requestUri"] == "/{Bucket}"
