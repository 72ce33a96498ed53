// The lower part of the map's right column: what to make at the chosen place, the button, and what came of it.
// It sends one request at a time; the rest of the page stays free while the worker works.

import { fill, fixed, getJson, h, postJson, t } from "./dom.js";

const MAX_COUNT = 32;
const FIRST_CALL_SECONDS = 4;
const ASK_MS = 500;

/** A notice of an operation, {key, values, text}, in the visitor's language. */
const told = ({ key, values, text }) => (window.kizu.has(`notices.${key}`) ? t(`notices.${key}`, values) : text);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

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
    else if (!this.busy && !this.made) fill(this.progress);
    this.#caption();
  }

  /**
   * Where samples are to go: {image_id}, {xy}, {between} or null for anywhere in the class. What was made for another place goes: it
   * is on the map and in the review. `sample`: the id of one that was chosen; while it is among the results they stay.
   */
  aim(place, label, sample = null) {
    const stay = same(place, this.place) || this.made?.some((one) => one.id === sample);
    if (!stay && !this.busy) this.#forget();
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
    const config = this.#config(), { place } = this;
    const start = performance.now();
    const click = `${start}-${Math.random()}`;
    this.#begin(click, config.count, start);
    try {
      const answer = await postJson("kizu/map/generate", { ...config, click });
      performance.measure("kizu:generate", { start, end: performance.now() });
      if (!this.keepSeed.checked && answer.samples.length) this.seed.value = String((config.seed + answer.samples.length) % 2 ** 31);
      this.#end();
      this.#answer(answer, same(place, this.place));
    } catch (error) {
      this.#end();
      this.#say(h("span", { class: "bad" }, error.message));
    }
  }

  #answer({ samples, seconds, warnings, stopped }, here) {
    const words = stopped ? (samples.length ? t("map.stopped", { n: samples.length }) : t("map.stopped_empty")) : t(here ? "map.made" : "map.made_before", { n: samples.length, s: fixed(seconds, 1) });
    this.#say(h("span", {}, words), ...warnings.map((one) => h("span", { class: "warn" }, told(one))));
    this.made = samples;
    if (samples.length) this.#show(samples);
    if (samples.length && here) this.options.onSamples(samples);
  }

  #begin(click, count, start) {
    this.busy = true;
    this.#caption();
    this.#forget();
    const words = h("span", {}), bar = h("i"), line = h("i", { class: "line" }, bar);
    const stop = h("button", { type: "button", class: "quiet", onclick: () => halt() }, t("map.stop"));
    let state = null;
    const draw = () => {
      const seconds = (performance.now() - start) / 1000;
      const known = state?.total > 0;
      line.classList.toggle("known", known);
      if (known) bar.style.width = `${(100 * state.step) / state.total}%`;
      if (stop.disabled) words.textContent = t("map.stopping");
      else if (known) words.textContent = [t("map.generating_of", { done: state.step, n: count }), state.eta === null ? "" : t("shell.eta", { time: window.kizu.duration(state.eta) })].filter(Boolean).join(", ");
      else words.textContent = t(seconds > FIRST_CALL_SECONDS ? "map.generating_long" : "map.generating", { n: count, s: seconds.toFixed(0) });
    };
    const halt = async () => {
      stop.disabled = true;
      draw();
      try {
        const { stopping } = await postJson("kizu/map/generate/stop", { click });
        // The server may not have begun with the request itself.
        if (!stopping && this.busy) setTimeout(halt, ASK_MS);
      } catch (error) {
        stop.disabled = false;
        window.kizu.say(error.message, true);
      }
    };
    this.#say(words, line, stop);
    draw();
    this.ticker = setInterval(async () => {
      // A question that fails is asked again; the answer to the request itself tells what is wrong.
      if (!document.hidden) state = (await getJson(`kizu/map/generate/progress?click=${encodeURIComponent(click)}`).catch(() => null)) ?? state;
      draw();
    }, ASK_MS);
  }

  #end() {
    clearInterval(this.ticker);
    this.busy = false;
    this.#caption();
  }

  #forget() {
    this.made = null;
    fill(this.results);
    fill(this.progress);
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
