// The form beside the canvas: what to draw into the mask, how strongly, with which model, on this image or on many. It makes the config of
// `redraw` or of `redraw_batch` and knows no canvas; the crop and the results are the page's.

import { choices, fill, h, t } from "./dom.js";
import { Run } from "./generate_run.js";
import { LoraFields } from "./lora_fields.js";
import { BatchFields } from "./redraw_batch.js";
import { sigmaOf, stepOf } from "./strength.js";

const MOST_COUNT = 32;
const MODES = { image: 4, batch: 100 }; // and how many samples each begins with
const PRESETS = [["good", 0.2], ["defect", 0.4], ["all", 1]];
const SAMPLERS = { dpmpp_2m_karras: "DPM++ 2M Karras", dpmpp_2m_sde_karras: "DPM++ 2M SDE Karras", euler: "Euler", euler_a: "Euler a", unipc: "UniPC" };
const OTHER = "other"; // a model that is named by a path or a Hub id
const SUITED = ["steps", "guidance", "sampler"]; // what suits one model does not suit another
const ASKING_SECONDS = 2;
const NUMBERS = ["steps", "guidance", "count", "seed", "padding", "feather_px"];

/** What is said while a named model is looked at: the bytes of one that comes from the Hub. */
function fetchWords({ step, total }, count, seconds) {
  const megabytes = (bytes) => window.kizu.number(Math.ceil(bytes / 1e6));
  if (total > 0) return t("inpaint.fetching_of", { done: megabytes(step), n: megabytes(total) });
  return seconds < ASKING_SECONDS ? t("inpaint.looking") : t("inpaint.asking_hub", { s: seconds.toFixed(0) });
}

