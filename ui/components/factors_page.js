// The tab Factors. Left: the picture that the sliders make, the photograph it began with, and every dimension's travel. Right: the sliders, and a series
// along the chosen one. At the foot the workspace's images.

import { choices, fill, fixed, getJson, h, isShown, isTyping, postJson, t } from "./dom.js";
import { FactorSliders } from "./factor_sliders.js";
import { Run } from "./generate_run.js";
import { ImageStrip } from "./image_strip.js";

const LAST = "kizu-factors"; // what was set, through a reload
const TRAVEL = 9; // pictures in a row of the traversal, from -2 to 2
const png = (base64) => `data:image/png;base64,${base64}`;

class FactorsPage {
  constructor(element) {
    this.element = element;
    this.#layout();
    document.addEventListener("keydown", (event) => this.#key(event));
    window.kizu.on("state", (news) => {
      const seen = `${news.counts?.images} ${news.models}`;
      if (this.seen !== undefined && this.seen !== seen && isShown(element)) this.refresh();
      this.seen = seen;
    });
  }

  #layout() {
    const [stage, travel, images, controls, progress, made] = ["stage", "travel", "images", "form", "progress", "made"].map((name) => h("section", { class: name }));
    progress.setAttribute("role", "status");
    this.made = made;
    this.empty = h("div", { class: "none", role: "status" }, h("p", {}, t("factors.loading")));
    fill(this.element, h("div", { class: "left" }, h("div", { class: "work" }, stage, travel), images), h("div", { class: "right" }, controls, progress, made), this.empty);
    this.source = h("img", { alt: t("factors.photograph"), draggable: false });
    this.picture = h("img", { alt: t("factors.picture"), draggable: false });
    this.name = h("b", {});
    this.begun = h("figure", { hidden: true }, this.source, h("figcaption", {}, this.name));
    this.trouble = h("p", { class: "bad", role: "status" });
    fill(stage, this.begun, h("figure", { class: "large" }, this.picture, h("figcaption", {}, t("factors.picture"), this.trouble)));
    this.rows = h("div", { class: "rows" });
    this.sheet = h("img", { alt: t("factors.travel"), draggable: false, onclick: (event) => this.#take(event) });
    fill(travel, h("div", { class: "sheet" }, this.rows, this.sheet), h("p", { class: "muted" }, t("factors.travel_long")));
    this.images = new ImageStrip(images, { onChoose: (image) => this.#open(image) });
    this.run = new Run(progress, () => this.#ready(), "kizu/factors/series");
    this.#controls(controls);
  }

  #controls(root) {
    this.model = h("select", { onchange: () => this.#choose(Number(this.model.value)) });
    this.sliders = new FactorSliders({ onMove: () => this.#moved(false), onRest: () => this.#moved(true), onChoose: () => this.#ready() });
    this.label = h("select", { onchange: () => this.#keep() });
    const number = (name, value, limits) => (this[name] = h("input", { type: "number", value, ...limits, oninput: () => this.#ready() }));
    const field = (key, input) => h("label", { class: "field", title: t(`factors.${key}_long`) }, h("span", {}, t(`factors.${key}`)), input);
    this.back = h("button", { type: "button", class: "link", onclick: () => this.#reset() });
    this.middle = h("button", { type: "button", class: "link", onclick: () => this.#begin() }, t("factors.middle"));
    this.grain = h("input", { type: "checkbox", checked: true, onchange: () => this.#moved(true) });
    this.grainy = h("label", { class: "check", title: t("factors.grain_long"), hidden: true }, this.grain, t("factors.grain"));
    this.go = h("button", { type: "button", class: "primary", onclick: () => this.series() });
    this.along = h("h2", {});
    fill(root, field("model", this.model), this.sliders.element, h("div", { class: "starts" }, this.back, this.middle), this.grainy, this.along,
      h("div", { class: "trio" }, field("low", number("low", "0", { min: "-10", max: "10", step: "0.01" })), field("high", number("high", "2", { min: "-10", max: "10", step: "0.01" })), field("count", number("count", "8", { min: "1", max: "32", step: "1" }))),
      field("label", this.label), this.go);
  }

  // ---- loading

  /** Reads what there is. What was set stays. */
  async refresh() {
    try {
      const [{ images, labels }, state] = await Promise.all([getJson("kizu/data/images"), getJson("kizu/factors/state")]);
      if (!images.length) return this.#nothing(t("inpaint.no_images"), "data");
      if (!state.models.length) return this.#nothing(t("factors.no_model"), "train");
      const first = !this.state;
      this.state = state;
      this.images.set(images, labels);
      choices(this.label, labels.map(({ name }) => [name, name]));
      choices(this.model, state.models.map((model) => [model.id, t(model.added ? "factors.student" : "factors.teacher", { id: model.id, label: model.label || t("factors.all"), n: model.dimensions })]));
      this.empty.hidden = true;
      const kept = first ? JSON.parse(sessionStorage.getItem(LAST) ?? "null") : null;
      if (kept && state.models.some(({ id }) => id === kept.model)) await this.#recall(kept);
      else if (this.chosen?.id !== Number(this.model.value)) await this.#choose(Number(this.model.value));
      if (first) this.#restore();
    } catch (error) {
      this.#nothing(error.message, null);
    }
    this.#ready();
  }

  // What was asked for before the page was loaded anew is waited for, and its samples stand here again.
  async #restore() {
    const how = await this.run.attach(), { last } = how ? await getJson("kizu/factors/state") : this.state;
    if (!this.run.busy) this.#show(last);
  }

  #nothing(words, tab) {
    const act = tab ? () => window.kizu.tab(tab) : () => this.refresh();
    fill(this.empty, h("p", {}, words), h("button", { type: "button", class: "primary", onclick: act }, t(tab ? `map.go_${tab}` : "map.retry")));
    this.empty.hidden = false;
  }

  #keep() {
    const { chosen, image, sliders, label, low, high, count } = this;
    if (chosen) sessionStorage.setItem(LAST, JSON.stringify({ model: chosen.id, image: image?.id, z: sliders.values, dimension: sliders.chosen, label: label.value, grain: this.grain.checked, low: low.value, high: high.value, count: count.value }));
  }

  async #recall({ model, image, z, dimension, label, grain, ...numbers }) {
    this.grain.checked = grain ?? true;
    this.model.value = String(model);
    if ([...this.label.options].some(({ value }) => value === label)) this.label.value = label;
    this.images.choose(image, false);
    await this.#choose(model, this.images.get(image) ?? null);
    for (const [name, value] of Object.entries(numbers)) this[name].value = value;
    if (z.length === this.chosen.dimensions) this.sliders.set(z);
    this.sliders.choose(dimension);
    this.#moved(true);
  }

  // ---- where the sliders begin

  // Another model reads the same photograph again.
  #choose(id, image = this.image) {
    this.chosen = this.state.models.find((model) => model.id === id);
    const { dimensions, added, usual } = this.chosen;
    this.wish = null; // the other model's values are none of this one's
    this.sliders.build(dimensions, added, usual);
    // A student is there for its new dimensions.
    this.sliders.choose(added ? dimensions : 1);
    if (usual.length) [this.low.value, this.high.value] = usual.at(-1).map((at) => at.toFixed(2));
    fill(this.rows, this.sliders.numbers());
    return this.#begin(image);
  }

  #open(image) {
    if (this.image?.id !== image.id) this.#begin(image);
  }

  /** The sliders begin at a photograph's factors, or at the middle of all. */
  async #begin(image = null) {
    const asked = (this.asked = Symbol("begin"));
    this.trouble.textContent = "";
    this.reading = true;
    this.#ready();
    try {
      const found = await postJson("kizu/factors/encode", { image_id: image?.id ?? null, model_id: this.chosen.id });
      if (asked !== this.asked) return;
      this.image = image;
      this.begun.hidden = this.grainy.hidden = !image;
      if (image) [this.source.src, this.name.textContent] = [png(found.source), image.name];
      this.sliders.begin(found.z, image ? found.spread : null);
      this.reading = false;
      this.#moved(true);
    } catch (error) {
      if (asked !== this.asked) return;
      this.trouble.textContent = error.message;
      this.reading = false;
      this.#ready();
    }
  }

  #reset() {
    this.sliders.reset();
    this.#moved(true);
  }

  // ---- drawing

  // While one picture is on its way only the newest wish is kept. The traversal follows when a slider is let go.
  async #moved(rest) {
    const over = this.image && this.grain.checked ? this.image.id : null;
    this.wish = { z: this.sliders.values, over, grid: rest || (this.wish?.grid ?? false) };
    this.#ready();
    if (this.drawing) return;
    this.drawing = true;
    while (this.wish) {
      const { z, over, grid } = this.wish, model = this.chosen;
      this.wish = null;
      const start = performance.now();
      try {
        const found = await postJson("kizu/factors/decode", { z, grid, over_id: over, model_id: model.id });
        if (model !== this.chosen) continue;
        this.picture.src = png(found.picture);
        if (grid) this.sheet.src = png(found.grid);
        this.trouble.textContent = "";
        performance.measure("kizu:slider", { start, end: performance.now() });
      } catch (error) {
        this.trouble.textContent = error.message;
      }
    }
    this.drawing = false;
  }

  // A picture of the traversal is a value of its dimension.
  #take(event) {
    const box = this.sheet.getBoundingClientRect();
    const row = Math.min(this.chosen.dimensions - 1, Math.floor(((event.clientY - box.top) / box.height) * this.chosen.dimensions));
    const column = Math.min(TRAVEL - 1, Math.floor(((event.clientX - box.left) / box.width) * TRAVEL));
    this.sliders.choose(row + 1);
    this.sliders.move(row + 1, -2 + (4 * column) / (TRAVEL - 1));
    this.#moved(true);
  }

  // ---- a series

  /** Samples along the chosen dimension, from the sliders' other values. */
  async series() {
    if (this.run.busy || this.go.disabled) return;
    const { sliders } = this;
    // Samples know the photograph that their sliders began with, however far these were moved.
    const config = { image_ids: this.image ? [this.image.id] : [], z: sliders.values, keep_grain: this.grain.checked, model_id: this.chosen.id, dimension: sliders.chosen, low: Number(this.low.value), high: Number(this.high.value), count: Math.round(Number(this.count.value)), label: this.label.value };
    try {
      const { samples, seconds } = await this.run.generate(config);
      this.run.say(h("span", {}, t("variations.made", { n: samples.length, s: seconds.toFixed(1) })));
      this.#show(samples);
    } catch (error) {
      this.run.fail(error);
    }
  }

  #show(samples) {
    if (!samples.length) return;
    const [{ dimension, label }] = samples;
    const figure = (sample) => h("figure", { data: { id: sample.id } }, h("img", { src: `kizu/sample/${sample.id}?v=${sample.version}`, alt: sample.label, draggable: false }), h("figcaption", {}, fixed(sample.value)));
    fill(this.made, h("h2", {}, t("factors.made_along", { n: dimension, label }), h("button", { type: "button", class: "link", onclick: () => window.kizu.tab("review") }, t("map.review", { n: samples.length }))),
      h("div", { class: "grid" }, samples.map(figure)));
  }

  #ready() {
    if (!this.chosen) return;
    const { sliders } = this, count = Math.round(Number(this.count.value)) || 0;
    for (const row of this.rows.children) row.setAttribute("aria-pressed", String(Number(row.dataset.dimension) === sliders.chosen));
    this.along.textContent = t("factors.along", { n: sliders.chosen });
    this.back.textContent = t(this.image ? "factors.back" : "factors.back_middle");
    this.back.disabled = sliders.untouched;
    this.middle.hidden = !this.image;
    fill(this.go, h("span", {}, t("factors.generate", { n: count })), h("kbd", {}, "G"));
    const values = [this.low, this.high].map((input) => (input.value === "" ? NaN : Number(input.value)));
    // Until a photograph is read the sliders are another's.
    this.go.disabled = this.run.busy || this.reading || count < 1 || count > 32 || !this.label.value || !values.every((value) => Math.abs(value) <= 10);
    this.#keep();
  }

  #key(event) {
    if (!isShown(this.element) || !this.chosen || event.defaultPrevented || isTyping(event) || event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
    const digit = Number(event.key);
    const act = { g: () => this.series(), 0: () => this.#reset(), arrowleft: () => this.images.step(-1), arrowright: () => this.images.step(1) }[event.key.toLowerCase()] ?? (digit >= 1 && digit <= this.chosen.dimensions ? () => this.sliders.choose(digit, true) : null);
    // On a slider the arrows move it.
    if (!act || (event.key.startsWith("Arrow") && event.target.closest("input"))) return;
    event.preventDefault();
    act();
  }
}

/** Called once by gradio when the tab is first shown; `watch` tells when Python asks for a refresh. */
export function mount(element, watch) {
  const page = new FactorsPage(element);
  page.refresh();
  watch("value", () => page.refresh());
  return page;
}
