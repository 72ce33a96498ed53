// What is drawn over the points: the selection with its neighbours, the place asked for, and samples flying to where they land.
// An SVG in pixels; `redraw` places it anew whenever the view moves. It keeps its own list, so nothing is lost on an update.

const NAMESPACE = "http://www.w3.org/2000/svg";
const FADE_MS = 700;
// How far a number stands up and left of its place, so that samples that landed there stay in sight.
const NUMBER_PX = 9;

function shape(tag, attributes) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export class Overlay {
  /** view.toPixel(x, y) -> [left, top] in pixels of the drawing. */
  constructor(parent, view) {
    this.view = view;
    this.proposed = [];
    this.svg = shape("svg", { class: "overlay", "aria-hidden": "true" });
    parent.append(this.svg);
    this.clear();
  }

  clear() {
    this.selected = null;
    this.ring = [];
    this.place = null;
    this.path = null;
    this.outline = null;
    this.landed = [];
    this.redraw();
  }

  /** A free-hand outline [[x, y], ...]. */
  circle(outline) {
    this.clear();
    this.outline = outline;
    this.redraw();
  }

  /** A way from one place {x, y, colour?} to another; `series` are the places on it that samples were asked for. */
  way(from, to, series = []) {
    this.clear();
    this.path = { ends: [from, to].map((end) => ({ colour: "currentColor", ...end })), series };
    this.redraw();
  }

  /** Numbered places {xy: [x, y]}; they stay until others are proposed. */
  propose(places) {
    this.proposed = places;
    this.redraw();
  }

  /** The selected point and points to keep bright beside it: {x, y, colour}. */
  select(point, neighbours = []) {
    this.selected = point;
    this.ring = neighbours;
    this.redraw();
  }

  /** The place asked for: {x, y, empty, ends?: [{x, y}, {x, y}]}; it keeps its mark until another is chosen. */
  mark(place) {
    this.place = place;
    this.redraw();
  }

  /** Samples with {x, y, fromX, fromY, colour}: each fades in along a thin line from the place asked for. */
  land(samples) {
    this.landed = samples;
    this.redraw();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    for (const element of this.svg.querySelectorAll(".landed, .flight")) {
      element.animate([{ opacity: 0 }, { opacity: 1 }], { duration: FADE_MS, easing: "ease-out" });
    }
    this.#fly();
  }

  #fly() {
    const dots = this.svg.querySelectorAll(".landed");
    this.landed.forEach((sample, i) => {
      if (sample.fromX === null || !dots[i]) return;
      const [x, y] = this.view.toPixel(sample.x, sample.y);
      const [fromX, fromY] = this.view.toPixel(sample.fromX, sample.fromY);
      const start = `translate(${fromX - x}px, ${fromY - y}px)`;
      dots[i].animate([{ transform: start }, { transform: "none" }], { duration: FADE_MS, easing: "ease-out" });
    });
  }

  redraw() {
    const parts = [];
    for (const sample of this.landed) {
      if (sample.fromX !== null && sample.fromX !== undefined) parts.push(this.#line(sample, "flight"));
    }
    if (this.outline) parts.push(this.#chain(this.outline, "outline", "Z"));
    if (this.path) {
      const [from, to] = this.path.ends;
      const stops = [from, ...this.path.series, to];
      parts.push(this.#chain(stops.map(({ x, y }) => [x, y]), "under"), this.#chain(stops.map(({ x, y }) => [x, y]), "way"));
      for (const stop of this.path.series) parts.push(this.#dot({ ...stop, colour: "none" }, 2.5, "stop"));
      for (const end of this.path.ends) parts.push(this.#dot(end, 6, "end"));
    }
    if (this.place?.ends) parts.push(this.#line({ ...this.place.ends[0], fromX: this.place.ends[1].x, fromY: this.place.ends[1].y }, "between"));
    for (const point of this.ring) parts.push(this.#dot(point, 4.5, "near"));
    for (const point of this.place?.ends ?? []) parts.push(this.#dot(point, 6, "end"));
    for (const sample of this.landed) parts.push(this.#diamond(sample));
    parts.push(...this.proposed.map(({ xy }, i) => this.#number(xy, i + 1)));
    // A chosen sample is among the landed ones already, as a diamond.
    if (this.selected && !this.selected.sample) parts.push(this.#dot(this.selected, 6.5, "chosen"));
    if (this.selected) parts.push(this.#halo(this.selected));
    if (this.place) parts.push(this.#cross(this.place));
    this.svg.replaceChildren(...parts);
  }

  #line(sample, kind) {
    const [x1, y1] = this.view.toPixel(sample.fromX, sample.fromY);
    const [x2, y2] = this.view.toPixel(sample.x, sample.y);
    return shape("line", { class: kind, x1, y1, x2, y2 });
  }

  #chain(places, kind, close = "") {
    return shape("path", { class: kind, d: `M${places.map(([x, y]) => this.view.toPixel(x, y)).join("L")}${close}` });
  }

  #dot(point, r, kind) {
    const [cx, cy] = this.view.toPixel(point.x, point.y);
    return shape("circle", { class: kind, cx, cy, r, fill: point.colour ?? "none" });
  }

  #halo(point) {
    const [cx, cy] = this.view.toPixel(point.x, point.y);
    return shape("circle", { class: "halo", cx, cy, r: 11 });
  }

  #diamond(sample) {
    const [x, y] = this.view.toPixel(sample.x, sample.y);
    const d = `M${x},${y - 7}L${x + 7},${y}L${x},${y + 7}L${x - 7},${y}Z`;
    return shape("path", { class: "landed", d, fill: sample.colour });
  }

  #number(xy, number) {
    const [x, y] = this.view.toPixel(...xy);
    const group = shape("g", { class: "proposed" });
    const text = shape("text", { x: x - NUMBER_PX, y: y - NUMBER_PX + 3.5 });
    text.textContent = number;
    group.append(shape("circle", { cx: x, cy: y, r: 3 }), shape("circle", { cx: x - NUMBER_PX, cy: y - NUMBER_PX, r: 8 }), text);
    return group;
  }

  // A cross with an open middle, so that what lies under it stays visible.
  #cross(place) {
    const [x, y] = this.view.toPixel(place.x, place.y);
    const d = `M${x - 13},${y}h8M${x + 5},${y}h8M${x},${y - 13}v8M${x},${y + 5}v8`;
    const group = shape("g", { class: place.empty ? "place empty" : "place" });
    group.append(shape("path", { d, class: "under" }), shape("path", { d }), shape("circle", { cx: x, cy: y, r: 9 }));
    return group;
  }
}
