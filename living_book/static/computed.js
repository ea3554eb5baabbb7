// What the pictures share that are computed in the page: their parts, and the figure that one replaces.
globalThis.computed = {
  /** @param {string} name @param {Record<string, unknown>} properties @param {(Node|string)[]} children */
  element(name, properties = {}, children = []) {
    const node = Object.assign(document.createElement(name), properties);
    node.append(...children);
    return node;
  },

  /** @param {string} name @param {Record<string, unknown>} attributes @param {(Node|string)[]} children */
  drawn(name, attributes = {}, children = []) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, text] of Object.entries(attributes)) node.setAttribute(key, String(text));
    node.append(...children);
    return node;
  },

  /** A labeled slider. */
  slider(label, { unit = "", ...range }, change) {
    const { element } = globalThis.computed;
    const input = /** @type {HTMLInputElement} */ (element("input", { type: "range", ...range }));
    const output = element("output");
    const show = () => {
      output.textContent = String(Number(input.value)).replace("-", "−") + unit;
      if (unit) input.setAttribute("aria-valuetext", output.textContent);
    };
    input.addEventListener("input", () => { show(); change(Number(input.value)); });
    show();
    const set = (number) => { input.value = String(number); show(); };
    return { row: element("label", {}, [element("span", { textContent: label }), input, output]), set };
  },

  /** Fill a place with the parts of its picture, instead of the figure. @param {HTMLElement} place */
  fill(place, label, parts) {
    place.classList.add("computed");
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", label);
    place.append(...parts);
    const figure = document.getElementById(place.dataset.instead || "");
    figure?.classList.add("computed-instead");
    figure?.closest(".cell_output")?.append(place); // above the figure's folded code
  },
};
