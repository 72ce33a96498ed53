// The tab Variations. Above: the photograph and what becomes of it at every strength, one seed. Below: variations at the chosen strength, of it and of
// those marked beside it; more of them than a page can wait for are a job. Beside them the form, at the foot the workspace's images. The same tab
// pastes one photograph into another (`paste_panel.js`).

import { choices, fill, fixed, getJson, h, isShown, isTyping, postJson, t } from "./dom.js";
import { Run } from "./generate_run.js";
import { ImageStrip } from "./image_strip.js";
import { PastePanel } from "./paste_panel.js";
import { sigmaOfStep } from "./strength.js";

const MODE = "kizu-variations-mode"; // vary or paste, through a reload
const LAST = "kizu-variations"; // the photograph that was open, through a reload
const MARKED = "kizu-variations-marked"; // those marked beside it
const MOST = 32; // samples that a page waits for
const STEPS = [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000];
const PRESETS = [["near", 150], ["usual", 300], ["far", 600]];
const brief = (sigma) => (sigma < 10 ? sigma.toFixed(2) : sigma.toFixed(0));

class VariationsPage {
  constructor(element) {
    this.element = element;
    this.#layout();
    this.#strength(300);
    this.#mode(sessionStorage.getItem(MODE) ?? "vary");
    document.addEventListener("keydown", (event) => this.#key(event));
    window.kizu.on("state", (news) => {
      const seen = `${news.counts?.images} ${news.models}`;
      if (this.seen !== undefined && this.seen !== seen && isShown(element)) this.refresh();
      this.seen = seen;
    });
  }

  #layout() {
    const [strip, made, images, form, progress] = ["strip", "made", "images", "form", "progress"].map((name) => h("section", { class: name }));
    const [pasting, pasteForm, pasteProgress] = ["pasting", "pasteform", "progress"].map((name) => h("section", { class: name }));
    for (const words of [progress, pasteProgress]) words.setAttribute("role", "status");
    this.cells = strip;
    this.made = made;
    this.empty = h("div", { class: "none", role: "status" }, h("p", {}, t("variations.loading")));
    this.modes = ["vary", "paste"].map((mode) => h("button", { type: "button", data: { mode }, title: t(`variations.mode_${mode}_long`), onclick: () => this.#mode(mode) }, t(`variations.mode_${mode}`)));
    this.panes = { vary: [h("div", { class: "work" }, strip, made), h("div", { class: "pane" }, form, progress)], paste: [h("div", { class: "work" }, pasting), h("div", { class: "pane" }, pasteForm, pasteProgress)] };
    const left = h("div", { class: "left" }, this.panes.vary[0], this.panes.paste[0], images);
    fill(this.element, left, h("div", { class: "right" }, h("div", { class: "segments" }, this.modes), this.panes.vary[1], this.panes.paste[1]), this.empty);
    this.images = new ImageStrip(images, { onChoose: (image) => this.#choose(image), onMark: () => this.#marked() });
    this.paste = new PastePanel({ work: pasting, form: pasteForm, progress: pasteProgress, chooser: this.images, onBusy: () => {} });
    this.run = new Run(progress, () => this.#ready(), "kizu/variations/vary");
    this.label = h("select", {});
    this.model = h("select", { onchange: () => this.#ready() });
    this.step = h("input", { type: "range", min: "0", max: "1000", step: "10", "aria-label": t("variations.strength"), oninput: () => this.#strength(Number(this.step.value)) });
    this.also = h("span", {});
    this.presets = PRESETS.map(([name, step]) => h("button", { type: "button", data: { step }, onclick: () => this.#strength(step) }, t(`variations.preset_${name}`)));
    this.count = h("input", { type: "number", min: "1", max: "1000", value: "8", oninput: () => this.#ready() });
    this.seed = h("input", { type: "number", min: "0", step: "1", value: "0" });
    this.keep = h("input", { type: "checkbox" });
    this.place = h("input", { type: "checkbox", checked: true });
    this.picked = h("p", { class: "note" });
    this.go = h("button", { type: "button", class: "primary", onclick: () => this.generate() });
    this.sweep = h("button", { type: "button", class: "plain", onclick: () => this.generate(true) }, t("variations.strip"), h("kbd", {}, "S"));
    const field = (key, input, more = null) => h("label", { class: "field", title: t(`variations.${key}_long`) }, h("span", {}, t(`variations.${key}`), more), input);
    fill(form,
      h("div", { class: "pair" }, field("model", this.model), field("label", this.label)),
      h("div", { class: "field", title: t("variations.strength_long") }, h("span", {}, t("variations.strength"), this.also), this.step, h("div", { class: "segments" }, this.presets)),
      h("label", { class: "check", title: t("variations.place_long") }, this.place, t("variations.place")),
      h("div", { class: "pair" }, field("count", this.count), field("seed", this.seed, h("label", { class: "keep" }, this.keep, t("inpaint.keep")))),
      this.picked, this.go, this.sweep, (this.note = h("p", { class: "note" }, t("variations.note"))));
  }

  // ---- loading

  /** Reads what there is. What was typed and made stays. */
  async refresh() {
    try {
      const [{ images, labels }, state] = await Promise.all([getJson("kizu/data/images"), getJson("kizu/variations/state")]);
      if (!images.length) return this.#nothing(t("inpaint.no_images"), "data");
      this.images.set(images, labels);
      await this.paste.refresh(labels);
      this.state = state;
      this.names = labels.map(({ name }) => name);
      choices(this.model, state.models.map((id) => [id, t(`variations.model_${id}`)]));
      this.empty.hidden = true;
      const wanted = Number(sessionStorage.getItem(LAST)), last = state.last[0]?.image_id;
      if (!this.image) this.#open(this.images.get([wanted, last].find((id) => id && this.images.get(id)) ?? images[0].id));
      if (this.mode === "vary") this.images.choose(this.image.id, false);
      if (!this.attached) this.#markAgain();
      await this.#restore();
    } catch (error) {
      this.#nothing(error.message, null);
    }
    this.#ready();
  }

  // What was asked for before the page was loaded anew is waited for, and its samples stand here again.
  async #restore() {
    if (this.attached) return;
    this.attached = true;
    const how = await this.run.attach(), { last } = how ? await getJson("kizu/variations/state") : this.state;
    if (this.run.busy || !last.length || last[0].image_id !== this.image?.id) return;
    if (last[0].strip) this.#strip(last);
    else this.#show(last);
  }

  #nothing(words, tab) {
    const act = tab ? () => window.kizu.tab(tab) : () => this.refresh();
    fill(this.empty, h("p", {}, words), h("button", { type: "button", class: "primary", onclick: act }, t(tab ? `map.go_${tab}` : "map.retry")));
    this.empty.hidden = false;
  }

  #mode(mode) {
    this.mode = mode;
    sessionStorage.setItem(MODE, mode);
    for (const button of this.modes) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    this.images.many = mode === "vary";
    if (this.image) this.#markAgain();
    for (const [name, panes] of Object.entries(this.panes)) for (const pane of panes) pane.hidden = name !== mode;
    if (this.image && mode === "vary") this.images.choose(this.image.id, false);
    // What is looked at is what is pasted on, until another is chosen.
    if (this.image && mode === "paste" && !this.paste.below) this.paste.open(this.image);
  }

  #choose(image) {
    if (this.mode === "paste") this.paste.open(image);
    else this.#open(image);
  }

  #open(image) {
    if (this.image?.id === image.id) return;
    this.image = image;
    sessionStorage.setItem(LAST, String(image.id));
    this.#strip([]);
    fill(this.made, h("p", { class: "muted" }, t("variations.none")));
    this.run.say(null);
    this.#ready();
  }

  #marked() {
    if (this.mode === "vary") sessionStorage.setItem(MARKED, JSON.stringify([...this.images.marked]));
    this.#ready();
  }

  // Pasting takes one photograph at a time: marks wait until it is over.
  #markAgain() {
    this.images.mark(this.mode === "vary" ? JSON.parse(sessionStorage.getItem(MARKED) ?? "[]") : []);
  }

  // ---- strength

  #strength(step) {
    this.step.value = String(step);
    this.sigma = sigmaOfStep(step);
    this.also.textContent = `σ ${brief(this.sigma)} · t ${step}`;
    for (const preset of this.presets) preset.setAttribute("aria-pressed", String(Number(preset.dataset.step) === step));
    for (const cell of this.cells.querySelectorAll("[data-step]")) cell.setAttribute("aria-pressed", String(Number(cell.dataset.step) === step));
    this.#ready();
  }

  // ---- generating

  /** Variations at the chosen strength, or with `sweep` one seed at every strength. */
  async generate(sweep = false) {
    if (this.run.busy || (sweep ? this.sweep : this.go).disabled) return;
    const seed = Math.round(Number(this.seed.value)), ids = sweep ? [this.image.id] : this.images.picked;
    const each = sweep ? STEPS.length : Math.round(Number(this.count.value)), count = each * ids.length;
    const config = { image_ids: ids, model: this.model.value, label: this.label.value, place: this.place.checked, seed, count: each, sigma: this.sigma, ...(sweep ? { strip: STEPS.map(sigmaOfStep) } : {}) };
    const asked = this.image;
    try {
      if (count > MOST) return await this.#start(config);
      const { samples, seconds, warnings, stopped } = await this.run.generate(config, count);
      this.run.say(h("span", {}, t(stopped ? "inpaint.stopped" : "variations.made", { n: samples.length, s: seconds.toFixed(1) })), warnings);
      if (asked !== this.image) return;
      if (sweep) this.#strip(samples);
      else this.#show(samples);
      if (!sweep && !this.keep.checked && samples.length) this.seed.value = String((seed + samples.length) % 2 ** 31);
    } catch (error) {
      this.run.fail(error);
    }
  }

  async #start(config) {
    const { job } = await postJson("kizu/variations/job", config);
    this.run.say(h("button", { type: "button", class: "link", onclick: () => window.kizu.showJob(job) }, t("paste.started", { id: job })));
    if (!this.keep.checked) this.seed.value = String((config.seed + config.count) % 2 ** 31);
  }

  #picture = (sample) => h("img", { src: `kizu/sample/${sample.id}?v=${sample.version}`, alt: sample.label, draggable: false });
  #alike = (sample) => h("span", { title: t("variations.similarity_long") }, t("variations.similarity", { s: fixed(sample.similarity) }));

  // The photograph, then what was made of it from the least strength to the greatest.
  #strip(samples) {
    const { image } = this;
    const cells = STEPS.map((step, index) => {
      const sample = samples[index];
      return h("button", { type: "button", class: "cell", data: { step }, "aria-pressed": String(Number(this.step.value) === step), title: t("variations.take_strength"), onclick: () => this.#strength(step) },
        sample ? this.#picture(sample) : h("i", {}), h("span", { class: "caption" }, h("b", {}, `t ${step}`), sample ? this.#alike(sample) : null));
    });
    fill(this.cells, this.#source(image), h("div", { class: "row" }, cells));
  }

  #show(samples) {
    if (!samples.length) return;
    fill(this.made, h("h2", {}, t("variations.made_at", { sigma: brief(samples[0].sigma), n: samples.length }), h("button", { type: "button", class: "link", onclick: () => window.kizu.tab("review") }, t("map.review", { n: samples.length }))),
      [...new Set(samples.map(({ image_id }) => image_id))].map((id, _, ids) => h("div", { class: "grid" }, ids.length > 1 ? this.#source(this.images.get(id)) : null, samples.filter(({ image_id }) => image_id === id).map(this.#figure))));
  }

  #source = (image) => (image ? h("figure", {}, h("img", { src: `kizu/crop/${image.id}?v=${image.v}`, alt: image.name, draggable: false }), h("figcaption", {}, h("b", {}, t("variations.source")))) : null);
  #figure = (sample) => h("figure", { data: { id: sample.id } }, this.#picture(sample), h("figcaption", {}, h("span", {}, t("map.seed_value", { seed: sample.seed })), this.#alike(sample)));

  #ready() {
    if (!this.go) return;
    const small = this.model.value === "generator";
    // A generator knows the classes that it was trained on, a latent model takes any.
    const names = small ? this.state?.generator?.labels : this.names;
    choices(this.label, [["", t("variations.own_label")], ...(names ?? []).map((name) => [name, name])]);
    this.place.parentElement.hidden = !small;
    const each = Math.round(Number(this.count.value)) || 0, many = this.images.picked.length, count = each * many;
    this.picked.textContent = many > 1 ? t("variations.picked", { n: many }) : t("variations.pick");
    fill(this.go, h("span", {}, t(count > MOST ? "variations.generate_job" : "variations.generate", { n: window.kizu.number(count) })), h("kbd", {}, "G"));
    this.go.disabled = this.run.busy || !this.image || each < 1 || each > 1000 || this.sigma === 0;
    this.sweep.disabled = this.run.busy || !this.image;
    this.note.textContent = t(this.sigma === 0 ? "variations.zero" : "variations.note");
  }

  #key(event) {
    if (!isShown(this.element) || event.defaultPrevented || isTyping(event) || event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
    const pasting = this.mode === "paste";
    const act = { g: () => (pasting ? this.paste.paste() : this.generate()), s: pasting ? null : () => this.generate(true), a: pasting ? null : () => this.images.markShown(), arrowleft: () => this.images.step(-1), arrowright: () => this.images.step(1) }[event.key.toLowerCase()];
    // The arrows move a slider, or the piece, that is in focus.
    if (!act || (event.key.startsWith("Arrow") && event.target.closest("input, .sheet"))) return;
    event.preventDefault();
    act();
  }
}

/** Called once by gradio when the tab is first shown; `watch` tells when Python asks for a refresh. */
export function mount(element, watch) {
  const page = new VariationsPage(element);
  page.refresh();
  watch("value", () => page.refresh());
  return page;
}
