// The form beside the canvas: what to draw into the mask, how strongly, with which model. It makes the config of `redraw` and knows no
// canvas; the crop and the results are the page's.

import { fill, getJson, h, t } from "./dom.js";
import { sigmaOf, stepOf } from "./strength.js";

const MOST_COUNT = 32;
const PRESETS = [["good", 0.2], ["defect", 0.4], ["all", 1]];
const SAMPLERS = { dpmpp_2m_karras: "DPM++ 2M Karras", dpmpp_2m_sde_karras: "DPM++ 2M SDE Karras", euler: "Euler", euler_a: "Euler a", unipc: "UniPC" };
const OTHER = "other"; // a model that is named by a path or a Hub id
const NUMBERS = ["steps", "guidance", "count", "seed", "padding", "feather_px"];

export class RedrawForm {
  /** options: onCrop() when what the model sees may have changed, onGenerate(), image() that is open. */
  constructor(root, options) {
    this.options = options;
    const change = () => this.#changed();
    this.label = h("select", { onchange: change });
    this.model = h("select", { onchange: () => this.#chosen() });
    this.named = h("input", { type: "text", spellcheck: "false", placeholder: t("inpaint.named_hint"), "aria-label": t("inpaint.named"), hidden: true, onchange: () => this.#look() });
    this.area = Object.fromEntries(["mask", "whole"].map((name) => [name, h("button", { type: "button", onclick: () => this.#aimAt(name) }, t(`inpaint.area_${name}`))]));
    this.loras = h("input", { type: "text", spellcheck: "false", placeholder: t("inpaint.loras_hint") });
    this.sampler = h("select", {});
    this.prompt = h("textarea", { rows: 2, spellcheck: "false" });
    this.negative_prompt = h("input", { type: "text", spellcheck: "false" });
    this.steps = number(1, 200, 1);
    this.guidance = number(0, 30, 0.5);
    this.count = number(1, MOST_COUNT, 1, change);
    this.seed = number(0, 2 ** 31 - 1, 1);
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
  }

  #layout(root) {
    const field = (key, input, more = null) => h("label", { class: "field", title: has(`inpaint.${key}_long`) }, h("span", {}, t(`inpaint.${key}`), more), input);
    const presets = PRESETS.map(([name, strength]) => h("button", { type: "button", data: { strength }, onclick: () => this.#strength(strength) }, t(`inpaint.preset_${name}`)));
    this.presets = presets;
    this.words = h("div", { class: "words" }, field("prompt", this.prompt), field("negative_prompt", this.negative_prompt));
    this.lora = h("details", {}, h("summary", {}, "LoRA"), field("loras", this.loras));
    this.reference = h("div", { class: "reference", title: t("inpaint.reference_long") });
    fill(root,
      h("div", { class: "two" }, field("label", this.label), field("model", this.model)),
      this.named,
      this.words,
      this.reference,
      this.lora,
      h("div", { class: "field strength", title: t("inpaint.strength_long") },
        h("span", {}, t("inpaint.strength"), h("span", { class: "values" }, this.also, h("label", {}, "σ ", this.sigma))), this.strength, h("div", { class: "segments" }, presets)),
      h("div", { class: "four" }, field("sampler", this.sampler), field("steps", this.steps), field("guidance", this.guidance)),
      h("div", { class: "area" }, field("padding", this.padding), field("feather_px", this.feather_px), h("div", { class: "segments", title: t("inpaint.area_long") }, Object.values(this.area)),
        h("label", { class: "check", title: t("inpaint.match_colour_long") }, this.match_colour, t("inpaint.match_colour"))),
      h("div", { class: "four" }, field("seed", this.seed, h("label", { class: "keep", title: t("map.keep_seed") }, this.keepSeed, t("inpaint.keep"))), field("count", this.count), this.button),
      this.note);
  }

  /** What there is to choose from: {labels, models, samplers, defaults, demo} as the server tells; what was typed stays. */
  configure({ labels, models, samplers, defaults, demo }) {
    this.models = [...models, ...(this.models ?? []).filter(({ other }) => other)];
    this.labels = labels;
    choices(this.model, [...models.map(({ id, name }) => [id, window.kizu.has(`inpaint.model_${id}`) ? t(`inpaint.model_${id}`) : name]), ...(demo ? [] : [[OTHER, t("inpaint.model_other")]])]);
    choices(this.sampler, samplers.map((name) => [name, SAMPLERS[name] ?? name]));
    if (!this.configured && defaults) {
      for (const name of NUMBERS) this[name].value = String(defaults[name]);
      this.match_colour.checked = defaults.match_colour;
      this.sampler.value = defaults.sampler;
      this.configured = true;
    }
    this.demo = demo;
    this.#chosen();
  }

  // Each model knows its own labels; what takes no words is not asked for any, and draws with one sampler alone.
  #chosen() {
    const { chosen } = this, prompted = !chosen || chosen.prompted;
    choices(this.label, (chosen?.labels.length ? chosen.labels : (this.labels ?? [])).map((name) => [name, name]));
    this.named.hidden = this.model.value !== OTHER;
    this.words.hidden = this.reference.hidden = !prompted;
    this.lora.hidden = !prompted || this.demo;
    this.sampler.disabled = !prompted;
    if (!prompted) this.sampler.selectedIndex = 0;
    this.options.onCrop();
    this.#changed();
  }

  // A model by its name: what it is, the server tells; one of the Hub may have to be fetched.
  async #look() {
    const name = this.named.value.trim();
    this.models = this.models.filter(({ other }) => !other);
    this.problem = name ? h("span", {}, t("inpaint.looking")) : null;
    this.#chosen();
    if (!name) return;
    try {
      const found = await getJson(`kizu/inpaint/model?name=${encodeURIComponent(name)}`);
      if (this.named.value.trim() !== name) return;
      this.models.push({ ...found, other: true });
      this.problem = null;
    } catch (error) {
      if (this.named.value.trim() === name) this.problem = h("span", { class: "bad" }, error.message);
    }
    this.#chosen();
  }

  // The photograph to take after: the one that is open now, or none.
  #takeAfter(image) {
    this.after = image;
    const shown = image ? [h("img", { src: `kizu/thumb/image/${image.id}?v=${image.v}&side=96`, alt: image.name }), h("button", { type: "button", class: "link", onclick: () => this.#takeAfter(null) }, t("inpaint.reference_none"))] : null;
    fill(this.reference, h("span", {}, t("inpaint.reference")), shown ?? h("button", { type: "button", class: "link", onclick: () => this.#takeAfter(this.options.image()) }, t("inpaint.reference_this")));
  }

  #aimAt(area) {
    this.whole = area === "whole";
    for (const [name, button] of Object.entries(this.area)) button.setAttribute("aria-pressed", String(name === area));
    this.options.onCrop();
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
    const count = Number(this.count.value) || 0;
    fill(this.button, h("span", {}, t("inpaint.generate", { n: count })), h("kbd", {}, "Ctrl+Enter"));
    this.button.disabled = Boolean(this.running || this.reason || this.problem || !this.chosen || !this.label.value || count < 1);
    fill(this.note, this.running ? null : (this.problem ?? this.reason));
    this.prompt.placeholder = t("inpaint.prompt_hint", { label: this.label.value });
  }

  /** The fields of the operation's config that stand here. */
  get config() {
    const numbers = Object.fromEntries(NUMBERS.map((name) => [name, Number(this[name].value)]));
    return {
      ...numbers,
      count: Math.min(MOST_COUNT, Math.round(numbers.count)),
      model: this.chosen.id,
      label: this.label.value,
      area: this.whole ? "whole" : "mask",
      prompt: this.prompt.value.trim(),
      negative_prompt: this.negative_prompt.value.trim(),
      sigma: this.value,
      sampler: this.sampler.value,
      match_colour: this.match_colour.checked,
      // What takes no words takes neither of these.
      loras: this.chosen.prompted ? this.loras.value.split(",").map((part) => part.trim()).filter(Boolean) : [],
      reference_id: (this.chosen.prompted && this.after?.id) || null,
    };
  }

  /** After `used` samples: the next seeds, unless the seed is to stay. */
  advance(seed, used) {
    if (!this.keepSeed.checked && used) this.seed.value = String((seed + used) % 2 ** 31);
  }
}

const number = (min, max, step, oninput = null) => h("input", { type: "number", min: String(min), max: String(max), step: String(step), oninput });
const has = (key) => (window.kizu.has(key) ? t(key) : null);

// The options of a select, [[value, words]]; the chosen one stays chosen.
function choices(select, pairs) {
  const chosen = select.value;
  fill(select, pairs.map(([value, words]) => h("option", { value: String(value) }, words)));
  if (pairs.some(([value]) => String(value) === chosen)) select.value = chosen;
}
