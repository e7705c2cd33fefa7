// Run the cases of deletions, or with ALL_CASES=1 all, against the local AWS in a page: node run_cases.mjs FOLDER TESTS
// The last line that it prints is JSON: {edges, cases, failed: [[name, text]]}.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, tests] = process.argv.slice(2);
const distribution = resolve(folder, "static", "pyodide");
const settings = JSON.parse(readFileSync(join(folder, "jupyter-lite.json"), "utf8"))["jupyter-config-data"];
const options = settings.litePluginSettings["@jupyterlite/pyodide-kernel-extension:kernel"].loadPyodideOptions;
const { loadPyodide } = await import(pathToFileURL(join(distribution, "pyodide.mjs")).href);
const pyodide = await loadPyodide({ indexURL: `${distribution}/`, ...options, stdout: console.error });
pyodide.FS.mkdirTree("/repository/tests");
pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: resolve(tests) }, "/repository/tests");
console.log(
  await pyodide.runPythonAsync(`
import json, os, sys
from unittest.mock import MagicMock
sys.path.append("/repository")
sys.modules.update(dict.fromkeys(["hypothesis", "pytest"], MagicMock()))  # cases need neither
os.environ["ESAWS_STATE"] = "/tmp/state"
import browser_machine
browser_machine.install()
from esaws.local_aws import process
url = process.start(port=0)["url"]
from dataclasses import replace
from tests.local.cases import region_of
from tests.local.conftest import Account
from tests.local.test_deletion_edges import EDGES
from tests.local.test_rules import CASES

deletions = {name for edge in EDGES for name in edge.proofs}
failed = []
ran = 0
for case in CASES:
    if case.name not in deletions and not ${process.env.ALL_CASES ? "True" : "False"}:
        continue
    ran += 1
    try:
        got = case.run(replace(Account(url, str(200_000_000_000 + ran)), region=region_of(case.name)))
        if got != case.aws:
            failed.append([case.name, f"{got!r} instead of {case.aws!r}"])
    except Exception as error:
        failed.append([case.name, f"{type(error).__name__}: {error}"])
json.dumps({"edges": len(EDGES), "cases": ran, "failed": failed})
`),
);
