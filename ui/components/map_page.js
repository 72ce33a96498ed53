// The map tab: ties the scatter, the details, the generate form and the list of ambiguous pairs together.

import { fill, getJson, h, isShown, isTyping, t } from "./dom.js";
import { GenerateForm } from "./generate_form.js";
import { ahead } from "./map_ahead.js";
import { Details } from "./map_details.js";
import { Scatter } from "./scatter.js";
import { labelColour } from "./scatter_colours.js";

const SHOWN_PAIRS = 60;

// An ordinary mouse's wheel moves along a list that runs sideways.
function sideways(event) {
  if (event.deltaX || event.shiftKey) return;
  event.currentTarget.scrollLeft += event.deltaY;
  event.preventDefault();
}

class MapPage {
  constructor(element) {
    this.element = element;
    this.state = null;
    this.details = null;
    this.selection = null;
    this.#layout();
    this.#listen();
  }

  #layout() {
    const [scatter, pairs, details, form] = ["scatter", "pairs", "details", "generate"].map((name) => h("section", { class: name }));
    this.pairs = pairs;
    this.empty = h("div", { class: "none loading", role: "status" }, h("p", {}, t("map.loading")));
    fill(this.element, h("div", { class: "left" }, scatter, pairs), h("div", { class: "right" }, details, form), this.empty);
    const colour = (label) => labelColour(this.state, label);
    this.scatter = new Scatter(scatter, { onChoose: (what) => this.choose(what), onRecolour: () => this.#recolour() });
    this.details = new Details(details, { colour, onImage: (id) => this.chooseImage(id, true) });
    this.form = new GenerateForm(form, {
      onSamples: (samples) => this.#land(samples),
      onSample: (sample) => this.chooseSample(sample),
      onReview: () => window.kizu.tab("review"),
    });
  }

  #listen() {
    document.addEventListener("keydown", (event) => {
      if (!isShown(this.element) || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const act = { g: () => this.form.generate(), m: () => this.details.toggleMask(), escape: () => this.clear(), 0: () => this.scatter.fit() }[event.key.toLowerCase()];
      if (!act || event.repeat) return;
      event.preventDefault();
      act();
    });
    // Another map, a new generator, or verdicts given on another tab.
    window.kizu.on("state", (news) => {
      const seen = `${news.projection} ${news.ddpm} ${news.counts?.samples} ${news.counts?.to_review} ${news.counts?.accepted} ${news.counts?.images}`;
      // While another tab is shown nothing is drawn: choosing this one refreshes it.
      if (this.seen !== undefined && this.seen !== seen && isShown(this.element)) this.refresh();
      this.seen = seen;
    });
  }

  /** Loads what has changed: always the state, the points only with another projection. */
  async refresh() {
    if (this.loading) return void (this.again = true);
    this.loading = true;
    try {
      await this.#load();
    } catch (error) {
      this.#nothing(error.message, false);
    } finally {
      this.loading = false;
      if (this.again) {
        this.again = false;
        this.refresh();
      }
    }
  }

  async #load() {
    const before = this.state;
    if (!before) ahead.plotly().catch(() => null); // meanwhile; a failure is told below, where it is needed
    const state = await getJson("kizu/map/state");
    if (!state.projection) return this.#nothing(t(state.images ? "map.no_map" : "map.no_images"), true);
    const sameMap = before?.projection === state.projection;
    if (!sameMap) {
      const [points] = await Promise.all([ahead.points(state.projection), ahead.plotly()]);
      this.state = state;
      this.clear();
      await this.scatter.show(points, state);
    } else {
      this.state = state;
      this.scatter.state = state;
      const changed = JSON.stringify(before.samples) !== JSON.stringify(state.samples);
      if (changed) await this.scatter.setSamples(state.samples);
    }
    this.form.configure(state.ddpm, state.defaults);
    this.#drawPairs();
    this.empty.hidden = true;
    this.element.classList.remove("blank");
  }

