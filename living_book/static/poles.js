// The poles of a linear recurrent network under the reader's hands: where they are, the curve Q(S¹) with its
// cone, and the impulse response of 1/Q. Without scripts the figure stays, which this replaces.
{
  const MOST = 0.97; // the largest radius
  const FAR = 30; // the last k of the impulse response
  const LIMIT = 2; // its axis ends at ±2
  const CONE = 90; // the opening in question, in degrees
  const DEGREE = Math.PI / 180;
  const CELLS = 720; // of the half circle, where the argument is looked at

  const WIDE = 640; // pixels of the column from which the response stands beside the curve
  // The response drawn: in a row of its own, or as a third picture.
  const ROW = { viewBox: "0 -4 500 135", left: 46, step: 14.7, middle: 58, unit: 24 };
  const BESIDE = { viewBox: "0 0 244 244", left: 46, step: 6, middle: 112, unit: 46 };

  const LEGEND = "Shaded: the smallest cone around the positive axis, in another color from half a turn on. "
    + `Dashed: the cone of ${CONE}°. A stem with a tip ends beyond the picture.`;

  /** A conjugate pair r e^{±iψ}, ψ in degrees. @typedef {{ radius: number, angle: number }} Pair */

  /** 1, a_1, …, a_n of Q. @param {Pair[]} pairs @returns {number[]} */
  const coefficients = (pairs) => pairs.reduce((q, { radius, angle }) => {
    const factor = [1, -2 * radius * Math.cos(angle * DEGREE), radius ** 2];
    return Array.from({ length: q.length + 2 }, (_, k) => (
      factor.reduce((sum, number, i) => sum + number * (q[k - i] ?? 0), 0)));
  }, [1]);

  /** Q(e^{iω}). @param {number[]} q @param {number} omega @returns {[number, number]} */
  const at = (q, omega) => [
    q.reduce((sum, number, k) => sum + number * Math.cos(k * omega), 0),
    q.reduce((sum, number, k) => sum + number * Math.sin(k * omega), 0),
  ];

  /** arg(1 − r e^{ix}). */
  const turn = (radius, x) => Math.atan2(-radius * Math.sin(x), 1 - radius * Math.cos(x));

  /** Its derivative by x. */
  const slope = (radius, x) => radius * (radius - Math.cos(x)) / (1 - 2 * radius * Math.cos(x) + radius ** 2);

  /** The sum over all poles. @param {(radius: number, x: number) => number} part @param {Pair[]} pairs */
  const total = (part, pairs, omega) => pairs.reduce((sum, { radius, angle }) => (
    sum + part(radius, omega + angle * DEGREE) + part(radius, omega - angle * DEGREE)), 0);

  /** The opening 2 max|arg Q| of the smallest cone, in degrees: the argument is largest where its slope is zero,
      which a grid finds and bisection refines. A curve around the origin needs the whole turn. @param {Pair[]} pairs */
  const opening = (pairs) => {
    let largest = 0;
    for (let k = 0; k < CELLS; k++) {
      let [from, to] = [k, k + 1].map((place) => place * Math.PI / CELLS);
      const rises = total(slope, pairs, from) > 0;
      if (rises === total(slope, pairs, to) > 0) continue;
      for (let halved = 0; halved < 40; halved++) {
        const middle = (from + to) / 2;
        if (total(slope, pairs, middle) > 0 === rises) from = middle; else to = middle;
      }
      largest = Math.max(largest, Math.abs(total(turn, pairs, from)));
    }
    return Math.min(2 * largest / DEGREE, 360);
  };

  /** The impulse response of 1/Q, up to k = 30. @param {Pair[]} pairs */
  const response = (pairs) => {
    const q = coefficients(pairs), values = [1];
    for (let k = 1; k <= FAR; k++) values.push(-q.reduce((sum, number, i) => sum + (i && i <= k ? number * values[k - i] : 0), 0));
    return values;
  };

  let table; // arg(1 − r e^{ix}) for the radii and the angles in whole degrees that the sliders have

  /** Where one more pair leaves the opening at most 90°: for each ψ = 0°, …, 180° the ends of intervals of radii.
      Alone it may have all radii up to one, since the largest |arg Q(w)| on |w| = r grows with r: the argument is
      harmonic. Beside a pair that stays it need not be so; therefore all radii are tried. @param {Pair[]} others */
  const region = (others) => {
    table ??= Array.from({ length: 100 * MOST + 1 }, (_, i) => (
      Float64Array.from({ length: 360 }, (_, x) => turn(i / 100, x * DEGREE))));
    const fixed = Float64Array.from({ length: 181 }, (_, omega) => total(turn, others, omega * DEGREE));
    return Array.from({ length: 181 }, (_, angle) => {
      const excess = table.map((row) => {
        let largest = 0;
        for (let x = 0; x <= 180; x++) {
          largest = Math.max(largest, Math.abs(fixed[x] + row[(x + angle) % 360] + row[(x - angle + 360) % 360]));
        }
        return largest - CONE * DEGREE / 2;
      });
      const ends = excess[0] <= 0 ? [0] : [];
      for (let i = 1; i < excess.length; i++) {
        const [before, now] = [excess[i - 1], excess[i]];
        if (before <= 0 !== now <= 0) ends.push((i - 1 + before / (before - now)) / 100);
      }
      return ends.length % 2 ? [...ends, MOST] : ends;
    });
  };

  const { element, drawn, slider, fill } = globalThis.computed ?? {};
  // The computation alone, for the tests, which run without a page.
  if (typeof document === "undefined") {
    Object.assign(globalThis, { poles: { coefficients, opening, response, region } });
  } else {
    for (const place of document.querySelectorAll(".poles")) begin(/** @type {HTMLElement} */ (place));
  }

  /** A line through points. @param {[number, number][]} points */
  function line(points) { return `M${points.map((point) => point.map((x) => x.toFixed(2)).join(" ")).join("L")}`; }

  /** A point of the pole plane, where 100 is 1. @returns {[number, number]} */
  function polar(radius, degrees) {
    return [100 * radius * Math.cos(degrees * DEGREE), -100 * radius * Math.sin(degrees * DEGREE)];
  }

  /** The region and its edge, both above and below the real axis: half a degree to both sides each ray is as its
      middle, and a little more, so that no seam shows. Between two rays lies what is in one of them alone. @param {number[][]} rays */
  function outlines(rays) {
    let inside = "", edge = "";
    for (const [degrees, ends] of rays.entries()) {
      const steps = [...ends, ...(rays[degrees + 1] ?? ends)].sort((a, b) => a - b);
      for (const sign of [1, -1]) {
        const sides = [sign * degrees - 0.52, sign * degrees + 0.52], between = sign * (degrees + 0.5);
        for (let i = 0; i < ends.length; i += 2) {
          inside += `${line([[0, 0], [1, 0], [1, 1], [0, 1]].map(([end, side]) => polar(ends[i + end], sides[side])))}Z`;
        }
        for (const end of ends.filter(Boolean)) edge += line(sides.map((side) => polar(end, side)));
        for (let i = 0; i < steps.length; i += 2) edge += line([polar(steps[i], between), polar(steps[i + 1], between)]);
      }
    }
    return { inside, edge };
  }

  /** @param {number[][]} rays @param {number} angle */
  function lawOfOne(rays, angle) {
    const [most, least, here] = [90, 0, angle].map((degrees) => rays[degrees][1].toFixed(3));
    return `Shaded: where the opening is at most ${CONE}°. The edge is at radius ${most} (r²\u00a0=\u00a0sin\u00a045°) for a pair at 90°, `
      + `at ${least}\u00a0=\u00a0sin\u00a022.5° for a double real pole.${angle % 90 ? ` At ${angle}°: ${here}.` : ""}`;
  }

  /** @param {number[][]} rays @param {number} moved */
  function lawOfTwo(rays, moved) {
    const [mine, other] = moved ? ["second", "first"] : ["first", "second"];
    return `${rays.some((ends) => ends.length) ? "Shaded: where" : "Nowhere"} the ${mine} pair, moved last, `
      + `keeps the opening at most ${CONE}° while the ${other} stays.`;
  }

  /** @param {HTMLElement} place */
  function begin(place) {
    /** @type {Pair[]} */ const pairs = [{ radius: 0.6, angle: 90 }, { radius: 0.4, angle: 30 }];
    let many = 1, moved = 0; // how many pairs there are, and which was moved last
    let asked = false;

    const marks = ["M-9 0A9 9 0 1 0 9 0A9 9 0 1 0-9 0Z", "M-11 0L0-11L11 0L0 11Z"].map((d) => (
      [1, -1].map(() => drawn("path", { class: "poles-mark", d }))));
    const grips = pairs.map(() => [1, -1].map(() => drawn("circle", { class: "computed-grip", r: 34 })));
    const [inside, edge] = ["poles-inside", "poles-edge"].map((name) => drawn("path", { class: name }));
    const disk = drawn("svg", { viewBox: "-122 -122 244 244", role: "img" }, [
      inside, drawn("path", { class: "poles-axes", d: "M-122 0H122M0-122V122" }),
      drawn("circle", { class: "poles-circle", r: 100 }), edge,
      drawn("text", { x: 104, y: -5 }, ["1"]), drawn("text", { x: 5, y: -105 }, ["i"]),
      ...marks.flat(), ...grips.flat(),
    ]);

    const cone = drawn("path", { class: "poles-cone" });
    const curve = drawn("path", { class: "poles-curve" });
    const numbers = [1, 2, 3, 4].map((n) => drawn("text", { x: 46 + 47 * n, y: 140, "text-anchor": "middle" }, [n]));
    const plane = drawn("svg", { viewBox: "0 0 244 244", role: "img" }, [
      cone, drawn("path", { class: "poles-axes", d: "M0 122H46M46 0V244" }),
      drawn("path", { class: "poles-positive", d: "M46 122H244M93 118v8M140 118v8M187 118v8M234 118v8" }),
      drawn("path", { class: "poles-right", d: "M168 0L46 122L168 244" }),
      drawn("text", { x: 39, y: 140, "text-anchor": "end" }, ["0"]), ...numbers,
      drawn("text", { x: 146, y: 15, "text-anchor": "end" }, [`${CONE}°`]),
      curve, drawn("circle", { class: "poles-origin", cx: 46, cy: 122, r: 4 }),
    ]);

    const [stems, heads, tips] = ["poles-stems", "poles-heads", "poles-tips"].map((name) => drawn("path", { class: name }));
    const frame = drawn("g"), series = drawn("svg", { role: "img" }, [frame, stems, heads, tips]);
    let shape = ROW;
    const across = (/** @type {number} */ k) => shape.left + shape.step * k;
    const height = (/** @type {number} */ value) => shape.middle - shape.unit * Math.max(-LIMIT, Math.min(LIMIT, value));
    const showFrame = () => {
      const { viewBox, left, middle, unit } = shape;
      series.setAttribute("viewBox", viewBox);
      frame.replaceChildren(
        drawn("path", { class: "poles-axes", d: `M${across(-0.5)} ${height(LIMIT)}${`m-5 0h5v${unit}`.repeat(4)}m-5 0h5M${across(-0.5)} ${middle}H${across(FAR + 0.5)}` }),
        ...[-LIMIT, 0, LIMIT].map((v) => drawn("text", { x: left - 16, y: height(v) + 5, "text-anchor": "end" }, [`${v}`.replace("-", "−")])),
        ...[0, 10, 20, 30].map((k) => drawn("text", { x: across(k), y: height(-LIMIT) + 20, "text-anchor": "middle" }, [k])));
    };
    const told = element("p", { className: "poles-told", role: "status" });
    const law = element("p", { className: "poles-law", role: "status" });

    const showPoles = () => {
      for (const [i, pair] of pairs.entries()) {
        for (const [j, sign] of [1, -1].entries()) {
          const [x, y] = polar(pair.radius, sign * pair.angle);
          marks[i][j].setAttribute("transform", `translate(${x} ${y})`);
          grips[i][j].setAttribute("cx", String(x));
          grips[i][j].setAttribute("cy", String(y));
          for (const part of [marks[i][j], grips[i][j]]) part.setAttribute("visibility", i < many ? "visible" : "hidden");
        }
        sliders[i][0].set(pair.radius);
        sliders[i][1].set(pair.angle);
      }
      const list = pairs.slice(0, many).map(({ radius, angle }) => `radius ${radius}, angle ±${angle}°`).join("; ");
      disk.setAttribute("aria-label", `The unit disk with the poles: ${list}${asked ? "; the region shaded" : ""}`);
    };
    const showCurve = () => {
      const own = pairs.slice(0, many), q = coefficients(own), angle = opening(own);
      curve.setAttribute("d", `${line(Array.from({ length: 360 }, (_, k) => {
        const [x, y] = at(q, k * DEGREE);
        return [46 + 47 * x, 122 - 47 * y];
      }))}Z`);
      const rim = Array.from({ length: 61 }, (_, k) => polar(4, angle * (k / 60 - 0.5)));
      cone.setAttribute("d", `${line([[46, 122], ...rim.map(([x, y]) => /** @type {[number, number]} */ ([46 + x, 122 + y]))])}Z`);
      cone.classList.toggle("poles-none", angle >= 180);
      const holds = angle <= CONE ? "yes" : "no";
      const words = `Opening ${angle.toFixed(1)}°; in the cone of ${CONE}°: ${holds}; `
        + `spectral radius ${Math.max(...own.map(({ radius }) => radius))}.`;
      const none = angle < 180 ? "" : " No cone of less than half a turn holds the curve.";
      told.textContent = words + none;
      plane.setAttribute("aria-label", `The curve Q(S¹) and its smallest cone around the positive axis. ${words}${none}`);
    };
    const showResponse = () => {
      const values = response(pairs.slice(0, many)), beyond = values.map((value) => Math.abs(value) > LIMIT);
      stems.setAttribute("d", values.map((value, k) => `M${across(k)} ${shape.middle}V${height(value)}`).join(""));
      heads.setAttribute("d", values.map((value, k) => (beyond[k] ? "" : `M${across(k)} ${height(value)}h.01`)).join(""));
      tips.setAttribute("d", values.map((value, k) => (
        beyond[k] ? `M${across(k) - 5} ${height(value) + 8 * Math.sign(value)}l5 ${-8 * Math.sign(value)}l5 ${8 * Math.sign(value)}` : "")).join(""));
      const first = values.slice(0, 4).map((value) => value.toFixed(2).replace("-", "−")).join(", ");
      const cut = beyond.some(Boolean) ? `, some beyond ±${LIMIT}` : "";
      series.setAttribute("aria-label", `The impulse response of 1/Q: ${first}, …${cut}`);
    };
    let drawnFor = "", rays = /** @type {number[][]} */ ([]);
    const showRegion = () => {
      const others = many === 2 ? [pairs[1 - moved]] : [];
      for (const part of [inside, edge]) part.setAttribute("visibility", asked ? "visible" : "hidden");
      if (!asked) { law.textContent = LEGEND; return; }
      if (drawnFor !== JSON.stringify(others)) {
        drawnFor = JSON.stringify(others);
        rays = region(others);
        const shape = outlines(rays);
        inside.setAttribute("d", shape.inside);
        edge.setAttribute("d", shape.edge);
      }
      law.textContent = many === 1 ? lawOfOne(rays, pairs[0].angle) : lawOfTwo(rays, moved);
    };
    const show = () => { showPoles(); showCurve(); showResponse(); showRegion(); };

    const put = (/** @type {number} */ i, /** @type {Partial<Pair>} */ change) => {
      Object.assign(pairs[i], change);
      moved = i;
      show();
    };
    const sliders = pairs.map((pair, i) => [
      slider(i ? "radius 2" : "radius", { min: 0, max: MOST, step: 0.01, value: pair.radius }, (radius) => put(i, { radius })),
      slider(i ? "angle 2" : "angle", { min: 0, max: 180, step: 1, value: pair.angle, unit: "°" }, (angle) => put(i, { angle })),
    ]);
    const rows = sliders.map((own, i) => element("div", { className: i ? "poles-rows poles-second" : "poles-rows" }, own.map(({ row }) => row)));
    const second = element("button", { type: "button", textContent: "Two pairs", onclick: () => change(3 - many) });
    const hint = element("button", { type: "button", textContent: "Show where", onclick: () => { asked = !asked; change(many); } });
    const change = (/** @type {number} */ number) => {
      many = number;
      moved = Math.min(moved, many - 1);
      second.setAttribute("aria-pressed", String(many === 2));
      hint.setAttribute("aria-pressed", String(asked));
      rows[1].classList.toggle("poles-away", many === 1);
      show();
    };

    /** The point of the pole plane under the reader's hand. @returns {[number, number]} */
    const hand = (/** @type {MouseEvent} */ event) => {
      const { left, top, width, height } = disk.getBoundingClientRect();
      return [((event.clientX - left) / width - 0.5) * 2.44, (0.5 - (event.clientY - top) / height) * 2.44];
    };
    const nearest = (/** @type {[number, number]} */ [x, y]) => {
      const away = pairs.slice(0, many).map(({ radius, angle }) => (
        Math.hypot(x - radius * Math.cos(angle * DEGREE), Math.abs(y) - radius * Math.sin(angle * DEGREE))));
      return away.indexOf(Math.min(...away));
    };
    const bring = (/** @type {number} */ i, /** @type {[number, number]} */ [x, y]) => put(i, {
      radius: Math.min(MOST, Math.round(100 * Math.hypot(x, y)) / 100),
      angle: Math.round(Math.atan2(Math.abs(y), x) / DEGREE),
    });
    let held = 0;
    disk.addEventListener("click", (event) => {
      if (!/** @type {Element} */ (event.target).matches(".computed-grip")) bring(nearest(hand(event)), hand(event));
    });
    for (const grip of grips.flat()) {
      grip.addEventListener("pointerdown", (event) => {
        held = nearest(hand(event)); // grips overlap
        grip.setPointerCapture(event.pointerId);
      });
      grip.addEventListener("pointermove", (event) => { if (grip.hasPointerCapture(event.pointerId)) bring(held, hand(event)); });
    }

    const part = (/** @type {string} */ name, /** @type {string} */ title, /** @type {Element} */ picture) => (
      element("div", { className: `poles-part ${name}` }, [element("p", { textContent: title }), picture]));
    const question = `How far from the origin may a pair at 90° be before the curve leaves the cone of ${CONE}°? Drag the poles.`;
    fill(place, "Poles, the curve Q(S¹) and the impulse response", [
      element("p", { className: "poles-question", textContent: question }),
      element("div", { className: "poles-bar" }, [hint, second]),
      part("poles-disk", "The poles λ", disk), part("poles-plane", "The curve Q(S¹)", plane),
      told, part("poles-series", "The impulse response of 1/Q", series), law, ...rows,
    ]);
    new ResizeObserver(([{ contentRect }]) => {
      const wide = contentRect.width >= WIDE;
      place.classList.toggle("poles-three", wide);
      shape = wide ? BESIDE : ROW;
      showFrame();
      showResponse();
    }).observe(place);
    showFrame();
    change(1);
  }
}
