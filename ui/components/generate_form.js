// The lower part of the map's right column: what to make at the chosen place, the button, and what came of it.
// It sends one request at a time; the rest of the page stays free while the worker works.

import { fill, fixed, h, postJson, t } from "./dom.js";

const MAX_COUNT = 32;
const FIRST_CALL_SECONDS = 4;

export class GenerateForm {
  /** options: onSamples(samples), onSample(sample), onReview(), colour(label). */
  constructor(root, options) {
    this.options = options;
    this.place = null;
    this.busy = false;
    this.ready = false;
    this.label = h("select", { "aria-label": t("map.label"), onchange: () => this.#caption() });
    this.count = this.#number(8, 1, MAX_COUNT);
    this.seed = this.#number(0, 0, 2 ** 31 - 1);
    this.steps = this.#number(12, 1, 200);
    this.keepSeed = h("input", { type: "checkbox" });
    this.labelGuidance = this.#slider();
    this.positionGuidance = this.#slider();
    this.button = h("button", { type: "button", class: "primary", onclick: () => this.generate() });
    this.progress = h("div", { class: "progress", role: "status" });
    this.results = h("div", { class: "results" });
    this.#layout(root);
    this.#caption();
  }

  #number(value, min, max) {
    return h("input", { type: "number", value: String(value), min: String(min), max: String(max), step: "1", oninput: () => this.#caption() });
  }

  #slider() {
    const output = h("output", {}, "1.0");
    const input = h("input", { type: "range", min: "0", max: "4", step: "0.1", value: "1" });
    input.oninput = () => (output.textContent = Number(input.value).toFixed(1));
    return { input, output };
  }

  #layout(root) {
    const field = (name, ...inputs) => h("label", { class: "field" }, h("span", {}, name), ...inputs);
    const guidance = (name, { input, output }) => h("label", { class: "field slide", title: t("map.guidance_long") }, h("span", {}, name, output), input);
    const again = h("label", { class: "check" }, this.keepSeed, t("map.keep_seed"));
    fill(
      root,
      h("div", { class: "row first" }, field(t("map.label"), this.label), field(t("map.count"), this.count), field(t("map.seed"), this.seed)),
      h("div", { class: "row" }, guidance(t("map.label_guidance"), this.labelGuidance), guidance(t("map.position_guidance"), this.positionGuidance)),
      h("details", {}, h("summary", {}, t("map.more")), h("div", { class: "row" }, field(t("map.steps"), this.steps), again)),
      this.button,
      this.progress,
      this.results,
    );
  }

  /** Labels that the generator knows and the operation's own defaults; `null` where no generator is trained yet. */
  configure(generator, defaults) {
    this.ready = Boolean(generator);
    const chosen = this.label.value;
    fill(this.label, (generator?.labels ?? []).map((label) => h("option", { value: label }, label)));
    if (chosen) this.label.value = chosen;
    if (!this.configured && defaults) {
      this.count.value = defaults.count;
      this.steps.value = defaults.steps;
      for (const [slider, value] of [[this.labelGuidance, defaults.label_guidance], [this.positionGuidance, defaults.position_guidance]]) {
        slider.input.value = value;
        slider.input.oninput();
      }
      this.configured = true;
    }
    if (!this.ready && !this.busy) this.#say(h("span", {}, t("map.no_generator"), " ", h("button", { type: "button", class: "link", onclick: () => window.kizu.tab("train") }, t("map.go_train"))));
    else if (!this.busy && !this.results.childElementCount) fill(this.progress);
    this.#caption();
  }

  /** Where samples are to go: {image_id}, {xy}, {between} or null for anywhere in the class. */
  aim(place, label) {
    this.place = place;
    if (label && [...this.label.options].some((option) => option.value === label)) this.label.value = label;
    this.#caption();
  }

  #caption() {
    const count = Number(this.count.value) || 0;
    const words = this.place ? t("map.generate_here", { n: count }) : t("map.generate_anywhere", { n: count, label: this.label.value || "–" });
    fill(this.button, h("span", {}, words), h("kbd", {}, "G"));
    this.button.disabled = this.busy || !this.ready || !this.label.value || count < 1;
  }

  #config() {
    return {
      label: this.label.value,
      count: Math.min(MAX_COUNT, Math.round(Number(this.count.value))),
      seed: Math.round(Number(this.seed.value)),
      steps: Math.round(Number(this.steps.value)),
      label_guidance: Number(this.labelGuidance.input.value),
      position_guidance: Number(this.positionGuidance.input.value),
      ...this.place,
    };
  }

  /** Makes the samples; does nothing while others are being made. */
  async generate() {
    if (this.button.disabled) return;
    const config = this.#config();
    const start = performance.now();
    this.#begin(config.count, start);
    try {
      const { samples, seconds, warnings } = await postJson("kizu/map/generate", config);
      performance.measure("kizu:generate", { start, end: performance.now() });
      if (!this.keepSeed.checked) this.seed.value = String((config.seed + config.count) % 2 ** 31);
      this.#say(h("span", {}, t("map.made", { n: samples.length, s: fixed(seconds, 1) })), ...warnings.map((words) => h("span", { class: "warn" }, words)));
      this.#show(samples);
      this.options.onSamples(samples);
    } catch (error) {
      this.#say(h("span", { class: "bad" }, error.message));
    } finally {
      clearInterval(this.ticker);
      this.busy = false;
      this.progress.classList.remove("busy");
      this.#caption();
    }
  }

  #begin(count, start) {
    this.busy = true;
    this.progress.classList.add("busy");
    this.#caption();
    const tick = () => {
      const seconds = (performance.now() - start) / 1000;
      const key = seconds > FIRST_CALL_SECONDS ? "map.generating_long" : "map.generating";
      this.#say(h("span", {}, t(key, { n: count, s: seconds.toFixed(0) })), h("i", { class: "line" }));
    };
    fill(this.results);
    tick();
    this.ticker = setInterval(tick, 500);
  }

  #say(...content) {
    fill(this.progress, ...content);
  }

  #show(samples) {
    const one = (sample) =>
      h("button", { type: "button", title: t("map.landing_of", { error: fixed(sample.error) }), data: { id: sample.id }, onclick: () => this.options.onSample(sample) },
        h("img", { src: `kizu/thumb/sample/${sample.id}?v=${sample.version}`, alt: sample.label }),
        h("span", {}, Number.isFinite(sample.error) ? `${fixed(sample.error, 1)}×` : "–"));
    fill(this.results, h("div", { class: "thumbs" }, samples.map(one)),
      h("button", { type: "button", class: "quiet", onclick: () => this.options.onReview() }, t("map.review", { n: samples.length })));
  }
}
