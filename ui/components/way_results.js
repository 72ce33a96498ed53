// What came of a request: samples in rows, in order along a path above their probabilities, or by their place at a boundary.

import { fixed, h, t } from "./dom.js";
import { GUTTER_PX, shownLabels, topLabel, WayPlot } from "./way_plot.js";

const LEAST_COLUMN_PX = 36;

const picture = (sample) => h("img", { src: `kizu/thumb/sample/${sample.id}?v=${sample.version}`, alt: sample.label });
const error = (sample) => h("span", {}, Number.isFinite(sample.error) ? `${fixed(sample.error, 1)}×` : "–");
const landing = (sample) => t("map.landing_of", { error: fixed(sample.error) });

function button(sample, options, ...content) {
  return h("button", { type: "button", title: landing(sample), data: { id: sample.id }, onclick: () => options.onSample(sample) }, picture(sample), content);
}

/** Samples in rows, each with its landing error. options: onSample(sample). */
export function rows(samples, options) {
  return h("div", { class: "thumbs" }, samples.map((sample) => button(sample, options, error(sample))));
}

// Where along the way the most probable class changes, in words.
function changes(series) {
  const top = series.map(topLabel);
  const found = top.flatMap((label, i) => (i && label !== top[i - 1] ? [t("way.change", { from: top[i - 1], to: label, a: i, b: i + 1 })] : []));
  if (!found.length) return t("way.no_change", { label: top[0] });
  return found.length > 2 ? t("way.changes", { n: found.length }) : found.join("; ");
}

function noClassifier() {
  return h("p", { class: "muted" }, t("way.no_probability"), " ", h("button", { type: "button", class: "link", onclick: () => window.kizu.tab("data") }, t("map.go_data")));
}

/** The samples of a path in order, and below each what the classifier takes it for. options: onSample(sample), colour(label). */
export function series(samples, options) {
  const steps = samples.map((sample) => button(sample, options, h("i", { style: `--c: ${options.colour(sample.label)}` }), error(sample)));
  const strip = h("div", { class: "strip", onkeydown: arrows }, steps);
  const judged = samples.every((sample) => sample.probability);
  if (!judged) return h("div", { class: "way" }, h("div", { class: "scroll" }, strip), noClassifier());
  const probabilities = samples.map((sample) => sample.probability);
  const labels = shownLabels(probabilities, samples.map((sample) => sample.label));
  const words = changes(probabilities);
  const legend = h("div", { class: "keys" }, h("span", { class: "muted" }, t("way.probability")), labels.map((label) => h("span", { class: "label" }, h("i", { style: `--c: ${options.colour(label)}` }), label)));
  const values = h("output", { class: "values" }, words);
  const look = (step) => {
    plot.mark(step);
    steps.forEach((one, i) => one.classList.toggle("on", i === step));
    values.textContent = step < 0 ? words : t("way.at_step", { i: step + 1, n: samples.length, values: plot.values(step) });
  };
  const plot = new WayPlot(probabilities, labels, { colour: options.colour, words, onStep: look });
  steps.forEach((one, i) => Object.assign(one, { onmouseenter: () => look(i), onmouseleave: () => look(-1), onfocus: () => look(i), onblur: () => look(-1) }));
  const scroll = h("div", { class: "scroll" }, strip, plot.svg);
  fit(scroll, (width) => {
    const column = Math.max(LEAST_COLUMN_PX, (width - GUTTER_PX) / samples.length);
    strip.style.gridTemplateColumns = `repeat(${samples.length}, ${column}px)`;
    plot.draw(column);
  });
  return h("div", { class: "way" }, legend, scroll, values);
}

// Draws at the width that there is, and again at another one.
function fit(element, draw) {
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width && Math.abs(contentRect.width - width) > 1) draw((width = contentRect.width));
  }).observe(element);
}

function arrows(event) {
  const step = { ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling" }[event.key];
  const next = step && event.target.closest("button")?.[step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** Samples by the place they were asked for at. places: as proposed, or none. labels: the two that meet there. */
export function groups(samples, places, [first, second], options) {
  const { colour } = options;
  const share = (probability, label) => `${(100 * (probability?.[label] ?? 0)).toFixed(1)}%`;
  const one = (sample) => {
    const { probability } = sample;
    const bar = probability && h("i", { class: "shares", style: `--a: ${colour(first)}; --b: ${colour(second)}; --pa: ${share(probability, first)}; --pb: ${share(probability, second)}` });
    const made = button(sample, options, bar, h("span", {}, h("i", { class: "dot", style: `--c: ${colour(sample.label)}` }), probability ? fixed(probability[sample.label]) : "–"));
    if (probability) made.title = `${sample.label}: ${[first, second].map((label) => `${label} ${fixed(probability[label])}`).join(", ")}\n${landing(sample)}`;
    return made;
  };
  return h("div", { class: "places" },
    grouped(samples).map((made, i) => h("section", {}, header(i, made[0], places, [first, second]), h("div", { class: "thumbs" }, made.map(one)))),
    samples.every((sample) => sample.probability) ? h("p", { class: "muted" }, t("way.shares", { first, second })) : noClassifier());
}

function grouped(samples) {
  const found = new Map();
  for (const sample of samples) {
    const place = `${sample.fromX} ${sample.fromY}`;
    found.set(place, [...(found.get(place) ?? []), sample]);
  }
  return [...found.values()];
}

// With the number that the place bears on the map.
function header(i, { fromX, fromY }, places, labels) {
  const number = places.findIndex(({ xy }) => Math.hypot(xy[0] - fromX, xy[1] - fromY) < 1e-4);
  if (number < 0) return h("h4", {}, h("b", {}, String(i + 1)));
  const { probability, distance } = places[number];
  const there = labels.map((label) => `${label} ${fixed(probability[label])}`).join(", ");
  const far = distance < 0.05 ? t("way.on_image") : t("way.distance", { d: fixed(distance, 1) });
  return h("h4", { title: t("way.place_long") }, h("b", {}, String(number + 1)), h("span", {}, `${there} · ${far}`));
}

/** The button that leads on. */
export const reviewThese = (samples, options) => h("button", { type: "button", class: "quiet", onclick: () => options.onReview() }, t("map.review", { n: samples.length }));
