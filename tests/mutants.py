"""Change the code in one place at a time, and see that a test of the module that owns the rule fails.

`python -m tests.mutants` takes 60 places of the ten modules that hold money, safety and certainty;
`--count`, `--seed` and `--module` choose others. Each mutant runs in a copy of the checkout against the owner's test
files only. Exit code 1 if more than one in twenty survives.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SERVER = "local_aws_server/src/local_aws_server"

OWNERS = {
    "esaws/deploy/plan.py": ["tests/test_plan.py"],
    "esaws/deploy/apply.py": ["tests/test_apply.py"],
    "esaws/deploy/graph.py": ["tests/test_graph.py"],
    "esaws/cloud.py": ["tests/test_cloud.py"],
    "esaws/deploy/leftovers/proof.py": ["tests/test_proof.py"],
    f"{SERVER}/billing/rating.py": ["tests/local/test_rating.py"],
    "esaws/costs/forecasting/lines.py": ["tests/test_forecast_lines.py"],
    "esaws/costs/bill/dedup/duplicate_rows.py": ["tests/bills/test_duplicate_rows.py"],
    "esaws/inspect/network/acls.py": ["tests/inspect/test_network_acls.py"],
    "esaws/leases/terms.py": ["tests/test_lease_terms.py"],
}
"""Module → the test files of the unit that owns it."""

SECONDS = 300
"""After this a mutant's tests count as failed: it loops."""

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}
OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.BitOr: "&",
    ast.BitAnd: "|",
}
SWAPS = {"min": "max", "max": "min", "any": "all", "all": "any", "True": "False", "False": "True"}
CALLS = {"sorted": "list", "reversed": "list"}


@dataclass(frozen=True)
class Mutant:
    """One change of one module: the text from `start` to `end` (bytes) is replaced."""

    module: str
    line: int
    start: int
    end: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.before!r} → {self.after!r}"


class Places(ast.NodeVisitor):
    """Collect the places of a module that can be changed.

    Left alone is what can't change a result: annotations, docstrings, messages, `strict=True` (an assertion), and
    limits of memory, which are constants whose names end in `_IN_MEMORY`.
    """

    def __init__(self, module: str, source: bytes):
        self.module, self.source = module, source
        self.offsets = [0]
        for line in source.splitlines(keepends=True):
            self.offsets.append(self.offsets[-1] + len(line))
        self.found: list[Mutant] = []

    def at(self, line: int, column: int) -> int:
        return self.offsets[line - 1] + column

    def replace(self, node: ast.expr | ast.stmt, after: str) -> None:
        start, end = self.at(node.lineno, node.col_offset), self.at(node.end_lineno or 0, node.end_col_offset or 0)
        before = self.source[start:end].decode()
        self.found.append(Mutant(self.module, node.lineno, start, end, before, after))

    def between(self, left: ast.expr, right: ast.expr, after: str) -> None:
        """Replace the operator between two operands; brackets around them stay."""
        start = self.at(left.end_lineno or 0, left.end_col_offset or 0)
        end = self.at(right.lineno, right.col_offset)
        text = self.source[start:end].decode()
        operator = text.strip("() \n\t")
        if "#" not in text and operator:
            at = start + len(text[: text.index(operator)].encode())
            self.found.append(Mutant(self.module, left.lineno, at, at + len(operator.encode()), operator, after))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for statement in node.body:
            self.visit(statement)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)

    def visit_Assign(self, node: ast.Assign) -> None:
        if not any(isinstance(target, ast.Name) and target.id.endswith("_IN_MEMORY") for target in node.targets):
            self.visit(node.value)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg != "strict":
            self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        """An error that is not raised; its message is not changed."""
        self.replace(node, "pass")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        pass

    def visit_Continue(self, node: ast.Continue) -> None:
        self.replace(node, "pass")

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            self.between(left, right, COMPARISONS[type(operator)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        after = "or" if isinstance(node.op, ast.And) else "and"
        for left, right in zip(node.values, node.values[1:], strict=False):
            self.between(left, right, after)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in OPERATORS:
            self.between(node.left, node.right, OPERATORS[type(node.op)])
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            operand = self.source[self.at(node.operand.lineno, node.operand.col_offset) :]
            length = self.at(node.operand.end_lineno or 0, node.operand.end_col_offset or 0) - self.at(
                node.operand.lineno, node.operand.col_offset
            )
            self.replace(node, f"({operand[:length].decode()})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.replace(node, SWAPS[str(node.value)])
        elif isinstance(node.value, int):
            self.replace(node, str(node.value + 1))

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if after := SWAPS.get(name) or (CALLS.get(name) if not node.keywords else None):
            self.replace(node.func, after)
        self.generic_visit(node)


def mutants_of(module: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    source = (ROOT / module).read_bytes()
    places = Places(module, source)
    tree = ast.parse(source)
    for statement in tree.body:
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            places.visit(statement)
    return sorted(places.found, key=lambda mutant: (mutant.start, mutant.after))


def chosen(modules: list[str], count: int, seed: int) -> list[Mutant]:
    """A random sample over the modules: the same number of each, as far as it has so many."""
    generator, rest = random.Random(seed), count
    sample = []
    pools = sorted((mutants_of(module) for module in modules), key=len)
    for left, pool in zip(range(len(pools), 0, -1), pools, strict=True):
        taken = generator.sample(pool, min(len(pool), -(-rest // left)))
        rest -= len(taken)
        sample += sorted(taken, key=lambda mutant: mutant.start)
    return sample


def copy_checkout(folder: Path) -> None:
    """Copy what the tests need, without what is ignored."""
    names = subprocess.check_output(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT)
    for name in filter(None, names.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith("notebooks/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


def run_tests(folder: Path, files: list[str]) -> str:
    """Run test files in the copy; return "" if they pass, else the first test that failed."""
    path = os.pathsep.join([str(folder), str(folder / "local_aws_server/src")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *files]
    try:
        done = subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "timeout"
    if done.returncode == 0:
        return ""
    failed = [
        line.removeprefix("FAILED ").removeprefix("ERROR ")
        for line in done.stdout.splitlines()
        if line.startswith(("FAILED", "ERROR"))
    ]
    return failed[0].split(" - ")[0] if failed else f"pytest exit code {done.returncode}"


def results(mutants: list[Mutant], folder: Path) -> Iterator[tuple[Mutant, str]]:
    for mutant in mutants:
        path = folder / mutant.module
        source = path.read_bytes()
        path.write_bytes(source[: mutant.start] + mutant.after.encode() + source[mutant.end :])
        yield mutant, run_tests(folder, OWNERS[mutant.module])
        path.write_bytes(source)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--count", type=int, default=60, help="how many mutants; default 60")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--module", action="append", help="only modules whose path contains this text")
    options = parser.parse_args()
    modules = [name for name in OWNERS if not options.module or any(part in name for part in options.module)]
    sample = chosen(modules, options.count, options.seed)
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="esaws-mutants-") as name:
        folder = Path(name)
        copy_checkout(folder)
        for module in modules:
            if failed := run_tests(folder, OWNERS[module]):
                sys.exit(f"the tests of {module} fail without any change: {failed}")
        for number, (mutant, caught) in enumerate(results(sample, folder), 1):
            survivors += not caught
            print(f"{number:3} {mutant}: {caught or 'SURVIVES'}", flush=True)
    print(f"{len(sample) - survivors} of {len(sample)} caught")
    sys.exit(survivors > len(sample) // 20)


if __name__ == "__main__":
    main()
