// Pasting on the tab Variations (CutMix): a region of one photograph laid on another, harmonised, and its seam told; or many pairs as a job.

import { choices, fill, fixed, getJson, h, postJson, t } from "./dom.js";
import { Run } from "./generate_run.js";
import { PasteStage } from "./paste_stage.js";
import { sigmaOfStep } from "./strength.js";

const LAST = "kizu-paste"; // the photographs and the place, through a reload
const percent = (share) => (Number.isFinite(share) ? `${Math.round(100 * share)} %` : "–");

export class PastePanel {
  /** work, form, progress: elements to fill. chooser: the strip of images. onBusy(): it begins or ends. */
  constructor({ work, form, progress, chooser, onBusy }) {
    Object.assign(this, { chooser, onBusy });
    this.slot = "below";
    this.run = new Run(progress, () => this.#ready(), "kizu/paste");
    const [place, made] = [h("section", { class: "place" }), h("section", { class: "pastes" })];
    this.made = made;
    this.trouble = h("p", { class: "bad", role: "status" });
    this.draw = h("button", { type: "button", class: "link", hidden: true, onclick: () => this.#draw() }, t("paste.draw"));
    fill(work, place, h("p", { class: "hint" }, (this.hint = h("span", {})), this.trouble, this.draw), made);
    this.stage = new PasteStage(place, () => this.#placed());
    this.#form(form);
  }

  #form(root) {
    const field = (key, input, more = null) => h("label", { class: "field", title: t(`paste.${key}_long`) }, h("span", {}, t(`paste.${key}`), more), input);
    const number = (limits, oninput) => h("input", { type: "number", ...limits, oninput });
    const card = (slot) => h("button", { type: "button", class: "card", data: { slot }, onclick: () => this.choose(slot) });
    this.cards = [card("below"), card("other")];
    this.scale = number({ min: "0.05", max: "20", step: "0.05" }, () => this.stage.place({ scale: Number(this.scale.value) || 1 }));
    this.turn = number({ min: "-180", max: "180", step: "5" }, () => this.stage.place({ turn_deg: Number(this.turn.value) || 0 }));
    this.mirrored = h("input", { type: "checkbox", onchange: () => this.stage.place({ mirrored: this.mirrored.checked }) });
    this.step = h("input", { type: "range", min: "0", max: "900", step: "10", value: "300", "aria-label": t("variations.strength"), oninput: () => this.#ready() });
    this.also = h("span", {});
    this.keep = h("select", { onchange: () => this.#ready() }, ["ring", "all"].map((value) => h("option", { value }, t(`paste.keep_${value}`))));
    this.blend = h("select", { onchange: () => this.#ready() }, ["poisson", "feathered", "hard"].map((value) => h("option", { value }, t(`paste.blend_${value}`))));
    this.model = h("select", { onchange: () => this.#ready() });
    this.label = h("select", {});
    this.count = number({ min: "1", max: "32", value: "1" }, () => this.#ready());
    this.seed = number({ min: "0", step: "1", value: "0" }, () => this.#ready());
    this.go = h("button", { type: "button", class: "primary", onclick: () => this.paste() });
    this.on = h("select", {});
    this.source = h("select", { onchange: () => this.#ready() });
    this.pairs = number({ min: "1", max: "100000", value: "100" }, () => this.#ready());
    this.start = h("button", { type: "button", class: "plain", onclick: () => this.batch() });
    fill(root, h("div", { class: "cards" }, this.cards),
      h("div", { class: "pair" }, field("scale", this.scale), field("turn", this.turn)),
      h("label", { class: "check", title: t("paste.mirrored_long") }, this.mirrored, t("paste.mirrored")),
      h("div", { class: "field", title: t("paste.strength_long") }, h("span", {}, t("variations.strength"), this.also), this.step),
      h("div", { class: "pair" }, field("model", this.model), field("keep", this.keep)),
      h("div", { class: "pair" }, field("blend", this.blend), field("label", this.label)),
      h("div", { class: "pair" }, field("count", this.count), field("seed", this.seed)), this.go,
      h("details", {}, h("summary", {}, t("paste.many")), h("div", { class: "pasteform" }, h("p", { class: "muted" }, t("paste.many_long")), h("div", { class: "pair" }, field("source", this.source), field("on", this.on)), field("pairs", this.pairs), this.start)));
  }

  // ---- loading

  /** Reads what can harmonise. What was chosen stays. */
  async refresh(labels) {
    const state = await getJson("kizu/paste/state"), names = labels.map(({ name }) => name);
    choices(this.model, state.models.map((id) => [id, t(["generator", "workspace", "built-in"].includes(id) ? `paste.model_${id}` : "paste.model_other", { id })]));
    choices(this.label, [["", t("paste.own_label")], ...names.map((name) => [name, name])]);
    choices(this.on, names.map((name) => [name, name]));
    choices(this.source, state.sources.map((name) => [name, name]));
    this.known = state.models.length > 0;
    if (!this.began) {
      this.began = true;
      const kept = JSON.parse(sessionStorage.getItem(LAST) ?? "null");
      if (kept) await this.#recall(kept);
      this.#restore(state.last);
    }
    this.#ready();
  }

  async #recall({ below, other, placing, scope }) {
    this.below = this.chooser.get(below) ?? null;
    this.other = this.chooser.get(other) ?? null;
    if (this.other) this.slot = "other";
    for (const [name, value] of Object.entries(scope)) this[name].value = value;
    await this.#lay(placing);
  }

  async #restore(last) {
    const how = await this.run.attach(), samples = how ? (await getJson("kizu/paste/state")).last : last;
    if (!this.run.busy) this.#show(samples);
  }

  #keepAll() {
    const { below, other } = this, { placing } = this.stage, { step, keep, blend, count, seed } = this;
    const scope = Object.fromEntries(Object.entries({ step, keep, blend, count, seed }).map(([name, input]) => [name, input.value]));
    sessionStorage.setItem(LAST, JSON.stringify({ below: below?.id, other: other?.id, placing, scope }));
  }

  // ---- the two photographs

  /** Which of the two the next image chosen in the strip becomes. */
  choose(slot) {
    this.slot = slot;
    this.#ready();
  }

  /** An image was chosen in the strip. */
  open(image) {
    this[this.slot] = image;
    // The piece's photograph is chosen next, once.
    if (this.slot === "below" && !this.other) this.slot = "other";
    this.#lay();
  }

  async #lay(placing = null) {
    const { below, other } = this, asked = (this.asked = Symbol("lay"));
    this.trouble.textContent = "";
    this.draw.hidden = true;
    this.#ready();
    if (!below) return;
    const src = `kizu/inpaint/image/${below.id}/preview?contrast=0`;
    if (!other) {
      const shown = new Image();
      shown.src = src;
      await shown.decode().catch(() => null);
      if (asked === this.asked) this.stage.lay(src, [shown.naturalWidth || 1, shown.naturalHeight || 1]);
      return;
    }
    try {
      const piece = await getJson(`kizu/paste/piece/${other.id}?below=${below.id}`);
      if (asked !== this.asked) return;
      this.stage.lay(src, piece.below_px);
      this.stage.take(piece.picture && piece, placing);
      this.trouble.textContent = piece.why ?? "";
      this.draw.hidden = Boolean(piece.picture);
    } catch (error) {
      if (asked !== this.asked) return;
      this.stage.take(null);
      this.trouble.textContent = error.message;
    }
    this.#ready();
  }

  // The canvas of the tab Inpaint draws the region.
  #draw() {
    sessionStorage.setItem("kizu-inpaint", String(this.other.id));
    window.kizu.tab("inpaint");
  }

  #placed() {
    const { scale, turn_deg, mirrored } = this.stage.placing;
    if (document.activeElement !== this.scale) this.scale.value = String(scale);
    if (document.activeElement !== this.turn) this.turn.value = String(turn_deg);
    this.mirrored.checked = mirrored;
    this.#ready();
  }

  // ---- samples

  get #harmony() {
    return { sigma: sigmaOfStep(Number(this.step.value)), keep: this.keep.value, blend: this.blend.value, model: this.model.value };
  }

  /** The paste as it lies, harmonised. */
  async paste() {
    if (this.run.busy || this.go.disabled) return;
    const seed = Math.round(Number(this.seed.value)) || 0, { below, other } = this;
    const config = { ...this.#harmony, ...this.stage.placing, image_id: below.id, other_id: other.id, label: this.label.value, count: Math.round(Number(this.count.value)), seed };
    try {
      const { samples, seconds, stopped } = await this.run.generate(config);
      this.run.say(h("span", {}, t(stopped ? "inpaint.stopped" : "variations.made", { n: samples.length, s: seconds.toFixed(1) })));
      this.#show(samples);
      if (samples.length) this.seed.value = String((seed + samples.length) % 2 ** 31);
      this.#ready();
    } catch (error) {
      this.run.fail(error);
    }
  }

  /** Many pairs, as a job. */
  async batch() {
    const config = { ...this.#harmony, method: "cutmix", label: this.source.value, on: this.on.value, count: Math.round(Number(this.pairs.value)), seed: Math.round(Number(this.seed.value)) || 0 };
    try {
      const { job } = await postJson("kizu/paste/batch", config);
      this.run.say(h("button", { type: "button", class: "link", onclick: () => window.kizu.showJob(job) }, t("paste.started", { id: job })));
    } catch (error) {
      this.run.fail(error);
    }
  }

  #show(samples) {
    if (!samples.length) return;
    const figure = (sample) => h("figure", { data: { id: sample.id } }, h("img", { src: `kizu/sample/${sample.id}?v=${sample.version}`, alt: sample.label, draggable: false }),
      h("figcaption", {}, sample.seam_before === null ? h("span", {}, t("paste.raw")) : [h("span", { title: t("paste.seam_long") }, t("paste.seam", { before: fixed(sample.seam_before, 1), after: fixed(sample.seam_after, 1) })), h("span", { title: t("paste.kept_long") }, t("paste.kept", { below: percent(sample.kept_below), piece: percent(sample.kept_piece) }))]));
    fill(this.made, h("h2", {}, t("paste.made", { n: samples.length, label: samples[0].label }), h("button", { type: "button", class: "link", onclick: () => window.kizu.tab("review") }, t("map.review", { n: samples.length }))), h("div", { class: "grid pasted" }, samples.map(figure)));
  }

  #ready() {
    this.onBusy();
    const count = Math.round(Number(this.count.value)) || 0, step = Number(this.step.value), pairs = Math.round(Number(this.pairs.value)) || 0;
    const [below, other] = this.cards;
    for (const [card, image, key] of [[below, this.below, "below"], [other, this.other, "other"]]) {
      card.setAttribute("aria-pressed", String(this.slot === key));
      fill(card, image ? h("img", { src: `kizu/crop/${image.id}?v=${image.v}`, alt: "", draggable: false }) : h("i", {}), h("span", {}, h("b", {}, t(`paste.${key}`)), image ? image.name : t("paste.choose")));
    }
    this.hint.textContent = t(!this.below ? "paste.hint_below" : !this.other ? "paste.hint_other" : "paste.hint");
    this.also.textContent = step ? `σ ${sigmaOfStep(step).toFixed(2)} · t ${step}` : t("paste.as_is");
    const { keep } = this;
    keep.options[1].disabled = this.model.value !== "generator";
    if (keep.options[1].disabled) keep.value = "ring";
    fill(this.go, h("span", {}, t("paste.go", { n: count })), h("kbd", {}, "G"));
    this.go.disabled = this.run.busy || !this.stage.placing || count < 1 || count > 32 || (step > 0 && !this.known);
    fill(this.start, t("paste.start", { n: pairs }));
    this.start.disabled = pairs < 1 || pairs > 100000 || !this.source.value;
    if (this.stage.placing) this.#keepAll();
  }
}
