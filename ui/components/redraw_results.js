// What came of a request: before, after and difference of each sample, its masks over the difference while the pointer is there, and its numbers. A click
// shows it in its place on the canvas, which is the page's.

import { fill, getJson, h, t } from "./dom.js";

const PIECES = ["before", "after", "difference"];

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

export class RedrawResults {
  /** options: onShow(sample or null), contrast(), onReview(). */
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

  /** samples: as the server describes them, drawn on the image of this id. */
  show(samples, imageId) {
    this.samples = samples.map((sample) => ({ ...sample, imageId }));
    if (!samples.length) return fill(this.root);
    const legend = h("div", { class: "keys" }, ["drawn", "support", "changed"].map((name) => h("span", {}, h("i", { class: name }), t(`inpaint.mask_${name}`))));
    fill(this.root, legend, this.samples.map((sample) => this.#row(sample)), h("button", { type: "button", class: "quiet", onclick: () => this.options.onReview() }, t("map.review", { n: samples.length })));
    requestAnimationFrame(() => this.root.scrollIntoView({ block: "nearest" }));
  }

  #row(sample) {
    const cells = h("span", { class: "cells" }, PIECES.map((piece) => h("span", { class: "cell" }, h("small", {}, t(`inpaint.${piece}`)))));
    const facts = h("span", { class: "facts" }, h("span", {}, t("map.seed_value", { seed: sample.seed })));
    this.#fill(sample, cells, facts);
    return h("button", { type: "button", class: "made", "aria-pressed": "false", title: t("inpaint.show_long"), data: { id: sample.id } }, cells, facts);
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

  /** Shows a sample on the canvas; the one that is shown goes. */
  choose(sample) {
    this.chosen = sample && sample !== this.chosen ? sample : null;
    this.last = this.chosen ?? this.last;
    for (const row of this.root.querySelectorAll("[data-id]")) row.setAttribute("aria-pressed", String(Number(row.dataset.id) === this.chosen?.id));
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
}
