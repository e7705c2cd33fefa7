// Fetch packages of Pyodide's own distribution into a folder: node fetch_packages.mjs NODE_MODULES FOLDER NAME…
// The last line that it prints is the entries of Pyodide's lock file of those that came, as JSON.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, folder, ...names] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(join(modules, "pyodide", "pyodide.mjs")).href);
const pyodide = await loadPyodide({ packageCacheDir: folder, stdout: console.error });
const entries = {};
for (const name of names) {
  try {
    const loaded = await pyodide.loadPackage([name], { messageCallback: console.error, errorCallback: console.error });
    for (const each of loaded) {
      const { packages } = pyodide.lockfile ?? pyodide._api.lockfile;
      const found = Object.values(packages).find((other) => other.name === each.name);
      if (found && existsSync(join(folder, found.file_name))) entries[found.name.toLowerCase()] = found;
    }
  } catch (error) {
    console.error(`${name}: ${error.message}`);
  }
}
console.log(JSON.stringify(entries));
