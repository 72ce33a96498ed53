// Probability of each class along a series of samples, as lines in plain SVG under the samples' own columns.

import { fixed } from "./dom.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const LEAST_SHOWN = 0.2;
const MOST_LINES = 5;
export const GUTTER_PX = 24;
const HEIGHT_PX = 96, TOP_PX = 8, BOTTOM_PX = 8;

function shape(tag, attributes, words) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (words !== undefined) element.textContent = words;
  return element;
}

/** The classes that matter in a series of probabilities [{label: p}]: those asked for, and others that reach a fifth anywhere, the
 * highest first, up to five in all. They come in the order of the classes. */
export function shownLabels(series, asked) {
  const peak = (label) => Math.max(...series.map((one) => one[label])) + (asked.includes(label) ? 1 : 0);
  const labels = Object.keys(series[0]);
  const shown = labels.filter((label) => peak(label) >= LEAST_SHOWN).sort((a, b) => peak(b) - peak(a)).slice(0, MOST_LINES);
  return labels.filter((label) => shown.includes(label));
}

/** The most probable class of one sample. */
export const topLabel = (probability) => Object.keys(probability).reduce((best, label) => (probability[label] > probability[best] ? label : best));

export class WayPlot {
  /** series: probabilities [{label: p}] in order. labels: those drawn. colour(label). onStep(i or -1): the pointer's column. */
  constructor(series, labels, { colour, words, onStep }) {
    this.series = series;
    this.labels = labels;
    this.colour = colour;
    this.onStep = onStep;
    this.svg = shape("svg", { class: "way-plot", role: "img", "aria-label": words, height: HEIGHT_PX });
    this.svg.addEventListener("pointermove", (event) => this.#hover(event));
    this.svg.addEventListener("pointerleave", () => onStep(-1));
    this.step = -1;
  }

  /** Draws anew with columns of this width. */
  draw(column) {
    this.column = column;
    const width = GUTTER_PX + column * this.series.length;
    const parts = [0, 0.5, 1].flatMap((p) => [
      shape("line", { class: p === 0.5 ? "half" : "grid", x1: GUTTER_PX, x2: width, y1: this.#y(p), y2: this.#y(p) }),
      shape("text", { x: GUTTER_PX - 5, y: this.#y(p) + 3.5, "text-anchor": "end" }, p === 0.5 ? ".5" : String(p)),
    ]);
    for (const label of this.labels) {
      const points = this.series.map((one, i) => `${this.#x(i).toFixed(1)} ${this.#y(one[label]).toFixed(1)}`);
      parts.push(shape("path", { class: "line", d: `M${points.join("L")}`, stroke: this.colour(label) }));
      parts.push(...this.series.map((one, i) => shape("circle", { class: "dot", cx: this.#x(i), cy: this.#y(one[label]), r: 2.5, fill: this.colour(label) })));
    }
    this.guide = shape("line", { class: "guide", y1: TOP_PX - 4, y2: HEIGHT_PX - BOTTOM_PX + 4 });
    this.svg.setAttribute("width", width);
    this.svg.replaceChildren(this.guide, ...parts);
    this.mark(this.step);
  }

  /** Shows which step is looked at; -1 for none. */
  mark(step) {
    this.step = step;
    this.guide.style.display = step < 0 ? "none" : "";
    for (const end of ["x1", "x2"]) this.guide.setAttribute(end, this.#x(Math.max(0, step)));
  }

  /** The values at a step in words: "crack 0.62, free 0.31". */
  values(step) {
    return this.labels.map((label) => `${label} ${fixed(this.series[step][label])}`).join(", ");
  }

  #x = (step) => GUTTER_PX + this.column * (step + 0.5);
  #y = (p) => TOP_PX + (1 - p) * (HEIGHT_PX - TOP_PX - BOTTOM_PX);

  #hover(event) {
    const x = event.clientX - this.svg.getBoundingClientRect().left - GUTTER_PX;
    this.onStep(Math.max(0, Math.min(this.series.length - 1, Math.floor(x / this.column))));
  }
}
