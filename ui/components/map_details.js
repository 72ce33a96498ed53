// The upper part of the map's right column: what is selected, in a picture and a few facts, and its neighbours as thumbnails.

import { fill, fixed, h, t } from "./dom.js";
import { showPictures } from "./picture.js";

const imageUrl = (image) => `kizu/image/${image.id}?v=${image.version}`;
const thumbUrl = (image) => `kizu/thumb/image/${image.id}?v=${image.version}&side=96`;

export class Details {
  /** options: colour(label), onImage(id) when a neighbour is clicked. */
  constructor(root, options) {
    this.options = options;
    this.withMask = true;
    this.title = h("div", { class: "title" });
    this.pictures = h("div", { class: "pictures" });
    this.facts = h("dl", { class: "facts" });
    this.near = h("div", { class: "nearby" });
    this.maskButton = h("button", { type: "button", class: "quiet mask-toggle", onclick: () => this.toggleMask() }, t("map.mask"), h("kbd", {}, "M"));
    this.head = h("div", { class: "head" }, this.title, this.maskButton);
    fill(root, this.head, this.pictures, this.facts, this.near);
    this.root = root;
    this.clear();
  }

  /** Nothing is selected. */
  clear() {
    this.#open("blank", null);
    fill(this.title, h("p", { class: "hint" }, t("map.first")));
    fill(this.pictures);
    fill(this.facts);
    fill(this.near);
  }

  /** A failure in words, in place of the details. */
  fail(message) {
    this.clear();
    fill(this.title, h("p", { class: "bad" }, message));
  }

  toggleMask() {
    this.withMask = !this.withMask;
    this.root.classList.toggle("masked", this.withMask);
    this.maskButton.setAttribute("aria-pressed", String(this.withMask));
  }

  #open(kind, mask) {
    this.root.dataset.kind = kind;
    this.root.classList.toggle("masked", this.withMask);
    this.maskButton.hidden = !mask;
    this.maskButton.setAttribute("aria-pressed", String(this.withMask));
    this.root.scrollTop = 0;
  }

  #label(label) {
    return h("span", { class: "label" }, h("i", { style: `--c: ${this.options.colour(label)}` }), label);
  }

  #factRows(rows) {
    fill(this.facts, rows.filter((row) => row).map(([name, ...value]) => [h("dt", {}, name), h("dd", {}, ...value)]));
  }

  #neighbours(list, title) {
    const one = (image) =>
      h("button", { type: "button", title: `${image.label} · ${fixed(image.distance)}`, onclick: () => this.options.onImage(image.id) },
        h("img", { src: thumbUrl(image), alt: image.label, loading: "eager" }),
        h("i", { style: `--c: ${this.options.colour(image.label)}` }));
    fill(this.near, list.length ? [h("h4", {}, title), h("div", { class: "thumbs" }, list.map(one))] : []);
  }

  /** An image as /kizu/map/image/{id} describes it. */
  image(image) {
    this.#open("image", image.mask);
    fill(this.title, this.#label(image.label), h("span", { class: "muted" }, t("map.part", { group: image.group || "–" })));
    showPictures(this.pictures, this.#spec(image));
    this.#factRows([
      this.#margin(image),
      [t("map.split"), t(`map.split_${image.split}`), image.fitted ? null : h("small", {}, t("map.placed"))],
      [t("map.file"), h("span", { class: "file", title: image.name }, image.name), h("small", {}, `${image.width} × ${image.height} px`)],
    ]);
    this.#neighbours(image.neighbours, t("map.neighbours"));
  }

  #spec(image) {
    const maskUrl = image.mask && `kizu/image/${image.id}/mask?v=${image.mask}`;
    return { url: imageUrl(image), maskUrl, width: image.width, height: image.height, alt: image.label };
  }

  // The bar shows how far from the boundary: empty at it, full deep inside the class.
  #margin(image) {
    if (image.margin === null || !image.rival) return null;
    const width = Math.max(0, Math.min(1, image.margin)) * 100;
    const words = image.margin < 0 ? t("map.margin_wrong", { rival: image.rival }) : `${image.label} / ${image.rival}`;
    return [t("map.margin"), h("b", {}, fixed(image.margin)), h("span", { class: "meter" }, h("i", { style: `width: ${width}%` })), h("small", {}, words)];
  }

  /** Two images and the middle between them. */
  pair(first, second, distance) {
    this.#open("pair", first.mask || second.mask);
    fill(this.title, this.#label(first.label), h("span", { class: "muted" }, t("map.between")), this.#label(second.label));
    showPictures(this.pictures, this.#spec(first), this.#spec(second));
    this.#factRows([
      [t("map.distance"), h("b", {}, fixed(distance)), h("small", {}, t("map.distance_long"))],
      [t("map.parts"), `${first.group || "–"}, ${second.group || "–"}`],
    ]);
    this.#neighbours([], "");
  }

  /** A place between points: the images around it. */
  place(place, found) {
    this.#open("place", null);
    const words = place.empty ? t("map.place_empty") : t("map.place");
    fill(this.title, h("span", { class: place.empty ? "warn" : "" }, words));
    const large = found.neighbours.slice(0, 4);
    fill(this.pictures, large.map((image) => h("button", { type: "button", class: "cell", onclick: () => this.options.onImage(image.id) },
      h("img", { src: `kizu/thumb/image/${image.id}?v=${image.version}&side=256`, alt: image.label }), this.#label(image.label))));
    this.#factRows(place.empty ? [[t("map.hint"), h("small", {}, t("map.place_empty_long"))]] : []);
    this.#neighbours(found.neighbours.slice(4), t("map.further"));
  }

  /** A generated sample as /kizu/map/sample/{id} describes it. */
  sample(sample) {
    this.#open("sample", null);
    fill(this.title, this.#label(sample.label), h("span", { class: "muted" }, t("map.generated_one")), h("span", { class: `status ${sample.status}` }, t(`map.status_${sample.status}`)));
    const { nearest } = sample;
    const specs = [{ url: `kizu/sample/${sample.id}?v=${sample.version}`, alt: sample.label }];
    if (nearest) specs.push({ url: `kizu/crop/${nearest.id}?v=${nearest.cut}`, alt: nearest.label });
    showPictures(this.pictures, ...specs);
    if (nearest) this.pictures.lastElementChild.append(h("small", { class: "caption" }, t("map.nearest_real")));
    this.#factRows([
      [t("map.landing"), h("b", {}, fixed(sample.error)), h("small", {}, t("map.landing_long"))],
      [t("map.nearest_real"), h("b", {}, fixed(sample.nearestDistance)), nearest ? h("small", {}, nearest.label) : null],
      [t("map.method"), sample.method, h("small", {}, t("map.seed_value", { seed: sample.seed }))],
    ]);
    this.#neighbours(sample.neighbours, t("map.neighbours"));
  }
}
