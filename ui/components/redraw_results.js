// What came of a request: before, after and difference of each sample, its masks over the difference while the pointer is there, and its numbers. A click
// shows it in its place on the canvas, which is the page's. It is accepted or rejected here as in the review, and looks so only once that is on disk.

import { fill, getJson, h, t } from "./dom.js";
import { DECISIONS, REASONS, ReviewModel, SIGNS } from "./review_model.js";
import { VerdictQueue } from "./verdict_queue.js";

const PIECES = ["before", "after", "difference"];
const KEYS = { a: "accepted", r: "rejected", s: "skipped" };

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

export class RedrawResults {
  /** options: onShow(sample or null), contrast(), onReview(). */
  constructor(root, options) {
    this.root = root;
    this.options = options;
    this.samples = [];
    this.chosen = this.last = null;
    this.model = new ReviewModel();
    this.trouble = h("div", { class: "bad", role: "status" });
    this.queue = new VerdictQueue({
      url: "kizu/review/verdicts",
      onSaved: (answers) => answers.forEach((one) => this.#saved(one)),
      onRefused: ({ sample }, message) => {
        this.model.marks.delete(sample);
        this.#paint(sample);
        window.kizu.say(message, true);
      },
      onChange: () => (this.trouble.textContent = this.queue.error ? t("review.not_saved", { n: this.queue.pending, error: this.queue.error }) : ""),
    });
    root.onclick = (event) => this.#click(event);
  }

  #click(event) {
    const id = Number(event.target.closest("[data-id]")?.dataset.id), decision = event.target.closest("[data-decide]")?.dataset.decide;
    const sample = this.samples.find((one) => one.id === id);
    if (!sample) return;
    if (!decision) return this.choose(sample);
    if (sample !== this.chosen) this.choose(sample);
    this.decide(decision);
  }

  forget() {
    this.choose(null);
    this.last = null;
    this.samples = [];
    this.model.undoable = [];
    fill(this.root);
  }

