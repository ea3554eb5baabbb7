// The loss (ab − 1)² under the reader's hands: a ball is put anywhere, and gradient descent takes it
// from there. All is computed in the page; without scripts the figure stays, which this replaces.
// With data-shows="hyperbolas" it shows what the gradient flow keeps, b² − a², and where that leads it.
{
  const REACH = 2.2; // the picture shows |a| and |b| up to this
  const GRID = 0.05; // where the ball can be put: so it can lie on the line a = −b
  const MOST = 2000; // steps of a run
  const LEVELS = [0.04, 0.25, 0.64, 1, 2.25, 4, 6.25, 9, 16, 25];
  const KEPT = [-4, -2.25, -1, -0.25, 0, 0.25, 1, 2.25, 4]; // of b² − a²

  /** @typedef {[number, number]} Point */

  /** @param {Point} point */
  const value = ([a, b]) => (a * b - 1) ** 2;

  /** @param {Point} point @returns {Point} */
  const gradient = ([a, b]) => [2 * (a * b - 1) * b, 2 * (a * b - 1) * a];

  /** One step of gradient descent. @param {Point} point @param {number} step @returns {Point} */
  const descend = ([a, b], step) => {
    const [da, db] = gradient([a, b]);
    return [a - step * da, b - step * db];
  };

  /** What the gradient flow keeps. @param {Point} point */
  const kept = ([a, b]) => b * b - a * a;

  /** Where the flow ends: on its hyperbola, on its side of the line a = −b. @param {Point} point @returns {Point} */
  const destination = ([a, b]) => {
    const c = kept([a, b]), side = Math.sign(a + b);
    return [side * Math.sqrt((Math.hypot(c, 2) - c) / 2), side * Math.sqrt((Math.hypot(c, 2) + c) / 2)];
  };

  /** Where a run is, if it is at an end. @param {Point} point */
  const verdict = (point) => {
    if (Math.hypot(...point) > 100) return "away";
    if (value(point) < 1e-6) return "minimum";
    return Math.hypot(...gradient(point)) < 1e-6 ? "saddle" : "";
  };

  const WORDS = {
    minimum: "At a global minimum: ab = 1.",
    saddle: "Stuck: this is the saddle, where the gradient is zero and the loss is 1.",
    away: "The step is too long: the ball left the picture.",
    "": "The step is too long: the ball jumps back and forth.",
  };
  const FOUND = " You found the line a = −b: by symmetry no step leaves it.";

  const LINE = "Dashed: the line a = −b. Every step keeps a ball on it, so short steps lead it to the saddle. "
    + "From anywhere else short steps lead to a global minimum.";

  /** The end of the flow in closed form. @param {Point} start */
  const law = (start) => {
    if (start[0] + start[1] === 0) return "On the line a = −b the flow ends at the saddle.";
    const [a, b] = destination(start).map((x) => x.toFixed(3).replace("-", "−"));
    const text = "It ends where its hyperbola meets the valley, on its side of the line a = −b: with c = b² − a², "
      + `2a² = √(c² + 4) − c and 2b² = √(c² + 4) + c. Here a = ${a}, b = ${b}.`;
    return whole(text);
  };

  /** No formula breaks. @param {string} text */
  const whole = (text) => text.replaceAll(/ ([=+−]) /g, "\u00a0$1\u00a0");

  const PICTURES = {
    levels: {
      step: 0.05, law: () => whole(LINE), lines: "Level lines of the loss (ab − 1)²",
      question: "Drop the ball anywhere, or drag it, and play. Can you get it stuck? ",
    },
    hyperbolas: {
      step: 0.01, law, lines: "Hyperbolas of constant b² − a²",
      question: "The gradient flow keeps b² − a², so it stays on the hyperbola of its start. "
        + "Short steps nearly do, long ones leave it. Drop the ball anywhere, or drag it: where will the flow end? ",
    },
  };

  const { element, drawn, slider, fill } = globalThis.computed ?? {};
  // The computation alone, for the tests, which run without a page.
  if (typeof document === "undefined") {
    Object.assign(globalThis, { hero: { value, gradient, descend, kept, destination, law, verdict } });
  } else {
    for (const place of document.querySelectorAll(".hero")) begin(/** @type {HTMLElement} */ (place));
  }

  /** The two branches of ab = k inside of a picture. @param {number} k */
  function hyperbola(k, reach = REACH) {
    const least = Math.abs(k) / reach;
    if (least === 0) return `M${-reach} 0H${reach}M0 ${-reach}V${reach}`;
    const branch = (sign) => Array.from({ length: 49 }, (_, i) => {
      const a = sign * least * (reach / least) ** (i / 48);
      return `${i ? "L" : "M"}${a.toFixed(3)} ${(-k / a).toFixed(3)}`;
    }).join("");
    return least < reach ? branch(1) + branch(-1) : "";
  }

  /** The two branches of b² − a² = c, before they are turned by 45 degrees. @param {number} c */
  function turned(c) { return hyperbola(-c / 2, 1.5 * REACH); }

  /** @param {HTMLElement} place */
  function begin(place) {
    const ofFlow = place.dataset.shows === "hyperbolas";
    const kind = PICTURES[ofFlow ? "hyperbolas" : "levels"];
    /** @type {Point} */ let start = [-1.9, 1.65];
    let { step } = kind;
    /** @type {Point[]} */ let path = [start];
    let running = 0, asked = false; // whether the reader wants the hint at each start

    const trace = drawn("polyline", { class: "hero-path" });
    // What the hint shows: the line that gets stuck, or the end of the flow.
    const line = drawn("path", { class: "hero-line", d: `M${-REACH} ${-REACH}L${REACH} ${REACH}` });
    const ring = drawn("circle", { class: "hero-end", r: 0.15 });
    const shown = ofFlow ? ring : line;
    shown.setAttribute("visibility", "hidden");
    const own = drawn("path", { class: "hero-kept", transform: "rotate(45)" });
    const ball = drawn("circle", { class: "hero-ball", r: 0.1 });
    const grip = drawn("circle", { class: "hero-grip computed-grip", r: 0.3 });
    const levels = LEVELS.flatMap((c) => [1 - Math.sqrt(c), 1 + Math.sqrt(c)]).map((k) => hyperbola(k)).join("");
    const lines = ofFlow ? { d: KEPT.map(turned).join(""), transform: "rotate(45)" } : { d: levels };
    const picture = drawn("svg", { viewBox: [-REACH, -REACH, 2 * REACH, 2 * REACH].join(" "), role: "img" }, [
      drawn("path", { class: "hero-levels", ...lines }),
      drawn("path", { class: "hero-valley", d: hyperbola(1) }),
      ...(ofFlow ? [own] : []), shown, trace,
      drawn("path", { class: "hero-saddle", d: "M-.09-.09L.09.09M-.09.09L.09-.09" }),
      drawn("text", { x: 0.16, y: -0.1 }, ["saddle"]),
      drawn("text", { x: 2.1, y: -1.62, "text-anchor": "end" }, ["global minima"]),
      drawn("text", { x: 2.1, y: -1.4, "text-anchor": "end" }, ["ab = 1"]),
      drawn("text", { x: 2.05, y: 0.18 }, ["a"]), drawn("text", { x: -0.14, y: -2.02 }, ["b"]),
      ball, grip,
    ]);
    const told = element("p", { className: "hero-numbers" });
    const said = element("p", { className: "hero-said", role: "status" });
    const closed = element("p", { className: "hero-law", role: "status" });

    const show = () => {
      const [a, b] = path[path.length - 1];
      for (const circle of [ball, grip]) {
        circle.setAttribute("cx", String(Math.max(-9, Math.min(9, a))));
        circle.setAttribute("cy", String(Math.max(-9, Math.min(9, -b))));
      }
      trace.setAttribute("points", path.map(([a, b]) => `${a.toFixed(4)},${(-b).toFixed(4)}`).join(" "));
      const steps = path.length === 2 ? "1 step" : `${path.length - 1} steps`;
      const numbers = `a = ${a.toFixed(3)}, b = ${b.toFixed(3)}, loss ${value([a, b]).toPrecision(3)}`;
      const [first, now] = [start, [a, b]].map((point) => kept(point).toPrecision(3));
      const invariant = ofFlow ? `; b² − a² = ${now}, at the start ${first}` : "";
      const text = `after ${steps}: ${(numbers + invariant).replaceAll("-", "−")}`;
      told.textContent = text;
      picture.setAttribute("aria-label", `${kind.lines}, and a ball, ${text}`);
    };
    const reveal = (/** @type {boolean} */ open) => {
      hint.setAttribute("aria-pressed", String(open));
      shown.setAttribute("visibility", open ? "visible" : "hidden");
      closed.textContent = open ? kind.law(start) : "";
      const [x, y] = destination(start);
      ring.setAttribute("cx", String(x));
      ring.setAttribute("cy", String(-y));
    };
    const stop = () => { cancelAnimationFrame(running); running = 0; play.textContent = "Play"; };
    const put = (/** @type {Point} */ point) => {
      stop();
      start = /** @type {Point} */ (point.map((x) => {
        const rounded = Math.round(Math.max(-2.15, Math.min(2.15, x)) / GRID);
        return rounded / Math.round(1 / GRID);
      }));
      path = [start];
      said.textContent = "";
      sliders[0].set(start[0]);
      sliders[1].set(start[1]);
      own.setAttribute("d", turned(kept(start)));
      reveal(asked);
      show();
    };
    const move = () => {
      if (verdict(path[path.length - 1]) || path.length > MOST) return false;
      path.push(descend(path[path.length - 1], step));
      return true;
    };
    const end = () => {
      const point = path[path.length - 1], where = verdict(point);
      if (!where && path.length <= MOST) return;
      stop();
      said.textContent = WORDS[where] + (where === "saddle" && path.length > 1 ? FOUND : "");
      if (ofFlow) reveal(true);
    };
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    const frame = () => {
      // A run takes some seconds however short its steps are, and at once where motion is unwelcome.
      const many = still.matches ? MOST : Math.max(1, Math.round(0.03 / step));
      let moved = true;
      for (let k = 0; k < many && moved; k++) moved = move();
      show();
      end();
      if (running) running = requestAnimationFrame(frame);
    };
    const play = element("button", {
      type: "button", textContent: "Play",
      onclick: () => {
        if (running) return stop();
        if (verdict(path[path.length - 1]) || path.length > MOST) put(start);
        play.textContent = "Pause";
        running = requestAnimationFrame(frame);
      },
    });
    const once = element("button", { type: "button", textContent: "Step", onclick: () => { stop(); move(); show(); end(); } });
    const back = element("button", { type: "button", textContent: "Back", onclick: () => put(start) });
    const hint = element("button", {
      type: "button", textContent: "Show where",
      onclick: () => reveal(asked = hint.getAttribute("aria-pressed") === "false"),
    });
    const range = { min: -2.15, max: 2.15, step: GRID };
    const sliders = [
      slider("a", { ...range, value: start[0] }, (a) => put([a, start[1]])),
      slider("b", { ...range, value: start[1] }, (b) => put([start[0], b])),
      slider("step size", { min: 0.01, max: 0.3, step: 0.01, value: step }, (size) => { step = size; put(start); }),
    ];

    const reader = (/** @type {MouseEvent} */ event) => {
      const { left, top, width, height } = picture.getBoundingClientRect();
      put([(2 * (event.clientX - left) / width - 1) * REACH, (1 - 2 * (event.clientY - top) / height) * REACH]);
    };
    picture.addEventListener("click", reader);
    grip.addEventListener("pointerdown", (event) => grip.setPointerCapture(event.pointerId));
    grip.addEventListener("pointermove", (event) => { if (grip.hasPointerCapture(event.pointerId)) reader(event); });

    const question = element("p", { className: "hero-question" }, [kind.question, hint]);
    const bar = element("div", { className: "hero-bar" }, [play, once, back]);
    const rows = element("div", { className: "hero-rows" }, sliders.map(({ row }) => row));
    const side = element("div", { className: "hero-side" }, [question, bar, rows, told, said]);
    fill(place, "A ball on the landscape of the loss (ab − 1)²", [picture, side, closed]);
    put(start);
  }
}
