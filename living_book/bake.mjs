// Runs bake.py in Pyodide, in Node: what is compiled there is of the Python that the page will have.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { core, wheels, first, then, out } = JSON.parse(readFileSync(0, "utf8"));
const { loadPyodide } = await import(pathToFileURL(`${core}/pyodide.mjs`).href);
const env = { MPLBACKEND: "svg", PYTHONHASHSEED: "0" }; // the same bytecode each time
const python = await loadPyodide({ indexURL: core, stdout: () => {}, stderr: () => {}, env });
for (const [file, place] of wheels) {
  python.unpackArchive(new Uint8Array(readFileSync(file)), "zip", { extractDir: place });
}
const shared = "/usr/lib/libopenblas.so";
if (python.FS.analyzePath(shared).exists) await python._api.loadDynlib(shared, true);
python.FS.mkdirTree("/out");
python.FS.mount(python.FS.filesystems.NODEFS, { root: out }, "/out");
const globals = python.toPy({ __name__: "bake" });
python.runPython(readFileSync(new URL("bake.py", import.meta.url), "utf8"), { globals });
globals.get("bake")(python.toPy(first), python.toPy(then));