  #nothing(words, offerData) {
    this.element.classList.add("blank");
    this.empty.classList.remove("loading");
    const go = h("button", { type: "button", class: "primary", onclick: () => window.kizu.tab("data") }, t("map.go_data"));
    fill(this.empty, h("p", {}, words), offerData ? go : h("button", { type: "button", class: "quiet", onclick: () => this.refresh() }, t("map.retry")));
    this.empty.hidden = false;
  }

  // ---- ambiguous pairs

  #drawPairs() {
    const { pairs } = this.state;
    const waiting = this.state.images - this.state.placed;
    const chip = (pair, index) =>
      h("button", { type: "button", data: { index }, title: t("map.pair_long", { d: pair.distance.toFixed(2) }), onclick: () => this.choosePair(pair, index) },
        h("i", { style: `--c: ${labelColour(this.state, pair.labels[0])}` }), pair.labels[0], h("span", { class: "dash" }, "–"),
        h("i", { style: `--c: ${labelColour(this.state, pair.labels[1])}` }), pair.labels[1], h("b", {}, pair.distance.toFixed(2)));
    fill(this.pairs, h("span", { class: "muted" }, t("map.ambiguous")),
      h("div", { class: "chips", onwheel: sideways }, pairs.length ? pairs.slice(0, SHOWN_PAIRS).map(chip) : h("span", { class: "muted" }, t("map.no_pairs"))),
      waiting > 0 ? h("button", { type: "button", class: "link", onclick: () => window.kizu.tab("data") }, t("map.waiting", { n: waiting })) : null);
    if (this.selection?.pair !== undefined) this.#markPair(this.selection.pair);
  }

  #markPair(index) {
    for (const chip of this.pairs.querySelectorAll(".chips button")) chip.classList.toggle("on", Number(chip.dataset.index) === index);
  }

  // ---- selection

  choose(what) {
    if (what.image !== undefined) return this.chooseImage(what.image);
    if (what.sample) return this.chooseSample(what.sample);
    return this.choosePlace(what.place);
  }

  /** Nothing is selected and everything is bright. */
  clear() {
    this.selection = null;
    this.#dim(false);
    this.scatter.overlay.clear();
    this.details.clear();
    this.form.aim(null);
    this.#markPair(-1);
  }

  #dim(on) {
    this.element.classList.toggle("dimmed", on);
  }

  // A newer click makes the answer to an older one worthless.
  async #fetch(selection, start, url) {
    this.selection = selection;
    this.#markPair(selection.pair ?? -1);
    try {
      const found = await getJson(url);
      if (this.selection !== selection) return null;
      queueMicrotask(() => performance.measure("kizu:details", { start, end: performance.now() }));
      return found;
    } catch (error) {
      if (this.selection === selection) this.details.fail(error.message);
      return null;
    }
  }

  #point(id) {
    const { points } = this.scatter;
    const row = points.rowOf.get(id);
    return row === undefined ? null : { x: points.x[row], y: points.y[row], colour: labelColour(this.state, this.state.labels[points.label[row]]) };
  }

  #around(found) {
    return found.neighbours.map((image) => this.#point(image.id)).filter((point) => point);
  }

  async chooseImage(id, move = false) {
    const start = performance.now();
    const point = this.#point(id);
    if (!point) return;
    this.#dim(true);
    this.scatter.overlay.place = null;
    this.scatter.overlay.select(point);
    if (move) this.scatter.goTo(point.x, point.y);
    const label = this.state.labels[this.scatter.points.label[this.scatter.points.rowOf.get(id)]];
    this.form.aim({ image_id: id }, label);
    const image = await this.#fetch({ image: id }, start, `kizu/map/image/${id}`);
    if (!image) return;
    this.details.image(image);
    this.scatter.overlay.select(point, this.#around(image));
  }

  async chooseSample(sample) {
    const start = performance.now();
    const point = { x: sample.x, y: sample.y, colour: labelColour(this.state, sample.label), sample: true };
    this.#dim(true);
    const { overlay } = this.scatter;
    overlay.place = sample.fromX === null ? null : { x: sample.fromX, y: sample.fromY, empty: false };
    overlay.landed = [{ ...sample, colour: point.colour }];
    overlay.select(point);
    this.scatter.goTo(point.x, point.y);
    this.form.aim({ xy: [sample.x, sample.y] }, sample.label, sample.id);
    const found = await this.#fetch({ sample: sample.id }, start, `kizu/map/sample/${sample.id}`);
    if (!found) return;
    this.details.sample(found);
    overlay.select(point, this.#around(found));
  }

  async choosePlace(place) {
    const start = performance.now();
    this.#dim(true);
    const { overlay } = this.scatter;
    overlay.landed = [];
    overlay.select(null);
    overlay.mark(place);
    this.form.aim({ xy: [place.x, place.y] });
    const found = await this.#fetch({ place }, start, `kizu/map/place?x=${place.x}&y=${place.y}`);
    if (!found) return;
    overlay.mark({ ...place, empty: found.empty });
    overlay.select(null, this.#around(found));
    this.details.place({ ...place, empty: found.empty }, found);
    if (found.neighbours.length) this.form.aim({ xy: [place.x, place.y] }, this.#commonLabel(found));
  }

  // Generators are asked for the rarer class of those around: that is what the user lacks.
  #commonLabel(found) {
    const near = found.neighbours.slice(0, 4).map((image) => image.label);
    return [...new Set(near)].sort((a, b) => this.#count(a) - this.#count(b))[0];
  }

  #count(label) {
    this.labelCounts ??= new Map();
    const { points } = this.scatter;
    if (this.countedPoints !== points) {
      const index = new Array(this.state.labels.length).fill(0);
      for (const slot of points.label) index[slot]++;
      this.labelCounts = new Map(this.state.labels.map((name, i) => [name, index[i]]));
      this.countedPoints = points;
    }
    return this.labelCounts.get(label) ?? 0;
  }

  async choosePair(pair, index) {
    const start = performance.now();
    const ends = pair.ids.map((id) => this.#point(id));
    if (ends.includes(null)) return;
    this.#dim(true);
    const { overlay } = this.scatter;
    overlay.landed = [];
    overlay.select(null);
    const span = ends.map((end) => Math.max(Math.abs(end.x - pair.x), Math.abs(end.y - pair.y)));
    await this.scatter.goTo(pair.x, pair.y, { holding: Math.max(...span) });
    overlay.mark({ x: pair.x, y: pair.y, empty: false, ends });
    const [rarer] = [...pair.labels].sort((a, b) => this.#count(a) - this.#count(b));
    this.form.aim({ between: [...pair.ids, 0.5] }, rarer);
    const selection = { pair: index };
    const first = await this.#fetch(selection, start, `kizu/map/image/${pair.ids[0]}`);
    const second = first && (await this.#fetch(selection, start, `kizu/map/image/${pair.ids[1]}`));
    if (second) this.details.pair(first, second, pair.distance);
  }

  #recolour() {
    if (!this.state?.projection) return;
    this.#drawPairs();
  }

  // ---- samples that have just been made

  async #land(samples) {
    const placed = samples.filter((sample) => sample.x !== null);
    const known = new Set(this.state.samples.map((sample) => sample.id));
    this.state.samples = [...this.state.samples, ...placed.filter((sample) => !known.has(sample.id))];
    await this.scatter.include(placed);
    this.scatter.overlay.land(placed.map((sample) => ({ ...sample, colour: labelColour(this.state, sample.label) })));
    await this.scatter.setSamples(this.state.samples);
  }
}

/** Fetches what the map needs, before its tab is shown. */
export const prepare = () => ahead.prepare();

/** Called once by gradio when the tab is first shown; `watch` tells when Python asks for a refresh. */
export function mount(element, watch) {
  const page = new MapPage(element);
  page.refresh();
  watch("value", () => page.refresh());
  return page;
}
