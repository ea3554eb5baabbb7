// A kernel in WebAssembly: reads cells as JSON, one a line, and answers each with one line.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { core, wheels, packages, mounts, folder } = JSON.parse(process.argv[2]);
const { loadPyodide } = await import(pathToFileURL(`${core}/pyodide.mjs`).href);
const said = { stdout: console.error, stderr: console.error };
const pyodide = await loadPyodide({ indexURL: core, packageCacheDir: wheels, ...said });
await pyodide.loadPackage(packages, { messageCallback: () => {}, errorCallback: console.error });
for (const [place, path] of Object.entries(mounts)) pyodide.mountNodeFS(place, path);
pyodide.runPython(`import os; os.chdir("${folder}")`);
const scope = pyodide.toPy({ __name__: "shell" });
pyodide.runPython(readFileSync(new URL("shell.py", import.meta.url), "utf8"), { globals: scope });
const run = scope.get("run");
for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${run(JSON.parse(line))}\n`);
