// Sliders for the dimensions of a model of factors. They know where they began and which is chosen; nothing of pictures.

import { fill, h, t } from "./dom.js";

const REACH = 3; // nearly all of the prior's values lie within
const VAGUE = 0.9; // spread from which a dimension says next to nothing of a photograph

export class FactorSliders {
  /** on: onMove() while a slider is moved, onRest() when it is let go, onChoose(). */
  constructor(on) {
    this.on = on;
    this.element = h("div", { class: "sliders", role: "group", "aria-label": t("factors.dimensions") });
    this.rows = [];
    this.start = [];
    this.chosen = 1;
  }

  /** Sliders for so many dimensions, the last `added` of which are a student's own; usual: where known and new parts lie on each of these. */
  build(dimensions, added, usual) {
    this.rows = Array.from({ length: dimensions }, (_, index) => this.#row(index + 1, index >= dimensions - added, usual[index - dimensions + added]));
    fill(this.element, this.rows.map(({ root }) => root));
    this.begin(new Array(dimensions).fill(0), null);
  }

  #row(number, added, usual) {
    const value = h("output", {});
    const input = h("input", { type: "range", min: String(-REACH), max: String(REACH), step: "0.05", "aria-label": t("factors.dimension", { n: number }), onfocus: () => this.choose(number), onchange: () => this.on.onRest() });
    input.oninput = () => {
      this.#tell(number - 1);
      this.on.onMove();
    };
    const name = h("button", { type: "button", class: "number", title: t("factors.choose"), onclick: () => this.choose(number, true) }, String(number));
    const marks = (usual ?? []).map(() => h("i", { class: "usual" }));
    const root = h("div", { class: added ? "slider added" : "slider" }, name, h("span", { class: "tag" }, added ? t("factors.added") : ""), h("span", { class: "travel" }, input, marks), value);
    return { root, input, value, usual, marks };
  }

  /** Buttons with the dimensions' numbers, for the rows of a traversal. */
  numbers() {
    return this.rows.map(({ root }, index) => h("button", { type: "button", class: root.classList.contains("added") ? "added" : null, title: t("factors.choose"), data: { dimension: index + 1 }, onclick: () => this.choose(index + 1, true) }, String(index + 1)));
  }

  get values() {
    return this.rows.map(({ input }, index) => (this.moved.has(index) ? Number(input.value) : this.start[index]));
  }

  /** Whether every slider stands where it began. */
  get untouched() {
    return this.moved.size === 0;
  }

  /** Sets where the sliders begin. spread: how sure the encoder is of each value, or null. */
  begin(values, spread) {
    this.start = values;
    for (const [index, { root, usual }] of this.rows.entries()) {
      const vague = spread !== null && spread[index] > VAGUE;
      root.classList.toggle("vague", vague);
      root.title = vague ? t("factors.vague") : usual ? t("factors.usual", { known: usual[0].toFixed(2), new: usual[1].toFixed(2) }) : "";
    }
    this.reset();
  }

  /** Every slider where it began. */
  reset() {
    this.moved = new Set();
    for (const [index, { input, usual, marks }] of this.rows.entries()) {
      // Few values lie farther out, but a photograph's own must fit.
      [input.min, input.max] = [Math.min(-REACH, Math.floor(this.start[index])), Math.max(REACH, Math.ceil(this.start[index]))].map(String);
      input.value = String(this.start[index]);
      const [low, high] = [Number(input.min), Number(input.max)];
      for (const [at, mark] of marks.entries()) mark.style.setProperty("--at", String((Math.min(high, Math.max(low, usual[at])) - low) / (high - low)));
      this.#tell(index, true);
    }
  }

  /** Values as they were kept; those of the start count as not moved. */
  set(values) {
    for (const [index, value] of values.entries()) if (value !== this.start[index]) this.move(index + 1, value);
  }

  /** Moves a dimension, from 1. */
  move(number, value) {
    this.rows[number - 1].input.value = String(value);
    this.#tell(number - 1);
  }

  /** Chooses a dimension, from 1; with `focus` the arrow keys move it. */
  choose(number, focus = false) {
    const row = this.rows[number - 1];
    if (!row) return;
    this.chosen = number;
    for (const [index, { root }] of this.rows.entries()) root.classList.toggle("on", index === number - 1);
    if (focus) row.input.focus();
    this.on.onChoose();
  }

  #tell(index, back = false) {
    const { input, value } = this.rows[index];
    if (!back) this.moved.add(index);
    value.textContent = (back ? this.start[index] : Number(input.value)).toFixed(2);
  }
}
