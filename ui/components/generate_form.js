// The lower part of the map's right column: what to make at the chosen place, along a path or where two classes meet, the buttons,
// and what came of it. It sends one request at a time; the rest of the page stays free while the worker works.

import { BoundaryForm } from "./boundary_form.js";
import { fill, fixed, h, t } from "./dom.js";
import { Run } from "./generate_run.js";
import { groups, reviewThese, rows, series } from "./way_results.js";

const MAX_COUNT = 32;
const AUTO = "auto";

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

export class GenerateForm {
  /** options: onSamples(samples), onSample(sample), onReview(), onPlaces(places), colour(label). */
  constructor(root, options) {
    this.options = options;
    this.place = null;
    this.ready = false;
    this.labels = [];
    this.label = h("select", { "aria-label": t("map.label"), onchange: () => this.#caption() });
    this.count = this.#number(8, 1, MAX_COUNT);
    this.seed = this.#number(0, 0, 2 ** 31 - 1);
    this.steps = this.#number(12, 1, 200);
    this.keepSeed = h("input", { type: "checkbox" });
    this.labelGuidance = this.#slider();
    this.positionGuidance = this.#slider();
    this.steering = this.#slider(2);
    this.button = h("button", { type: "button", class: "primary", onclick: () => this.generate() });
    const progress = h("div", { class: "progress", role: "status" });
    this.run = new Run(progress, () => this.#caption());
    const meeting = h("details", {});
    this.boundary = new BoundaryForm(meeting, this.run, {
      onPlaces: (places) => options.onPlaces(places),
      missing: () => this.#missing(),
      generate: (config, places) => this.#make(config, (samples) => groups(samples, places, config.boundary, options)),
    });
    this.results = h("div", { class: "results" });
    this.#layout(root, meeting, progress);
    // Their defaults come with the first map: until then nothing is typed that these would overwrite.
    this.defaulted = { count: this.count, steps: this.steps, label_guidance: this.labelGuidance.input, position_guidance: this.positionGuidance.input, steering: this.steering.input };
    for (const input of Object.values(this.defaulted)) input.disabled = true;
    this.#caption();
  }

  #number(value, min, max) {
    return h("input", { type: "number", value: String(value), min: String(min), max: String(max), step: "1", oninput: () => this.#caption() });
  }

  #slider(max = 4) {
    const output = h("output", {}, "1.0");
    const input = h("input", { type: "range", min: "0", max: String(max), step: "0.1", value: "1" });
    input.oninput = () => (output.textContent = Number(input.value).toFixed(1));
    return { input, output };
  }

  #layout(root, meeting, progress) {
    const field = (name, ...inputs) => h("label", { class: "field" }, h("span", {}, name), ...inputs);
    const slide = (name, title, { input, output }) => h("label", { class: "field slide", title: t(title) }, h("span", {}, name, output), input);
    const again = h("label", { class: "check" }, this.keepSeed, t("map.keep_seed"));
    fill(
      root,
      h("div", { class: "row first" }, field(t("map.label"), this.label), field(t("map.count"), this.count), field(t("map.seed"), this.seed)),
      h("div", { class: "row" }, slide(t("map.label_guidance"), "map.guidance_long", this.labelGuidance), slide(t("map.position_guidance"), "map.guidance_long", this.positionGuidance)),
      h("details", {}, h("summary", {}, t("map.more")), h("div", { class: "row" }, field(t("map.steps"), this.steps), slide(t("map.steering"), "map.steering_long", this.steering), again)),
      this.button,
      meeting,
      progress,
      this.results,
    );
  }

  /** What the generator knows, `null` where none is trained yet; the operation's own defaults; the labels of the map and two of them that meet. */
  configure(generator, defaults, labels, pair) {
    const shared = generator ? generator.labels.filter((label) => labels.includes(label)) : [];
    this.ready = shared.length > 0;
    this.stranger = generator && !this.ready ? generator.labels : null;
    this.labels = this.ready ? shared : labels;
    this.#options();
    this.boundary.configure(this.labels, this.ready, pair);
    if (!this.configured && defaults) {
      for (const [name, input] of Object.entries(this.defaulted)) {
        input.value = defaults[name];
        input.disabled = false;
        input.oninput();
      }
      this.configured = true;
      this.#attach();
    }
    // Only when it has changed: the map is configured anew whenever samples arrive, and what was said of them stays.
    const missing = JSON.stringify([this.ready, this.stranger]);
    if (missing !== this.told && !this.run.busy && !this.made) {
      this.told = missing;
      this.run.say(this.#missing());
    }
    this.#caption();
  }

  // A page loaded anew shows what the one before asked for, and its button waits.
  async #attach() {
    const how = await this.run.attach();
    if (how) this.run.say(h("span", {}, t(how === "done" ? "map.made_reloaded" : "map.interrupted")));
  }

  // Without a generator: what to do next. It stays said, whatever is chosen.
  #missing() {
    return this.ready ? [] : h("span", {}, this.stranger ? t("map.other_labels", { labels: this.stranger.join(", ") }) : t("map.no_generator"), " ", h("button", { type: "button", class: "link", onclick: () => window.kizu.tab("train") }, t("map.go_train")));
  }

  // Along a path the label can be left to each place; a class of that name keeps its own meaning.
  #options() {
    const chosen = this.label.value;
    const auto = this.place?.path && !this.labels.includes(AUTO) && this.labels.length > 1;
    const named = this.labels.map((label) => h("option", { value: label }, label));
    fill(this.label, auto ? h("option", { value: AUTO }, t("way.auto")) : null, named);
    if ([...this.label.options].some((option) => option.value === chosen)) this.label.value = chosen;
    return auto;
  }

