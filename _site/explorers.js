// Brings the explorers of a page to life, with no kernel. The page shows each one's first picture; the
// state of its widgets, which `lin_utils.explore` made of four kinds and one-way links, is loaded when a
// reader comes near. A native range input answers to the mouse, touch, the keyboard and screen readers.
const MARGIN = "1000px";
const views = {}; // id -> how to draw that model again after a change
const id = (reference) => reference.replace("IPY_MODEL_", "");
let models, links;

function set(key, name, value) {
  models[key].state[name] = value;
  views[key]?.();
  for (const { source, target } of links)
    if (id(source[0]) === key && source[1] === name) set(id(target[0]), target[1], value);
}

function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const draw = {
  VBoxModel: (key, { children }) => element("div", {}, children.map((child) => render(id(child)))),
  HTMLModel: (key, { value }) => element("div", { innerHTML: value }),
  StackModel: (key, state) => {
    const made = element("div");
    views[key] = () => made.replaceChildren(render(id(state.children[state.selected_index])));
    views[key]();
    return made;
  },
  SelectionSliderModel: (key, state) => {
    const labels = state._options_labels;
    const input = element("input", {
      type: "range", min: 0, max: labels.length - 1, step: 1, value: state.index, id: `slider-${key}`,
    });
    const readout = element("output", { htmlFor: input.id });
    views[key] = () => {
      readout.textContent = labels[state.index];
      input.setAttribute("aria-valuetext", labels[state.index]);
    };
    views[key]();
    input.addEventListener("input", () => set(key, "index", Number(input.value)));
    const label = element("label", { htmlFor: input.id, textContent: state.description });
    return element("div", { className: "explorer-slider" }, [label, input, readout]);
  },
};

function render(key) {
  const { model_name: kind, state } = models[key];
  if (!(kind in draw)) throw new Error(`explorers.js cannot draw a ${kind}: use lin_utils.explore`);
  return draw[kind](key, state);
}

// A script, not a request for data: that works on pages opened from a disk, too.
let loading;
const load = (source) => (loading ??= new Promise((resolve, reject) => {
  document.head.append(element("script", { src: source, onload: resolve, onerror: reject }));
}).then(() => {
  models = window.explorerModels;
  links = Object.values(models)
    .filter((model) => model.model_name === "LinkModel" || model.model_name === "DirectionalLinkModel")
    .map(({ state: { source, target } }) => ({ source, target }));
}));

const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    load(target.dataset.source).then(() => target.replaceChildren(render(target.dataset.model)));
  }
}, { rootMargin: MARGIN });

for (const place of document.querySelectorAll(".explorer")) near.observe(place);
