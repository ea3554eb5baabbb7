"""What the book is measured beside: a plain Jupyter Book with one slider, and a page of thebe-lite.

Both are made as their documentation says, with the pinned versions. What their pages ask of other
hosts comes here from the same server as the rest, which is kinder to them than the internet is.
"""

import base64
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tarfile

from living_book import node, pyodide

BOOK = pathlib.Path(__file__).parents[1]
WORK = BOOK / "_build" / "costs"
KEPT = (
    BOOK / "_build" / ".doctrees" / "living_book"
)  # npm's and Pyodide's files, as a build has them
#: npm's packages are bundles, so that what they were made of is not needed: version, SHA-512.
PACKED = {
    "requirejs": (
        "2.3.4",
        "qPD5gRrj6kGQ0ZySAJgqbArkaDqPMbQIT0zSZDkIv1mfA17w/tR2Faq5l2qqRf2CdQx6FWln9nUrgd2UDzb19A==",
    ),
    "@jupyter-widgets/html-manager": (
        "1.0.6",
        "+Mn+Ra8wyIHrYaUpfmf9A3dsLkt/NuwzPQN8sthdxBD35VV5cOJbpmgMhNR27n/rmP3mKyEe0PWCJrtZrXTXDQ==",
    ),
    "thebe": (
        "0.9.3",
        "Rb/7kVhtlffXra3kIe7OuIGE7awsm2/fGWxw21DiNfnWLnUQiDl9AWqYdshPwZPG/5DzLpsJRPix2xtCPtJmQQ==",
    ),
    "thebe-lite": (
        "0.5.0",
        "o+HhDbd/9cfYgCBdQ6BqJ5De+9JJobV5hUM/pPXTb5/1JlKILQcWUuRdhfIdYVCPUSBCMAbU3UwjkeRDJrG1HA==",
    ),
}
PLAIN = {
    "_config.yml": "title: A plain book\n",
    "_toc.yml": "format: jb-book\nroot: index\n",
    "index.md": """---
kernelspec: {name: python3, display_name: Python 3}
jupytext: {text_representation: {extension: .md, format_name: myst}}
---

# A plain book

A picture and a slider.

```{code-cell}
import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import IntSlider

x = np.linspace(0, 6, 100)
plt.plot(x, np.sin(x));
```

```{code-cell}
IntSlider(3)
```
""",
}
#: What the pages of a plain book ask of other hosts, and which file of which package it is.
FOREIGN = {
    "https://cdnjs.cloudflare.com/ajax/libs/require.js/2.3.4/require.min.js": (
        "requirejs",
        "require.js",
    ),
    "https://cdn.jsdelivr.net/npm/@jupyter-widgets/html-manager@1.0.6/dist/embed-amd.js": (
        "@jupyter-widgets/html-manager",
        "dist/embed-amd.js",
    ),
}
#: What thebe-lite's kernel loads at its start, and the libraries that the book's chapters import.
WHEELS = ["micropip", "ssl", "sqlite3", "ipython", "numpy", "scipy", "matplotlib"]
CORE = "pyodide.js pyodide.asm.js pyodide.asm.wasm python_stdlib.zip pyodide-lock.json".split()
#: It loads what the book loads at its first click, and draws a line.
CELL = """import matplotlib.pyplot as plt
import scipy.integrate
import scipy.optimize
plt.plot([0, 1])
plt.show()"""
LITE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>thebe-lite</title>
<script type="text/x-thebe-config">
{ useBinder: false, useJupyterLite: true, requestKernel: true, mountActivateWidget: true }
</script>
<script src="thebe-lite.min.js"></script>
<script>
{
  const start = thebeLite.startJupyterLiteServer, here = (file) => new URL(file, location).href;
  const kernel = {
    pyodideUrl: here("pyodide/pyodide.js"),
    pipliteUrls: [here("pypi/all.json")],
    pipliteWheelUrl: here("pypi/piplite-0.4.7-py3-none-any.whl"),
    disablePyPIFallback: true,
  };
  thebeLite.startJupyterLiteServer = () => start({
    litePluginSettings: { "@jupyterlite/pyodide-kernel-extension:kernel": kernel },
  });
}
</script>
<script src="index.js"></script>
<link rel="stylesheet" href="thebe.css">
<h1>A page of thebe-lite</h1>
<div class="thebe-activate"></div>
<pre data-executable="true" data-language="python">%s</pre>
"""


def unpack(name):
    """Bring a package of npm to this machine, unless it is there; return its folder."""
    version, wanted = PACKED[name]
    folder = WORK / "npm" / name / version
    if not folder.exists():
        downloads = WORK / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        said = node.run(node.NPM, "pack", "--json", f"{name}@{version}", cwd=downloads)
        archive = downloads / json.loads(said)[0]["filename"]
        found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != wanted:
            raise ValueError(f"{name} {version} has the SHA-512 {found}, expected {wanted}")
        with tarfile.open(archive) as files:
            files.extractall(WORK / "unpacked" / name, filter="data")
        folder.parent.mkdir(parents=True, exist_ok=True)
        (WORK / "unpacked" / name / "package").rename(folder)
    return folder


def write_plain(folder):
    """Write the sources of a plain Jupyter Book."""
    for name, text in PLAIN.items():
        (folder / name).write_text(text, encoding="utf-8")


def settle_plain(site):
    """Let a built plain book have what it asks of other hosts; return the folder of the site."""
    page = site / "index.html"
    text = page.read_text(encoding="utf-8")
    for url, (package, file) in FOREIGN.items():
        if url not in text:
            raise ValueError(f"a plain page asks no more for {url}")
        target = site / "_static" / "foreign" / pathlib.Path(file).name
        minify = [unpack(package) / file, "--minify", f"--outfile={target}"]
        node.run(KEPT / "node" / "node_modules" / "esbuild" / "bin" / "esbuild", *minify, cwd=site)
        text = text.replace(url, target.relative_to(site).as_posix())
    page.write_text(text, encoding="utf-8")
    return site


def make_lite(folder):
    """Make a page of thebe-lite that needs no other host; return its folder."""
    core = node.install(pyodide.HERE, KEPT / "node") / "pyodide"
    for source in (unpack("thebe") / "lib", unpack("thebe-lite") / "dist" / "lib"):
        left = shutil.ignore_patterns("*.map")
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=left)
    wheels = WORK / "wheels"
    pyodide.fetch(core, WHEELS, wheels)
    shutil.copytree(wheels, folder / "pyodide")
    for name in CORE:
        shutil.copy2(core / name, folder / "pyodide")
    add_comm(folder / "pypi")
    (folder / "index.html").write_text(LITE % CELL, encoding="utf-8")
    return folder


def add_comm(folder):
    """Put the one wheel that thebe-lite gets from PyPI into its own index."""
    pip = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check"]
    pip += ["--no-deps", "--dest", folder, "-c", BOOK / "constraints.txt", "comm"]
    subprocess.run(pip, check=True)
    wheel = next(folder.glob("comm-*.whl"))
    index = json.loads((folder / "all.json").read_text(encoding="utf-8"))
    (releases,) = index["piplite"]["releases"].values()
    release = releases[0] | {"filename": wheel.name, "url": f"./{wheel.name}"}
    release["digests"] = {"sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    release["requires_python"] = None
    index["comm"] = {"releases": {wheel.name.split("-")[1]: [release]}}
    (folder / "all.json").write_text(json.dumps(index), encoding="utf-8")
