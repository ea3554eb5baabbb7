// A worker that runs Python for a page: Pyodide, the book's packages and `page.py`, from this folder.
//
// page → worker: {do: "load", base, manifest}, {do: "run", id, cell, code, silent}, in order.
// worker → page: {say: "progress", done, total, what}, {say: "ready", seconds, memory},
// {say: "output", id, kind, data}, {say: "done", id, ok, seconds}, {say: "failed", why}.
{
  const HOME = "/home/pyodide";
  const say = (message) => self.postMessage(message);
  const plainFetch = self.fetch;
  let python = null;
  let page = null;

  // The folder's name changes with its content, so what the browser has of it is right; what it has
  // of an older one goes. Without a store of its own (on http, in a private window) it has its cache.
  const open = async (base) => {
    try {
      const site = `python ${base.slice(0, base.slice(0, -1).lastIndexOf("/") + 1)}`;
      const names = await self.caches.keys();
      const old = names.filter((name) => name.startsWith(site) && name !== `python ${base}`);
      await Promise.all(old.map((name) => self.caches.delete(name)));
      return await self.caches.open(`python ${base}`);
    } catch {
      return null;
    }
  };

  const download = async (store, address, count) => {
    const cache = await store;
    let answer = await cache?.match(address);
    if (!answer) {
      answer = await plainFetch(address, { cache: "force-cache" });
      if (!answer.ok) throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
      cache?.put(address, answer.clone()).catch(() => {}); // no room, or it did not come whole
    }
    const counter = new TransformStream({
      transform(bytes, to) {
        count(bytes.length);
        to.enqueue(bytes);
      },
    });
    const stream = answer.body.pipeThrough(counter).pipeThrough(new DecompressionStream("gzip"));
    return unpack(await new Response(stream).arrayBuffer());
  };

  // The format is that of archives.py.
  const unpack = (buffer) => {
    const length = new DataView(buffer).getUint32(0, true);
    let at = 4 + length;
    const index = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    return index.map(([path, size]) => [path, new Uint8Array(buffer, (at += size) - size, size)]);
  };

  const write = (files) => {
    const made = new Set();
    for (const [path, bytes] of files) {
      const folder = `/${path.slice(0, path.lastIndexOf("/"))}`;
      if (!made.has(folder)) python.FS.mkdirTree(folder);
      made.add(folder);
      python.FS.writeFile(`/${path}`, bytes, { canOwn: true });
    }
  };

  // Pyodide asks for files by name; what has been unpacked answers.
  const start = (base, core) => {
    const types = { wasm: "application/wasm", json: "application/json" };
    self.fetch = async (address, ...options) => {
      const name = String(address.url ?? address).split("/").pop();
      const type = types[name.split(".").pop()] ?? "application/octet-stream";
      if (core.has(name)) return new Response(core.get(name), { headers: { "Content-Type": type } });
      return plainFetch(address, ...options);
    };
    const env = { HOME, MPLBACKEND: "module://living_page" };
    const silent = () => {};
    if (!self.loadPyodide) self.importScripts(`${base}pyodide.js`);
    // Pyodide waits for ever where the browser has no memory for it, so that is told from here.
    const failed = new Promise((_, reject) => {
      const plain = WebAssembly.instantiateStreaming;
      WebAssembly.instantiateStreaming = (...words) => {
        WebAssembly.instantiateStreaming = plain;
        const made = plain(...words);
        made.catch(reject);
        return made;
      };
    });
    const options = { indexURL: base, env, stdin: () => null, stdout: silent, stderr: console.error };
    return Promise.race([self.loadPyodide(options), failed]);
  };

  const load = async ({ base, manifest }) => {
    if (page) return say({ say: "ready", seconds: 0, memory: python._module.HEAPU8.length });
    const started = performance.now();
    const { archives } = manifest;
    const total = Object.values(archives).reduce((sum, [, bytes]) => sum + bytes, 0);
    let done = 0;
    const count = (what) => (bytes) => say({ say: "progress", done: (done += bytes), total, what });
    const store = open(base);
    const [core, ...others] = Object.entries(archives).map(([what, [name]]) =>
      download(store, base + name, count(what)),
    );
    const files = Promise.all(others);
    files.catch(() => {}); // it is awaited below
    python = await start(base, new Map(await core));
    self.fetch = plainFetch; // and the memory of what it answered with is free
    (await files).forEach(write);
    const shared = "/usr/lib/libopenblas.so";
    if (python.FS.analyzePath(shared).exists) await python._api.loadDynlib(shared, true);
    page = python.pyimport("living_page");
    const output = (id, kind, data) => say({ say: "output", id, kind, data: JSON.parse(data) });
    page.start(manifest.packages, output, (name, total) => synchronously(base, name, total));
    say({ say: "ready", seconds: (performance.now() - started) / 1000, memory: python._module.HEAPU8.length });
  };

  // For imports, which cannot wait for a promise: Python calls this in the midst of a run.
  const synchronously = (base, name, total) => {
    const request = new XMLHttpRequest();
    const what = name.split("-").slice(0, name.endsWith(".whl") ? 1 : 2).join(".");
    say({ say: "progress", done: 0, total, what });
    request.open("GET", base + name, false);
    request.responseType = "arraybuffer";
    request.send();
    if (request.status !== 200) throw new Error(`${name}: ${request.status}`);
    say({ say: "progress", done: total, total, what });
    return new Uint8Array(request.response);
  };

  const run = ({ id, cell, code, silent = false }) => {
    const started = performance.now();
    if (!page) return say({ say: "failed", why: "Python is not loaded." });
    const ok = page.run(id, cell, code, silent);
    say({ say: "done", id, ok, seconds: (performance.now() - started) / 1000, memory: python._module.HEAPU8.length });
  };

  const act = async ({ data }) => {
    try {
      await { load, run }[data.do](data);
    } catch (error) {
      // A fault of Pyodide itself, as of a memory that is full, ends this Python.
      if (data.do === "run") page = null;
      say({ say: "failed", why: String(error.message ?? error) });
    }
  };

  let last = Promise.resolve();
  self.onmessage = (message) => { last = last.then(() => act(message)); };
}
