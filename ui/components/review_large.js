// One sample in front: it, the nearest real image, their numbers, the position and the recipe. Opened by Z, filled as the cursor moves.

import { fill, fixed, getJson, h, t } from "./dom.js";
import { judgement } from "./judgement.js";
import { showPictures } from "./picture.js";

const SETTLE_MS = 60;
const LONGEST_VALUE = 60;

// Checksums and long lists are cut; the whole value is in the title.
function brief(value) {
  const text = typeof value === "object" ? JSON.stringify(value, (_, part) => (typeof part === "number" ? Number(part.toPrecision(3)) : part)) : String(value);
  if (/^[0-9a-f]{40,}$/.test(text)) return text.slice(0, 12);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)} …` : text;
}

export class Large {
  /** options: colour(label), mark(id) -> element. */
  constructor(root, options) {
    this.options = options;
    this.open = false;
    this.withMask = true;
    this.pictures = h("div", { class: "pictures" });
    this.side = h("div", { class: "side" });
    this.root = root;
    root.hidden = true;
    root.classList.add("masked");
    fill(root, this.pictures, this.side);
  }

  toggle() {
    this.open = !this.open;
    this.root.hidden = !this.open;
    return this.open;
  }

  toggleMask() {
    this.withMask = !this.withMask;
    this.root.classList.toggle("masked", this.withMask);
  }

  /** Shows a sample of the list at once, its full record as soon as it is there. A held key asks only for the last one. */
  show(brief) {
    if (!this.open || !brief) return;
    this.mark(brief.id);
    if (this.shownId === brief.id) return;
    this.shownId = brief.id;
    this.#pictures(brief, null);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#load(brief), SETTLE_MS);
  }

  /** The verdict's mark is drawn anew. */
  mark(id) {
    if (!this.open) return;
    this.head ??= h("div", { class: "verdict" });
    fill(this.head, this.options.mark(id));
  }

  #pictures(brief, whole) {
    const specs = [{ url: `kizu/sample/${brief.id}?v=${brief.version}`, alt: brief.label }];
    if (brief.nearestUrl) specs.push({ url: brief.nearestUrl, alt: t("review.nearest_real") });
    if (whole) specs.push(whole);
    else if (brief.nearestUrl) specs.push({ url: brief.nearestUrl });
    showPictures(this.pictures, ...specs);
    this.pictures.children[2]?.classList.toggle("empty", !whole);
    const captions = [t("review.sample_n", { id: brief.id }), t("review.nearest_real"), t("review.whole")];
    [...this.pictures.children].forEach((cell, i) => cell.append(h("small", { class: "caption" }, captions[i])));
  }

  async #load(brief) {
    let sample;
    try {
      sample = await getJson(`kizu/review/sample/${brief.id}`);
    } catch (error) {
      if (this.shownId === brief.id) fill(this.side, this.head, h("p", { class: "bad" }, error.message));
      return;
    }
    if (this.shownId !== brief.id) return;
    const { nearest } = sample;
    if (nearest) {
      const maskUrl = nearest.mask && `kizu/image/${nearest.id}/mask?v=${nearest.mask}`;
      this.#pictures(brief, { url: `kizu/image/${nearest.id}?v=${nearest.version}`, maskUrl, width: nearest.width, height: nearest.height });
    }
    this.#facts(sample);
  }

  #gate({ name, passed, value, limit }) {
    const short = (number) => String(Number(number.toPrecision(3)));
    return h("li", { class: passed ? "" : "bad", data: { gate: name } }, h("b", {}, passed ? "✓" : "✕"), h("span", {}, t(`gates.${name}_${passed ? "passed" : "failed"}`, { value: short(value), limit: short(limit) })));
  }

  #facts(sample) {
    const { nearest } = sample;
    const rows = [
      [t("review.label"), h("span", { class: "label" }, h("i", { style: `--c: ${this.options.colour(sample.label)}` }), sample.label)],
      [t("review.landing"), `${fixed(sample.error)} ×`, t("review.landing_long")],
      judgement(sample.label, sample.probability),
      [t("review.distance"), fixed(sample.nearestDistance), t("review.distance_long")],
      nearest && [t("review.nearest_real"), `${nearest.label}, ${nearest.group || "–"} (${t(`map.split_${nearest.split}`)})`],
      sample.value !== null && [t("review.value"), fixed(sample.value), t("review.value_long")],
      [t("review.method"), sample.method],
      [t("review.seed"), String(sample.seed)],
      [t("review.split"), `${t(`map.split_${sample.split}`)}${sample.group ? `, ${sample.group}` : ""}`],
      [t("review.made"), sample.created.replace("T", " ").slice(0, 16)],
      ["SHA-256", h("code", {}, sample.sha256.slice(0, 16))],
    ];
    const position = sample.position && h("div", { class: "position" }, sample.position.map((value) => h("span", {}, value.toFixed(1))));
    const recipe = Object.entries(sample.recipe).map(([name, value]) => [h("dt", {}, name), h("dd", { title: String(value) }, brief(value))]);
    fill(
      this.side,
      this.head,
      h("dl", {}, rows.filter(Boolean).map(([name, value, title]) => [h("dt", { title }, name), h("dd", { title }, value)])),
      sample.gates.length ? [h("h4", {}, t("gates.button")), h("ul", { class: "gate-list" }, sample.gates.map((one) => this.#gate(one)))] : null,
      position && [h("h4", {}, t("review.position")), position],
      h("h4", {}, t("review.recipe")),
      h("dl", { class: "recipe" }, recipe),
      sample.history.length ? [h("h4", {}, t("review.history")), h("ul", {}, sample.history.map((v) => h("li", {}, `${v.at.replace("T", " ").slice(0, 16)} ${v.reviewer}: ${t(`review.did_${v.decision}`)}${v.reason ? ` (${v.reason})` : ""}`)))] : null,
    );
  }
}
