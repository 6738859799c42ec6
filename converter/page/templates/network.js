"use strict";
// The picture of the network: fold and unfold blocks, zoom, search, and show what a layer is.
// Where everything stands was computed when the page was made, for each block by itself. Here
// the parts around a block move aside when it opens. Text comes from files: it is only ever set
// as text.

document.querySelectorAll("figure.network").forEach((figure) => {
  const view = figure.querySelector(".window");
  const picture = figure.querySelector(".picture");
  const panel = figure.querySelector(".panel");
  const found = figure.querySelector(".found");
  const search = figure.querySelector(".search");
  const WIDTH = 208, HEIGHT = 58, BAR = 26, SPACE = 20, MARGIN = 50;

  // ---- where parts stand ----

  const levels = new Map();
  function levelOf(element) {
    if (!levels.has(element)) {
      const { left, right, height } = element.dataset;
      const parts = [...element.children].filter((child) => child.matches(".part"));
      const lines = [...element.children].filter((child) => child.matches(".line"));
      levels.set(element, {
        left: +left, right: +right, height: +height,
        parts: parts.map((part) => ({ part, x: +part.dataset.x, y: +part.dataset.y })),
        lines: lines.map((line) => ({
          line, from: line.dataset.from, to: line.dataset.to,
          points: line.getAttribute("d").match(/-?[\d.]+(e-?\d+)?/g).map(Number),
        })),
      });
    }
    return levels.get(element);
  }

  const isOpen = (part) => part.matches(".block.open");
  const inner = (part) => part.querySelector(":scope > .unfolded > .level");

  // How far a part reaches from the middle of its upper edge.
  function extent(part) {
    if (!isOpen(part)) return { left: WIDTH / 2, right: WIDTH / 2, height: HEIGHT };
    const size = arrange(inner(part), SPACE);
    const left = Math.max(size.left, WIDTH / 2) + SPACE;
    const right = Math.max(size.right, WIDTH / 2) + SPACE;
    const height = size.height + BAR + SPACE;
    inner(part).setAttribute("transform", `translate(0 ${BAR})`);
    for (const box of part.querySelectorAll(":scope > .unfolded > .frame, :scope > .unfolded > .bar > .title")) {
      box.setAttribute("x", -left);
      box.setAttribute("width", left + right);
    }
    part.querySelector(":scope > .unfolded > .frame").setAttribute("height", height);
    part.querySelector(":scope > .unfolded > .bar > .name").setAttribute("x", 8 - left);
    return { left, right, height };
  }

  // A map of a line onto itself that keeps all distances, but for spans [from, to, least] which
  // become so long at least; spans over each other share what they gain.
  function stretching(spans) {
    const ends = [...new Set(spans.flatMap(([from, to]) => [from, to]))].sort((a, b) => a - b);
    const moved = new Map();
    ends.forEach((end, index) => {
      const least = index ? moved.get(ends[index - 1]) + end - ends[index - 1] : end;
      const needed = spans.filter(([, to]) => to === end).map(([from, , length]) => moved.get(from) + length);
      moved.set(end, Math.max(least, ...needed));
    });
    return (value) => {
      const index = ends.findLastIndex((end) => end <= value);
      if (index < 0) return value;
      const low = ends[index], high = ends[index + 1];
      if (high === undefined) return moved.get(low) + value - low;
      return moved.get(low) + (moved.get(high) - moved.get(low)) * (value - low) / (high - low);
    };
  }

  // Put the parts of a level and its lines where they belong; return its size. Lines that leave
  // it go on to the middle, so far below it.
  function arrange(element, below = 0) {
    const level = levelOf(element);
    for (const item of level.parts) item.size = extent(item.part);
    const down = stretching(level.parts.map(({ y, size }) => [y, y + HEIGHT, size.height]));
    const sideways = stretching(level.parts.flatMap(({ x, size }) =>
      [[x - WIDTH / 2, x, size.left], [x, x + WIDTH / 2, size.right]]));
    const across = (x) => sideways(x) - sideways(0);
    for (const item of level.parts) {
      const space = down(item.y + HEIGHT) - down(item.y) - item.size.height;
      item.at = across(item.x);
      item.top = down(item.y) + space / 2;
      item.part.setAttribute("transform", `translate(${item.at} ${item.top})`);
    }
    const size = { left: -across(-level.left), right: across(level.right), height: down(level.height) };
    for (const { line, from, to, points } of level.lines) {
      const moved = points.map((value, index) => (index % 2 ? down(value) : across(value)));
      if (from !== "in") moved[1] = level.parts[from].top + level.parts[from].size.height;
      if (to !== "out") moved[moved.length - 1] = level.parts[to].top;
      line.setAttribute("d", path(moved) + (to === "out" ? leaving(moved, below) : ""));
    }
    return size;
  }
  function path(points) {
    const pairs = [];
    for (let i = 0; i < points.length; i += 2) pairs.push(`${points[i]} ${points[i + 1]}`);
    return `M${pairs[0]} L${pairs[1]} C${pairs.slice(2, -1).join(" ")} L${pairs.at(-1)}`;
  }
  function leaving(points, below) {
    const [x, y] = points.slice(-2);
    return ` C${x} ${y + below / 2} 0 ${y + below / 2} 0 ${y + below}`;
  }

  let bounds = null, zoom = 1;
  function draw() {
    const size = arrange(picture.querySelector(".level"));
    bounds = { x: -size.left - MARGIN, width: size.left + size.right + 2 * MARGIN, height: size.height + 24 };
    picture.setAttribute("viewBox", `${bounds.x} -12 ${bounds.width} ${bounds.height}`);
    resize();
  }
  function resize() {
    picture.setAttribute("width", bounds.width * zoom);
    picture.setAttribute("height", bounds.height * zoom);
  }

  // ---- zoom and pan ----

  // Zoom so that what is at (x, y) of the window stays there.
  function zoomTo(value, x = view.clientWidth / 2, y = view.clientHeight / 2) {
    const before = zoom;
    zoom = Math.min(4, Math.max(0.01, value));
    const left = (view.scrollLeft + x) * (zoom / before) - x;
    const top = (view.scrollTop + y) * (zoom / before) - y;
    resize();
    view.scrollTo(left, top);
  }
  function fit() {
    zoomTo(Math.min(1, view.clientWidth / bounds.width, view.clientHeight / bounds.height));
  }
  view.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the window scrolls by itself
    event.preventDefault();
    const { left, top } = view.getBoundingClientRect();
    zoomTo(zoom * Math.exp(-event.deltaY / 300), event.clientX - left, event.clientY - top);
  }, { passive: false });

  // A mouse drags the picture; two fingers zoom it, one finger scrolls by itself.
  const pointers = new Map();
  let dragged = false;
  const spread = () => {
    const [a, b] = pointers.values();
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  view.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    dragged = false;
  });
  window.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const before = pointers.size === 2 ? spread() : 0;
    const moved = { x: event.clientX, y: event.clientY };
    if (event.pointerType === "mouse") {
      if (!dragged && Math.hypot(moved.x - last.x, moved.y - last.y) < 4) return;
      dragged = true;
      view.classList.add("dragged");
      view.scrollBy(last.x - moved.x, last.y - moved.y);
    }
    pointers.set(event.pointerId, moved);
    if (before) {
      const { left, top } = view.getBoundingClientRect();
      const [a, b] = pointers.values();
      zoomTo(zoom * (spread() / before), (a.x + b.x) / 2 - left, (a.y + b.y) / 2 - top);
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    window.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      view.classList.remove("dragged");
    });
  }
  view.addEventListener("touchmove", (event) => {
    if (event.touches.length > 1) event.preventDefault();
  }, { passive: false });

  // ---- blocks ----

  function open(block, yes) {
    block.classList.toggle("open", yes);
    block.querySelector(":scope > .folded").setAttribute("display", yes ? "none" : "inline");
    block.querySelector(":scope > .unfolded").setAttribute("display", yes ? "inline" : "none");
  }
  const around = (element) => element.parentElement.closest(".block");
  const blocks = () => picture.querySelectorAll(".block");
  function openAll(yes) {
    blocks().forEach((block) => open(block, yes));
    draw();
    mark();
  }

  // ---- a layer and what is known of it ----

  function tell(node) {
    picture.querySelector(".chosen")?.classList.remove("chosen");
    node.classList.add("chosen");
    const [name, ...facts] = JSON.parse(node.dataset.facts);
    const title = document.createElement("h3"), list = document.createElement("dl");
    title.textContent = name;
    title.dir = "auto";
    for (const [term, text] of facts) {
      list.append(Object.assign(document.createElement("dt"), { textContent: term }));
      list.append(Object.assign(document.createElement("dd"), { textContent: text, dir: "auto" }));
    }
    panel.replaceChildren(title, list);
    panel.scrollTop = 0;
  }

  // Bring an element of the picture into the middle of the window.
  function centre(element) {
    const box = element.getBoundingClientRect(), frame = view.getBoundingClientRect();
    view.scrollBy(
      box.left + box.width / 2 - frame.left - frame.width / 2,
      box.top + box.height / 2 - frame.top - frame.height / 2,
    );
  }
  function show(node) {
    let changed = false;
    for (let block = around(node); block; block = around(block)) {
      changed ||= !isOpen(block);
      open(block, true);
    }
    if (changed) draw();
    if (zoom < 0.6) zoomTo(1);
    tell(node);
    centre(node);
    mark();
  }

  function act(button) {
    if (button.matches(".node")) return tell(button);
    const block = button.closest(".block"), yes = !isOpen(block);
    const before = block.getBoundingClientRect();
    open(block, yes);
    draw();
    const after = block.getBoundingClientRect();
    view.scrollBy(after.left + after.width / 2 - before.left - before.width / 2, after.top - before.top);
    focus(block.querySelector(yes ? ":scope > .unfolded > .bar" : ":scope > .folded"));
    mark();
    return undefined;
  }
  picture.addEventListener("click", (event) => {
    const button = event.target.closest("[role=button]");
    if (button && !dragged) act(button);
  });

  // ---- keys ----

  const buttons = () => [...picture.querySelectorAll("[role=button]")].filter((each) => each.checkVisibility());
  function focus(button) {
    picture.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    button.setAttribute("tabindex", "0");
    button.focus({ preventScroll: true });
  }
  function step(by) {
    const all = buttons(), at = all.indexOf(document.activeElement);
    const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    focus(next);
    centre(next);
  }
  const KEYS = {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    ArrowRight: (at) => at.matches(".folded") && act(at),
    ArrowLeft: (at) => {
      const block = at.matches(".bar") ? at.closest(".block") : around(at.closest(".part") ?? at);
      if (block) act(block.querySelector(":scope > .unfolded > .bar"));
    },
    "Enter": (at) => at.matches("[role=button]") && act(at),
    " ": (at) => at.matches("[role=button]") && act(at),
    "+": () => zoomTo(zoom * 1.25),
    "-": () => zoomTo(zoom / 1.25),
    "0": fit,
  };
  view.addEventListener("keydown", (event) => {
    const key = KEYS[event.key];
    if (!key || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    key(document.activeElement);
  });

  // ---- search ----

  let hits = [], at = -1;
  const nodes = [...picture.querySelectorAll(".node")];
  // Mark what was found; of a folded block, the block.
  function mark() {
    picture.querySelectorAll(".hit").forEach((each) => each.classList.remove("hit"));
    for (const node of hits) {
      let shown = node;
      for (let block = around(node); block; block = around(block)) if (!isOpen(block)) shown = block;
      shown.classList.add("hit");
    }
  }
  function look() {
    const text = search.value.trim().toLowerCase();
    hits = !text ? [] : nodes.filter(({ dataset }) =>
      dataset.name.toLowerCase().includes(text) || dataset.kind.toLowerCase().includes(text));
    at = -1;
    report(text);
    mark();
  }
  function report(text) {
    const count = at < 0 ? `${hits.length} found` : `${at + 1} of ${hits.length}`;
    found.textContent = text ? count : "";
    for (const name of ["previous", "next"]) {
      figure.querySelector(`[data-do=${name}]`).disabled = !hits.length;
    }
  }
  function go(by) {
    if (!hits.length) return;
    at = (at < 0 && by < 0 ? hits.length : at) + by;
    at = (at + hits.length) % hits.length;
    show(hits[at]);
    report(search.value);
  }
  search.addEventListener("input", look);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
  });

  const DO = {
    previous: () => go(-1), next: () => go(1),
    smaller: () => zoomTo(zoom / 1.25), larger: () => zoomTo(zoom * 1.25), fit,
    unfold: () => openAll(true), fold: () => openAll(false),
  };
  for (const button of figure.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => DO[button.dataset.do]());
  }

  // ---- the beginning ----

  draw();
  zoomTo(Math.max(0.8, Math.min(1, view.clientWidth / bounds.width)));
  const [first] = buttons();
  if (first) {
    first.setAttribute("tabindex", "0");
    centre(first);
  }
  requestAnimationFrame(() => requestAnimationFrame(() => { figure.dataset.ready = "true"; }));
});