  /** samples: as the server describes them. */
  show(samples) {
    this.samples = samples;
    if (!samples.length) return fill(this.root);
    const legend = h("div", { class: "keys" }, ["drawn", "support", "changed"].map((name) => h("span", {}, h("i", { class: name }), t(`inpaint.mask_${name}`))));
    fill(this.root, legend, this.trouble, this.samples.map((sample) => this.#row(sample)), h("button", { type: "button", class: "quiet", onclick: () => this.options.onReview() }, t("map.review", { n: samples.length })));
    this.#stands(samples);
    requestAnimationFrame(() => this.root.scrollIntoView({ block: "nearest" }));
  }

  /** What was decided elsewhere meanwhile, in the review above all. */
  async refresh() {
    if (!this.samples.length) return;
    const { samples } = await getJson(`kizu/inpaint/samples?ids=${this.samples.map(({ id }) => id).join(",")}`);
    if (samples.every(({ id }) => this.#rowOf(id))) this.#stands(samples);
  }

  #stands(samples) {
    const column = (name) => samples.map((sample) => sample[name]);
    this.model.load({ samples: { id: column("id"), status: column("status"), label: [], method: [] }, reasons: {}, nearest: {} });
    for (const { id } of samples) this.#paint(id);
  }

  #rowOf = (id) => this.root.querySelector(`[data-id="${id}"]`);

  #row(sample) {
    const cells = h("span", { class: "cells" }, PIECES.map((piece) => h("span", { class: "cell" }, h("small", {}, t(`inpaint.${piece}`)))));
    const facts = h("span", { class: "facts" }, sample.note ? h("span", {}, sample.note) : null, h("span", {}, t("map.seed_value", { seed: sample.seed })));
    this.#fill(sample, cells, facts);
    const act = (decision, words, key, kind) => h("button", { type: "button", class: `quiet ${kind}`, data: { decide: decision } }, t(words), h("kbd", {}, key));
    return h("div", { class: "made", data: { id: sample.id } },
      h("button", { type: "button", class: "look", "aria-pressed": "false", title: t("inpaint.show_long") }, cells, facts),
      h("div", { class: "verdict" }, act("accepted", "review.key_accept", "A", "good"), act("rejected", "review.key_reject", "R", "no"), h("span", { class: "mark", role: "status" })));
  }

  async #fill(sample, cells, facts) {
    try {
      const seen = await getJson(`kizu/inpaint/sample/${sample.id}?v=${sample.version}`);
      PIECES.forEach((piece, i) => cells.children[i].prepend(h("img", { src: seen[piece], alt: t(`inpaint.${piece}`), draggable: false })));
      cells.lastChild.children[0].after(h("img", { class: "masks", src: seen.masks, alt: "", draggable: false }));
      const words = [["changed_share", { share: percent(sample.share) }], ["difference_of", { mean: seen.mean.toFixed(1), most: Math.round(seen.most) }], ["outside", { n: seen.outside_px }]];
      facts.append(...words.map(([key, values]) => h("span", { title: t(`inpaint.${key}_long`) }, t(`inpaint.${key}`, values))));
      if (!sample.share) facts.append(h("b", { class: "warn" }, t("inpaint.invisible")));
    } catch (error) {
      facts.append(h("span", { class: "bad" }, error.message));
    }
  }

  // ---- which one is looked at

  /** Shows a sample on the canvas; the one that is shown goes. */
  choose(sample) {
    this.chosen = sample && sample !== this.chosen ? sample : null;
    this.last = this.chosen ?? this.last;
    for (const row of this.root.querySelectorAll("[data-id]")) {
      const on = Number(row.dataset.id) === this.chosen?.id;
      row.classList.toggle("chosen", on);
      row.firstChild.setAttribute("aria-pressed", String(on));
    }
    if (this.chosen) this.look();
    else this.options.onShow(null);
  }

  /** Fetches the chosen sample's crop as the canvas shows pictures now. */
  async look() {
    const { chosen } = this;
    if (!chosen) return;
    const picture = h("img", { src: `kizu/inpaint/sample/${chosen.id}/after?v=${chosen.version}&contrast=${Number(this.options.contrast())}`, alt: "" });
    try {
      await picture.decode();
      if (this.chosen === chosen) this.options.onShow(Object.assign(chosen, { picture }));
    } catch {
      window.kizu.say(t("inpaint.no_preview"), true);
    }
  }

  /** Before and after: the result last shown, or the first one, comes and goes. */
  toggle() {
    this.choose(this.chosen ?? this.last ?? this.samples[0] ?? null);
  }

  /** The next result, or the one before; the first one where none is shown. */
  step(by) {
    const next = this.samples[this.chosen ? this.samples.indexOf(this.chosen) + by : 0];
    if (!next) return;
    this.choose(next);
    this.#rowOf(next.id)?.scrollIntoView({ block: "nearest" });
  }

  // ---- verdicts

  /** What a key does to the result that is shown, or null; `drawing`: the canvas has the keyboard, and R is its own. */
  action(key, drawing) {
    if (key === "u" && this.model.undoable.length) return () => this.undo();
    if (!this.chosen || (drawing && key === "r")) return null;
    if (/^[1-9]$/.test(key)) return () => this.decide("rejected", REASONS[Number(key) - 1]);
    return KEYS[key] ? () => this.decide(KEYS[key]) : null;
  }

  /** Decides on the result that is shown; the next one is shown then. */
  decide(decision, reason = "") {
    const { model, chosen } = this, now = model.standing(chosen.id);
    if (now.decision !== decision || (now.reason ?? "") !== reason) {
      const { key } = this.queue.add({ sample: chosen.id, decision, reason });
      model.decide(chosen.id, decision, reason, key);
      model.undoable.push(chosen.id);
      this.#paint(chosen.id);
    }
    this.step(1);
  }

  /** Takes back the last verdict given here. */
  undo() {
    const id = this.model.undoable.pop(), sample = this.samples.find((one) => one.id === id);
    const { key } = this.queue.add({ decision: "undone", sample: id });
    this.model.decide(id, null, "", key);
    this.#paint(id);
    if (sample !== this.chosen) this.choose(sample);
  }

  #saved({ item, sample, decision, status, reason, also = [] }) {
    const { model } = this;
    if (decision === "nothing") {
      window.kizu.say(t("review.nothing_to_undo"));
      model.marks.delete(item.sample);
      return this.#paint(item.sample);
    }
    if (decision !== "undone") model.saved(sample, item.key, decision);
    else
      for (const one of [{ sample, status, reason }, ...also]) {
        const mark = model.marks.get(one.sample);
        if (!mark || mark.key === item.key || mark.saved) model.takenBack(one.sample, one.status, one.reason);
        this.#paint(one.sample);
      }
    this.#paint(sample);
  }

  #paint(id) {
    const row = this.#rowOf(id);
    if (!row || !this.model.rowOf?.has(id)) return;
    const { decision, saved, reason } = this.model.standing(id), index = REASONS.indexOf(reason);
    for (const name of DECISIONS) row.classList.toggle(name, decision === name);
    row.classList.toggle("unsaved", !saved);
    const why = reason ? ` (${index < 0 ? reason : t(`review.reason_${index + 1}`)})` : "";
    fill(row.querySelector(".mark"), decision ? [h("b", {}, SIGNS[decision] ?? ""), `${t(`review.did_${decision}`)}${why}`] : null, saved ? null : h("small", {}, t("review.saving_one")));
  }
}