  /**
   * Where samples are to go: {image_id}, {xy}, {between}, {path: [x0, y0, x1, y1]} or null for anywhere in the class. What was made
   * for another place goes: it is on the map and in the review. `sample`: the id of one that was chosen; while it is among the
   * results they stay.
   */
  aim(place, label, sample = null) {
    const stay = same(place, this.place) || this.made?.some((one) => one.id === sample);
    if (!stay && !this.run.busy) this.#forget();
    if (!place) this.boundary.forget();
    this.#choose(place, label);
    if (place?.path) this.boundary.root.open = false; // the way's results need the height
    this.#caption();
  }

  // A path begins with the label left to the place; when it goes, the label that was chosen before comes back.
  #choose(place, label) {
    const before = this.place, was = this.label.value;
    this.place = place;
    const auto = this.#options();
    if (auto && !before?.path) [this.labelBefore, this.label.value] = [was, AUTO];
    else if (!auto && was === AUTO && this.labelBefore !== undefined) this.label.value = this.labelBefore;
    if (!auto && label && this.labels.includes(label)) this.label.value = label;
  }

  /** The two classes that the visitor is looking at, for the boundary. */
  between(first, second) {
    this.boundary.between(first, second);
  }

  #caption() {
    const count = Number(this.count.value) || 0;
    const path = this.place?.path;
    const key = path ? "way.generate_path" : this.place ? "map.generate_here" : "map.generate_anywhere";
    fill(this.button, h("span", {}, t(key, { n: count, label: this.label.value || "–" })), h("kbd", {}, "G"));
    this.button.disabled = this.run.busy || !this.ready || !this.label.value || count < (path ? 2 : 1);
    this.boundary.caption(count);
  }

  #config() {
    return {
      label: this.label.value,
      count: Math.min(MAX_COUNT, Math.round(Number(this.count.value))),
      seed: Math.round(Number(this.seed.value)),
      steps: Math.round(Number(this.steps.value)),
      label_guidance: Number(this.labelGuidance.input.value),
      position_guidance: Number(this.positionGuidance.input.value),
      steering: Number(this.steering.input.value),
    };
  }

  /** Makes the samples at the chosen place or along the path; does nothing while others are being made. */
  async generate() {
    if (this.button.disabled) return;
    await this.#make(this.place ?? {}, this.place?.path ? (samples) => series(samples, this.options) : (samples) => rows(samples, this.options));
  }

  // asked: the place, and what else of the config is not as the fields say. draw(samples) -> element.
  async #make(asked, draw) {
    const config = { ...this.#config(), ...asked }, { place } = this;
    this.#forget();
    try {
      const answer = await this.run.generate(config);
      const used = config.path ? 1 : answer.samples.length;
      if (!this.keepSeed.checked && answer.samples.length) this.seed.value = String((config.seed + used) % 2 ** 31);
      this.#answer(answer, same(place, this.place), config, draw);
    } catch (error) {
      this.run.fail(error);
    }
  }

  #answer({ samples, seconds, warnings, stopped }, here, config, draw) {
    const key = here ? (config.path ? "way.made" : config.boundary ? "way.made_boundary" : "map.made") : "map.made_before";
    const words = stopped ? (samples.length ? t("map.stopped", { n: samples.length }) : t("map.stopped_empty")) : t(key, { n: samples.length, s: fixed(seconds, 1) });
    // What a row of results says itself need not be said twice.
    this.run.say(h("span", {}, words), warnings.filter((one) => one.key !== "no_classifier"));
    this.made = samples;
    if (samples.length) {
      fill(this.results, draw(samples), reviewThese(samples, this.options));
      // On a low screen the form scrolls. A plot has its height when its width is known.
      requestAnimationFrame(() => requestAnimationFrame(() => this.results.scrollIntoView({ block: "nearest" })));
    }
    if (samples.length && here) this.options.onSamples(samples);
  }

  #forget() {
    this.made = null;
    fill(this.results);
    this.run.say(this.#missing());
  }
}
