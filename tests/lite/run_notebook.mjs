// Run a notebook of a built page as its kernel would, without a browser: node run_notebook.mjs FOLDER STATE NOTEBOOK
// STATE is the drive, a folder. Prints JSON; with VERBOSE=1 each cell and its output, too.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, state, notebook] = process.argv.slice(2);
const distribution = resolve(folder, "static", "pyodide");
const settings = JSON.parse(readFileSync(join(folder, "jupyter-lite.json"), "utf8"))["jupyter-config-data"];
const options = settings.litePluginSettings["@jupyterlite/pyodide-kernel-extension:kernel"].loadPyodideOptions;
const { loadPyodide } = await import(pathToFileURL(join(distribution, "pyodide.mjs")).href);
mkdirSync(state, { recursive: true });

const began = performance.now();
const log = (text) => console.error(text);
const pyodide = await loadPyodide({ indexURL: `${distribution}/`, ...options, stdout: log, stderr: log });
pyodide.FS.mkdir("/drive");
pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: resolve(state) }, "/drive");
pyodide.FS.chdir("/drive");
await pyodide.runPythonAsync("import pyodide_kernel");
const kernel = pyodide.globals.get("pyodide_kernel").kernel_instance;
const shell = kernel.interpreter;
kernel._parent_header = pyodide.toPy({ header: {} });
const started = performance.now();
const path = existsSync(notebook) ? notebook : join(folder, "files", notebook);
const failed = [];
let first = null;
const slow = [];
for (const [index, cell] of JSON.parse(readFileSync(path, "utf8")).cells.entries()) {
  if (cell.cell_type !== "code") continue;
  const source = [cell.source].flat().join("");
  const output = [];
  const collect = (name, text) => output.push(text);
  const streams = pyodide.globals.get("pyodide_kernel");
  streams.stdout_stream.publish_stream_callback = collect;
  streams.stderr_stream.publish_stream_callback = collect;
  shell.display_pub.display_data_callback = (data) => output.push(String(data.get("text/plain")));
  shell.display_pub.clear_output_callback = () => {};
  shell.display_pub.update_display_data_callback = () => {};
  shell.displayhook.publish_execution_result = (count, data) => output.push(String(data.get("text/plain")));
  const cellBegan = performance.now();
  const result = await kernel.run(source);
  first ??= performance.now() - began;
  const seconds = (performance.now() - cellBegan) / 1000;
  if (seconds > 2) slow.push([index, Math.round(seconds), source.split("\n")[0].slice(0, 70)]);
  if (process.env.VERBOSE) console.error(`--- [${index}] ${seconds.toFixed(1)} s\n${source}\n>>> ${output.join("").replaceAll(/\r[^\n]*\r/g, "\r")}`);
  if (result.get("status") === "error") {
    failed.push({ cell: index, error: `${result.get("ename")}: ${result.get("evalue")}` });
    if (process.env.VERBOSE) console.error([...result.get("traceback")].join("\n"));
  }
}
const seconds = (milliseconds) => Math.round(milliseconds / 100) / 10;
const memory = Math.round(pyodide._module.HEAPU8.length / 1e6);
const report = { notebook, failed, slow, kernel: seconds(started - began), firstCell: seconds(first) };
console.log(JSON.stringify({ ...report, seconds: seconds(performance.now() - started), wasmMegabytes: memory }));
