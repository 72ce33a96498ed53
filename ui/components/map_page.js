// The map tab: ties the scatter, the details, the generate form and the list of ambiguous pairs together.

import { fill, getJson, h, isShown, isTyping, t } from "./dom.js";
import { GenerateForm } from "./generate_form.js";
import { ahead } from "./map_ahead.js";
import { Details } from "./map_details.js";
import { Scatter } from "./scatter.js";
import { labelColour } from "./scatter_colours.js";
import { landingByLabel } from "./scatter_landing.js";

const SHOWN_PAIRS = 60;
const SHOWN_OF_LASSO = 24;
const RETRY_MS = 2000;

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
    this.scatter = new Scatter(scatter, { onChoose: (what) => this.choose(what), onClear: () => this.clear(), onRecolour: () => this.#recolour() });
    this.details = new Details(details, { colour, onImage: (id) => this.chooseImage(id, true) });
    this.form = new GenerateForm(form, {
      onSamples: (samples) => this.#land(samples),
      onSample: (sample) => this.chooseSample(sample),
      onReview: () => window.kizu.tab("review"),
      onPlaces: (places) => this.#propose(places),
      colour,
    });
  }

  #listen() {
    document.addEventListener("keydown", (event) => {
      if (!isShown(this.element) || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const act = { g: () => this.form.generate(), b: () => this.form.boundary.generate(), m: () => this.details.toggleMask(), escape: () => this.#escape(), l: () => this.scatter.lasso(), 0: () => this.scatter.fit() }[event.key.toLowerCase()];
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
      if (changed && !this.selection) this.#overview();
    }
    this.form.configure(state.ddpm, state.defaults, state.labels, state.pairs[0]?.labels);
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
    if (what.path) return this.choosePath(what.path);
    if (what.lasso) return this.chooseLasso(what.lasso);
    return this.choosePlace(what.place);
  }

  // One step back: what is being drawn, then one image of a lasso, then everything.
  #escape() {
    if (this.scatter.gestures.lasso) this.scatter.lasso(false);
    else if (this.lasso && !this.selection?.lasso) this.chooseLasso(this.lasso);
    else this.clear();
  }

  /** Nothing is selected and everything is bright. */
  clear() {
    this.selection = this.lasso = null;
    this.scatter.choose(null);
    this.#dim(false);
    this.scatter.overlay.clear();
    this.#overview();
    this.form.aim(null);
    this.#markPair(-1);
  }

  // With nothing selected the panel says how reliable the generator is, class by class.
  #overview() {
    this.details.clear(this.state?.samples?.length ? landingByLabel(this.state.labels, this.state.samples) : [], this.state?.notes);
  }

  #dim(on) {
    this.element.classList.toggle("dimmed", on);
  }

  // What every choice begins with: what was chosen before goes, but for the lasso that an image was chosen from.
  #begin(lasso = null) {
    const { overlay } = this.scatter;
    this.lasso = lasso;
    if (!lasso) {
      this.scatter.choose(null);
      overlay.outline = null;
    }
    overlay.path = null;
    overlay.landed = [];
    this.#dim(!lasso);
  }

  // A newer click makes the answer to an older one worthless. While the server does not answer it is asked again.
  async #fetch(selection, start, url) {
    this.selection = selection;
    this.#markPair(selection.pair ?? -1);
    while (this.selection === selection) {
      try {
        const found = await getJson(url);
        if (this.selection !== selection) return null;
        queueMicrotask(() => performance.measure("kizu:details", { start, end: performance.now() }));
        return found;
      } catch (error) {
        if (this.selection !== selection) return null;
        this.details.fail(error.message);
        if (!error.retry) return null;
        await new Promise((done) => setTimeout(done, RETRY_MS));
      }
    }
    return null;
  }

  #point(id) {
    const { points } = this.scatter;
    const row = points.rowOf(id);
    return row === undefined ? null : { x: points.x[row], y: points.y[row], colour: labelColour(this.state, this.state.labels[points.label[row]]) };
  }

  #around(found) {
    return found.neighbours.map((image) => this.#point(image.id)).filter((point) => point);
  }

  async chooseImage(id, move = false, lasso = null) {
    const start = performance.now();
    const point = this.#point(id);
    if (!point) return;
    this.#begin(lasso);
    this.scatter.overlay.place = null;
    this.scatter.overlay.select(point);
    if (move) this.scatter.goTo(point.x, point.y);
    const label = this.state.labels[this.scatter.points.label[this.scatter.points.rowOf(id)]];
    this.form.aim({ image_id: id }, label);
    const image = await this.#fetch({ image: id }, start, `kizu/map/image/${id}`);
    if (!image) return;
    this.details.image(image, lasso && (() => this.chooseLasso(lasso)));
    this.scatter.overlay.select(point, this.#around(image));
  }

  async chooseSample(sample) {
    const start = performance.now();
    const point = { x: sample.x, y: sample.y, colour: labelColour(this.state, sample.label), sample: true };
    const { overlay } = this.scatter, { path } = overlay;
    this.#begin();
    // One of a series is looked at with the series.
    if (path?.series.some(({ x, y }) => x === sample.fromX && y === sample.fromY)) overlay.path = path;
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
    this.#begin();
    const { overlay } = this.scatter;
    overlay.select(null);
    overlay.mark(place);
    this.form.aim({ xy: [place.x, place.y] });
    const found = await this.#fetch({ place }, start, `kizu/map/place?x=${place.x}&y=${place.y}`);
    if (!found) return;
    overlay.mark({ ...place, empty: found.empty });
    overlay.select(null, this.#around(found));
    this.details.place({ ...place, empty: found.empty }, found);
    if (found.neighbours.length) this.form.aim({ xy: [place.x, place.y] }, this.#rarest(this.#near(found)));
  }

  // Generators are asked for the rarer class of those around: that is what the user lacks.
  #rarest(labels) {
    return [...new Set(labels)].sort((a, b) => this.#count(a) - this.#count(b))[0];
  }

  #near = (found) => found.neighbours.slice(0, 4).map((image) => image.label);

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
    this.#begin();
    const { overlay } = this.scatter;
    overlay.select(null);
    const span = ends.map((end) => Math.max(Math.abs(end.x - pair.x), Math.abs(end.y - pair.y)));
    await this.scatter.goTo(pair.x, pair.y, { holding: Math.max(...span) });
    overlay.mark({ x: pair.x, y: pair.y, empty: false, ends });
    this.form.between(...pair.labels);
    this.form.aim({ between: [...pair.ids, 0.5] }, this.#rarest(pair.labels));
    const selection = { pair: index };
    const first = await this.#fetch(selection, start, `kizu/map/image/${pair.ids[0]}`);
    const second = first && (await this.#fetch(selection, start, `kizu/map/image/${pair.ids[1]}`));
    if (second) this.details.pair(first, second, pair.distance);
  }

  /** A way from one end to another, each {image | place, x, y}: samples along it, as a series. */
  async choosePath({ from, to }) {
    const start = performance.now();
    const ends = [from, to].map((end) => (end.image === undefined ? end : { ...end, ...this.#point(end.image) }));
    this.#begin();
    this.scatter.overlay.way(...ends);
    const path = [from.x, from.y, to.x, to.y];
    this.form.aim({ path });
    const selection = { path: ends };
    const found = [];
    for (const { image, x, y } of ends) {
      found.push(await this.#fetch(selection, start, image === undefined ? `kizu/map/place?x=${x}&y=${y}` : `kizu/map/image/${image}`));
      if (!found.at(-1)) return;
    }
    this.details.path(...found);
    this.form.aim({ path }, this.#rarest(found.flatMap((one) => one.label ?? this.#near(one))));
  }

  /** What an outline took in: {rows, samples}. */
  chooseLasso(lasso) {
    const { points, overlay } = this.scatter;
    const { outline } = overlay;
    const counts = new Uint32Array(256);
    for (const row of lasso.rows) counts[points.label[row]]++;
    overlay.circle(outline);
    this.#begin(lasso);
    this.selection = { lasso };
    this.#markPair(-1);
    this.form.aim(null);
    const classes = this.state.labels.map((label, i) => ({ label, count: counts[i], samples: lasso.samples.filter((sample) => sample.label === label).length }));
    const shown = Math.min(SHOWN_OF_LASSO, lasso.rows.length);
    const images = Array.from({ length: shown }, (_, i) => {
      const row = lasso.rows[Math.floor((i * lasso.rows.length) / shown)];
      return { id: points.idOf(row), label: this.state.labels[points.label[row]] };
    });
    this.details.lasso(classes, images, (id) => this.chooseImage(id, false, lasso));
  }

  #recolour() {
    if (!this.state?.projection) return;
    this.#drawPairs();
  }

  // Places where two classes meet, numbered; with none the numbers go.
  #propose(places) {
    if (places.length) {
      this.clear();
      this.scatter.include(places.map(({ xy: [x, y] }) => ({ x, y })));
    }
    this.scatter.overlay.propose(places);
  }

  // ---- samples that have just been made

  async #land(samples) {
    const placed = samples.filter((sample) => sample.x !== null);
    const known = new Set(this.state.samples.map((sample) => sample.id));
    this.state.samples = [...this.state.samples, ...placed.filter((sample) => !known.has(sample.id))];
    await this.scatter.include(placed);
    if (this.selection?.path) this.scatter.overlay.way(...this.selection.path, placed.map((sample) => ({ x: sample.fromX, y: sample.fromY })));
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
