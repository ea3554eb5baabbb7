// Draws the explorers of a page that has no kernel. MyST-NB stores the state of every widget in the
// page; `lin_utils.explore` uses four kinds of them and one-way links, which are all that is read here.
// A native range input answers to the mouse, touch, the keyboard and screen readers.
const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';

const stored = document.querySelector(STATE);
const models = stored ? JSON.parse(stored.textContent).state : {};
const views = {}; // id -> how to draw that model again after a change
const id = (reference) => reference.replace("IPY_MODEL_", "");
const links = Object.values(models)
  .filter((model) => model.model_name === "LinkModel" || model.model_name === "DirectionalLinkModel")
  .map(({ state: { source, target } }) => ({ source, target }));

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
  VBoxModel: (key, { children }) =>
    element("div", { className: "explorer" }, children.map((child) => render(id(child)))),
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

for (const view of document.querySelectorAll(VIEW))
  view.replaceWith(render(JSON.parse(view.textContent).model_id));
