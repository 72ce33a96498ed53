// What came of a request: before, after and difference of each sample, its masks while the pointer is over it, and its numbers. A click
// shows it in its place on the canvas, which is the page's.

import { fill, h, t } from "./dom.js";

const PIECES = ["before", "after", "difference"];

const url = (sample, piece) => `kizu/inpaint/sample/${sample.id}/${piece}?v=${sample.version}`;
const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

export class RedrawResults {
  /** options: onShow(sample or null), onReview(). */
  constructor(root, options) {
    this.root = root;
    this.options = options;
    this.samples = [];
    this.chosen = this.last = null;
    root.onclick = (event) => {
      const row = event.target.closest("[data-id]");
      if (row) this.choose(this.samples.find(({ id }) => id === Number(row.dataset.id)));
    };
  }

  forget() {
    this.choose(null);
    this.samples = [];
    this.last = null;
    fill(this.root);
  }

  /** samples: as the server describes them. */
  show(samples) {
    this.samples = samples;
    if (!samples.length) return fill(this.root);
    const legend = h("div", { class: "keys" }, ["drawn", "support", "changed"].map((name) => h("span", {}, h("i", { class: name }), t(`inpaint.mask_${name}`))));
    fill(this.root, legend, samples.map((sample) => this.#row(sample)), h("button", { type: "button", class: "quiet", onclick: () => this.options.onReview() }, t("map.review", { n: samples.length })));
    requestAnimationFrame(() => this.root.scrollIntoView({ block: "nearest" }));
  }

  #row(sample) {
    const cell = (piece) => h("span", { class: "cell" }, h("img", { src: url(sample, piece), alt: t(`inpaint.${piece}`), draggable: false }), h("img", { class: "masks", src: url(sample, "masks"), alt: "", draggable: false }), h("small", {}, t(`inpaint.${piece}`)));
    sample.picture = h("img", { src: url(sample, "after"), alt: "" });
    const words = [t("map.seed_value", { seed: sample.seed }), t("inpaint.changed_share", { share: percent(sample.changed_share) }), t("inpaint.difference_of", { mean: sample.difference_mean.toFixed(1), most: Math.round(sample.difference_most) })];
    return h("button", { type: "button", class: "made", "aria-pressed": "false", title: t("inpaint.show_long"), data: { id: sample.id } },
      h("span", { class: "cells" }, PIECES.map(cell)),
      h("span", { class: "facts" }, words.map((one) => h("span", {}, one)), sample.visible ? null : h("b", { class: "warn" }, t("inpaint.invisible"))));
  }

  /** Shows a sample on the canvas; the one that is shown goes. */
  choose(sample) {
    this.chosen = sample && sample !== this.chosen ? sample : null;
    this.last = this.chosen ?? this.last;
    for (const row of this.root.querySelectorAll("[data-id]")) row.setAttribute("aria-pressed", String(Number(row.dataset.id) === this.chosen?.id));
    const { chosen } = this;
    if (!chosen) return this.options.onShow(null);
    chosen.picture.decode().then(() => this.chosen === chosen && this.options.onShow(chosen), () => window.kizu.say(t("inpaint.no_preview"), true));
  }

  /** Before and after: the result last shown, or the first one, comes and goes. */
  toggle() {
    this.choose(this.chosen ?? this.last ?? this.samples[0] ?? null);
  }
}