export class RedrawForm {
  /** options: onCrop() when what the model sees may have changed, onAim() when something else is to be drawn, on this image or on many, onGenerate(), image() that is open. */
  constructor(root, options) {
    this.options = options;
    const change = () => this.#changed();
    this.modes = Object.fromEntries(Object.keys(MODES).map((name) => [name, h("button", { type: "button", onclick: () => this.#choose(name) }, t(`inpaint.mode_${name}`))]));
    this.batch = new BatchFields(() => (this.options.onAim(), this.#changed()));
    this.counts = { ...MODES };
    this.kept = {}; // by the model's id, what stands in the fields of SUITED
    this.label = h("select", { onchange: () => options.onAim() });
    this.model = h("select", { onchange: () => this.#chosen() });
    this.named = h("input", { type: "text", spellcheck: "false", placeholder: t("inpaint.named_hint"), "aria-label": t("inpaint.named"), hidden: true, onchange: () => this.#look() });
    this.area = Object.fromEntries(["mask", "whole"].map((name) => [name, h("button", { type: "button", onclick: () => this.#aimAt(name) }, t(`inpaint.area_${name}`))]));
    this.fetching = h("div", { class: "progress" });
    this.fetch = new Run(this.fetching, () => (this.named.disabled = this.fetch.busy), "kizu/inpaint/model", fetchWords);
    this.loras = new LoraFields((lora) => this.#useLora(lora), () => (this.blame(""), this.#changed()));
    this.sampler = h("select", {});
    this.prompt = h("textarea", { rows: 2, spellcheck: "false" });
    this.negative_prompt = h("input", { type: "text", spellcheck: "false" });
    this.steps = number(1, 200, 1, change);
    this.guidance = number(0, 30, 0.5, change);
    this.count = number(1, MOST_COUNT, 1, change);
    this.seed = number(0, 2 ** 31 - 1, 1);
    this.seed.setAttribute("aria-label", t("inpaint.seed"));
    this.feather_px = number(0, 256, 1, () => options.onCrop());
    this.padding = number(0, 8, 0.1, () => options.onCrop());
    this.match_colour = h("input", { type: "checkbox" });
    this.keepSeed = h("input", { type: "checkbox" });
    this.strength = h("input", { type: "range", min: "0.02", max: "1", step: "0.01", value: "0.4", "aria-label": t("inpaint.strength"), oninput: () => this.#strength(Number(this.strength.value)) });
    this.sigma = h("input", { type: "number", class: "sigma", min: "0.03", max: "14.6", step: "any", "aria-label": "sigma", onchange: () => this.#strength(stepOf(Number(this.sigma.value) || 0.03) / 1000, true) });
    this.also = h("small", {});
    this.note = h("div", { class: "note", role: "status" });
    this.button = h("button", { type: "button", class: "primary", onclick: () => options.onGenerate() });
    this.#layout(root);
    this.#strength(0.4);
    this.#takeAfter(null);
    this.#aimAt("mask");
    this.#choose("image");
  }

  #layout(root) {
    const field = (key, input, more = null) => h("label", { class: "field", title: has(`inpaint.${key}_long`) }, h("span", {}, t(`inpaint.${key}`), more), input);
    const presets = PRESETS.map(([name, strength]) => h("button", { type: "button", data: { strength }, onclick: () => this.#strength(strength) }, t(`inpaint.preset_${name}`)));
    this.presets = presets;
    this.words = h("div", { class: "words" }, field("prompt", this.prompt), field("negative_prompt", this.negative_prompt));
    this.reference = h("div", { class: "reference", title: t("inpaint.reference_long") });
    this.segments = h("div", { class: "segments", title: t("inpaint.area_long") }, Object.values(this.area));
    fill(root,
      h("div", { class: "segments modes", role: "group", "aria-label": t("inpaint.mode") }, Object.values(this.modes)),
      h("div", { class: "two" }, field("label", this.label), field("model", this.model)),
      this.named,
      this.fetching,
      this.batch.root,
      this.words,
      this.reference,
      this.loras.root,
      h("div", { class: "field strength", title: t("inpaint.strength_long") },
        h("span", {}, t("inpaint.strength"), h("span", { class: "values" }, this.also, h("label", {}, "σ ", this.sigma))), this.strength, h("div", { class: "segments" }, presets)),
      h("div", { class: "four" }, field("sampler", this.sampler), field("steps", this.steps), field("guidance", this.guidance)),
      h("div", { class: "area" }, field("padding", this.padding), field("feather_px", this.feather_px), this.segments,
        h("label", { class: "check", title: t("inpaint.match_colour_long") }, this.match_colour, t("inpaint.match_colour"))),
      h("div", { class: "four" }, field("seed", this.seed, h("label", { class: "keep", title: t("map.keep_seed") }, this.keepSeed, t("inpaint.keep"))), field("count", this.count), this.button),
      this.note);
  }

  /** What there is to choose from: {labels, models, loras, samplers, defaults, demo, batch} as the server tells; what was typed stays. */
  configure({ labels, models, loras, samplers, defaults, demo, batch }) {
    this.models = [...models, ...(this.models ?? []).filter(({ other }) => other)];
    this.batch.configure(batch);
    this.labels = labels;
    this.loras.configure(loras ?? []);
    choices(this.model, [...models.map(({ id, name }) => [id, window.kizu.has(`inpaint.model_${id}`) ? t(`inpaint.model_${id}`) : name]), ...(demo ? [] : [[OTHER, t("inpaint.model_other")]])]);
    choices(this.sampler, samplers.map((name) => [name, SAMPLERS[name] ?? name]));
    if (!this.configured && defaults) {
      for (const name of NUMBERS) if (name !== "count" && !SUITED.includes(name)) this[name].value = String(defaults[name]);
      this.match_colour.checked = defaults.match_colour;
      this.configured = true;
    }
    this.demo = demo;
    this.#chosen();
  }

  // Each model knows its own labels; what takes no words is not asked for any, and draws with one sampler alone.
  #chosen() {
    const { chosen } = this, prompted = !chosen || chosen.prompted;
    if (chosen) this.#suit(chosen);
    choices(this.label, (chosen?.labels.length ? chosen.labels : (this.labels ?? [])).map((name) => [name, name]));
    this.named.hidden = this.model.value !== OTHER;
    this.words.hidden = this.reference.hidden = !prompted;
    this.loras.root.hidden = !prompted || this.demo;
    this.loras.suit(chosen?.id);
    this.sampler.disabled = !prompted;
    this.options.onCrop();
    this.#changed();
  }

  // Steps, guidance and sampler of a model are its own, until others are typed, and are there again when it is.
  #suit(model) {
    if (model.id === this.suited) return;
    const kept = (name) => [name, this[name].value];
    if (this.suited) this.kept[this.suited] = Object.fromEntries(SUITED.map(kept));
    for (const name of SUITED) this[name].value = String(this.kept[model.id]?.[name] ?? model[name]);
    this.suited = model.id;
  }

  // A model by its name: what it is, the server tells; one of the Hub is fetched where it is not here.
  async #look() {
    const name = this.named.value.trim();
    this.models = this.models.filter(({ other }) => !other);
    this.fetch.say(null);
    this.#chosen();
    if (!name) return;
    try {
      const { model } = await this.fetch.generate({ name });
      if (model) this.models.push({ ...model, other: true });
      this.fetch.say(model ? null : h("span", {}, t("inpaint.fetch_stopped"), " ", h("button", { type: "button", class: "link", onclick: () => this.#look() }, t("map.retry"))));
    } catch (error) {
      this.fetch.fail(error);
    }
    this.#chosen();
  }

  // A LoRA knows its defect by a token, and good parts by the class's prompt: the prompts say so, unless other words were typed.
  #useLora(lora) {
    if (lora === undefined) return;
    const words = { prompt: lora?.instance_prompt ?? "", negative_prompt: lora?.class_prompt ?? "" };
    for (const [name, text] of Object.entries(words)) {
      if (["", this.spoken?.[name]].includes(this[name].value.trim())) this[name].value = text;
    }
    this.spoken = words;
    if (lora) this.aim(lora.label);
  }

  /** Whether samples are to be drawn without the LoRAs too, at the same seeds. */
  get comparing() {
    return Boolean(this.mode === "image" && this.chosen?.prompted && this.loras.comparing);
  }

  // This image, or many in a job.
  #choose(mode) {
    if (this.mode) this.counts[this.mode] = this.count.value;
    this.mode = mode;
    for (const [name, button] of Object.entries(this.modes)) button.setAttribute("aria-pressed", String(name === mode));
    this.count.value = String(this.counts[mode]);
    this.count.max = String(mode === "batch" ? (this.batch.most ?? "") : MOST_COUNT);
    this.batch.root.hidden = mode !== "batch";
    // A good part is what a batch draws on, seldom what it is to draw.
    if (mode === "batch") this.label.value = this.batch.masked(this.label.value, [...this.label.options].map(({ value }) => value));
    this.segments.hidden = mode === "batch";
    this.options.onAim();
    this.#changed();
  }

  // The photograph to take after: the one that is open now, or none.
  #takeAfter(image) {
    this.after = image;
    const shown = image ? [h("img", { src: `kizu/thumb/image/${image.id}?v=${image.v}&side=96`, alt: image.name }), h("button", { type: "button", class: "link", onclick: () => this.#takeAfter(null) }, t("inpaint.reference_none"))] : null;
    fill(this.reference, h("span", {}, t("inpaint.reference")), shown ?? h("button", { type: "button", class: "link", onclick: () => this.#takeAfter(this.options.image()) }, t("inpaint.reference_this")));
  }

  #aimAt(area) {
    this.aimed = area;
    for (const [name, button] of Object.entries(this.area)) button.setAttribute("aria-pressed", String(name === area));
    this.options.onCrop();
  }

  /** Whether all of the photograph is to be drawn anew. */
  get whole() {
    return this.mode === "image" && this.aimed === "whole";
  }

  /** The chosen model, or undefined. */
  get chosen() {
    const other = this.model.value === OTHER;
    return this.models?.find((model) => (other ? model.other : !model.other && model.id === this.model.value));
  }

  /** Draw samples of this class, where the model knows it. */
  aim(label) {
    if ([...this.label.options].some(({ value }) => value === label)) this.label.value = label;
    this.#changed();
  }

  #strength(strength, typed = false) {
    const sigma = typed ? Number(this.sigma.value) : sigmaOf(strength);
    this.strength.value = String(strength);
    this.value = sigma;
    if (!typed) this.sigma.value = sigma.toFixed(sigma < 10 ? 2 : 1);
    this.also.textContent = t("inpaint.strength_also", { t: Math.round(1000 * strength), d: strength.toFixed(2) });
    for (const preset of this.presets) preset.setAttribute("aria-pressed", String(Number(preset.dataset.strength) === strength));
  }

  /** Why there is nothing to generate, in words or an element, or null. */
  set missing(content) {
    this.reason = content;
    this.#changed();
  }

  set busy(on) {
    this.running = on;
    this.#changed();
  }

  #changed() {
    const count = Math.round(Number(this.count.value)) || 0, batch = this.mode === "batch";
    fill(this.button, h("span", {}, t(batch ? "inpaint.generate_batch" : "inpaint.generate", { n: window.kizu.number(count) })), h("kbd", {}, "Ctrl+Enter"));
    this.button.disabled = Boolean((this.running && !batch) || this.starting || this.reason || !this.chosen || !this.label.value || count < 1);
    const facts = batch && this.chosen && count > 0 ? this.batch.facts(count, this.config) : null;
    fill(this.note, this.running && !batch ? null : (this.reason ?? facts));
    this.prompt.placeholder = t("inpaint.prompt_hint", { label: this.label.value });
  }

  /** The fields of the operation's config that stand here. */
  get config() {
    const numbers = Object.fromEntries(NUMBERS.map((name) => [name, Number(this[name].value)])), batch = this.mode === "batch";
    return {
      ...numbers,
      ...(batch ? this.batch.config : { area: this.whole ? "whole" : "mask" }),
      count: Math.min(batch ? this.batch.most : MOST_COUNT, Math.round(numbers.count)),
      model: this.chosen.id,
      label: this.label.value,
      prompt: this.prompt.value.trim(),
      negative_prompt: this.negative_prompt.value.trim(),
      sigma: this.value,
      sampler: this.sampler.value,
      match_colour: this.match_colour.checked,
      // What takes no words takes neither of these.
      loras: this.chosen.prompted ? this.loras.values : [],
      reference_id: (this.chosen.prompted && this.after?.id) || null,
    };
  }

  /** Marks the field that an error speaks of. */
  blame(message) {
    this.loras.wrong = message.startsWith("LoRA");
  }

  /** After `used` samples: the next seeds, unless the seed is to stay. */
  advance(seed, used) {
    if (!this.keepSeed.checked && used) this.seed.value = String((seed + used) % 2 ** 31);
  }
}

const number = (min, max, step, oninput = null) => h("input", { type: "number", min: String(min), max: String(max), step: String(step), oninput });
const has = (key) => (window.kizu.has(key) ? t(key) : null);
