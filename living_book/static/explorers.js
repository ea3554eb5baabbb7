// Brings the explorers of a page to life, with no kernel. The page shows each one's first picture; its
// data, whose schema `lin_utils.explore` documents, is loaded when a reader comes near. A native range
// input answers to the mouse, touch, the keyboard and screen readers.
{
  const MARGIN = "1000px";
  let made = 0;

  const element = (name, properties, children = []) => {
    const node = Object.assign(document.createElement(name), properties);
    node.append(...children);
    return node;
  };

  const control = ({ label, values, start }, choose) => {
    const input = element("input", {
      type: "range", min: 0, max: values.length - 1, step: 1, value: start, id: `explorer-${++made}`,
    });
    const output = element("output", { htmlFor: input.id });
    output.style.minWidth = `${Math.max(...values.map((value) => value.length))}ch`; // none breaks a line
    const move = () => {
      output.textContent = values[input.value];
      input.setAttribute("aria-valuetext", values[input.value]);
      choose(Number(input.value));
    };
    input.addEventListener("input", move);
    move();
    const name = element("label", { htmlFor: input.id, textContent: label });
    return element("div", { className: "explorer-slider" }, [name, input, output]);
  };

  const list = ({ label, values, start }, choose) => {
    const options = values.map((value, i) => element("option", { value: i, textContent: value }));
    const select = element("select", { id: `explorer-${++made}` }, options);
    select.selectedIndex = start;
    select.addEventListener("change", () => choose(select.selectedIndex));
    choose(start);
    return element("div", { className: "explorer-slider" }, [element("label", { htmlFor: select.id, textContent: label }), select]);
  };

  const draw = (place, { description, sliders, frames }) => {
    const picture = element("div");
    const chosen = sliders.map(({ start }) => start);
    const show = () => {
      picture.innerHTML = frames[sliders.reduce((row, { values }, i) => row * values.length + chosen[i], 0)];
    };
    const controls = sliders.map((slider, i) => (slider.list ? list : control)(slider, (index) => { chosen[i] = index; show(); }));
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", description);
    place.replaceChildren(...controls, picture);
  };

  globalThis.livingBook = { element, draw }; // cells.js draws the explorers that a reader makes

  // A script, not a request for data: that works on pages opened from a disk, too.
  const load = (place) => {
    const script = element("script", { src: place.dataset.source });
    script.onload = () => draw(place, script.explorer);
    document.head.append(script);
  };

  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      load(target);
    }
  }, { rootMargin: MARGIN });

  for (const place of document.querySelectorAll(".explorer")) near.observe(place);
}
