// The upper part of the map's right column: what is selected, in a picture and a few facts, and its neighbours as thumbnails.

import { fill, fixed, h, t } from "./dom.js";
import { judgement } from "./judgement.js";
import { showPictures } from "./picture.js";

const imageUrl = (image) => `kizu/image/${image.id}?v=${image.version}`;
const thumbUrl = (image) => `kizu/thumb/image/${image.id}?${image.version ? `v=${image.version}&` : ""}side=96`;

export class Details {
  /** options: colour(label), onImage(id) when a neighbour is clicked. */
  constructor(root, options) {
    this.options = options;
    this.withMask = true;
    this.title = h("div", { class: "title" });
    this.pictures = h("div", { class: "pictures" });
    this.table = h("div", { class: "by-class" });
    this.facts = h("dl", { class: "facts" });
    this.near = h("div", { class: "nearby" });
    this.maskButton = h("button", { type: "button", class: "quiet mask-toggle", onclick: () => this.toggleMask() }, t("map.mask"), h("kbd", {}, "M"));
    this.head = h("div", { class: "head" }, this.title, this.maskButton);
    fill(root, this.head, this.pictures, this.table, this.facts, this.near);
    this.root = root;
    this.clear();
  }

  /** Nothing is selected; `landing` as of landingByLabel says how near samples come to where they are asked for, `notes` what
   * is to be known about the map. */
  clear(landing = [], notes = []) {
    this.#open("blank", null);
    fill(this.title, h("p", { class: "hint" }, t("map.first")));
    const rows = landing.map(({ label, count, error }) => [label, window.kizu.number(count), fixed(error)]);
    if (rows.length) this.#rows(["", t("map.samples"), t("map.landing_median")], rows, t("map.landing_long"));
    fill(this.pictures);
    fill(this.facts);
    fill(this.near, notes.map((note) => h("p", { class: "warn" }, note)));
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
    fill(this.table);
  }

  // A line for each class: its name, then numbers.
  #rows(heads, rows, note = null) {
    const cells = (row) => row.filter((value) => value !== null).map((value, i) => h("td", {}, i ? value : this.#label(value)));
    fill(this.table, h("table", {}, h("thead", {}, h("tr", {}, heads.filter((head) => head !== null).map((head) => h("th", {}, head)))), h("tbody", {}, rows.map((row) => h("tr", {}, cells(row))))),
      note ? h("p", { class: "muted" }, note) : null);
  }

  #label(label) {
    return h("span", { class: "label" }, h("i", { style: `--c: ${this.options.colour(label)}` }), label);
  }

  #factRows(rows) {
    fill(this.facts, rows.filter((row) => row).map(([name, ...value]) => [h("dt", {}, name), h("dd", {}, ...value)]));
  }

  #neighbours(list, title, onImage = this.options.onImage) {
    const one = (image) =>
      h("button", { type: "button", title: image.distance === undefined ? image.label : `${image.label} · ${fixed(image.distance)}`, onclick: () => onImage(image.id) },
        h("img", { src: thumbUrl(image), alt: image.label, loading: "eager" }),
        h("i", { style: `--c: ${this.options.colour(image.label)}` }));
    fill(this.near, list.length ? [h("h4", {}, title), h("div", { class: "thumbs" }, list.map(one))] : []);
  }

  /** An image as /kizu/map/image/{id} describes it; `back` goes to the lasso that it was chosen from. */
  image(image, back = null) {
    this.#open("image", image.mask);
    fill(this.title, this.#label(image.label), h("span", { class: "muted" }, t("map.part", { group: image.group || "–" })),
      back ? h("button", { type: "button", class: "link", onclick: back }, t("map.lasso_back")) : null,
      h("button", { type: "button", class: "link", onclick: () => window.kizu.inpaint(image.id) }, t("map.inpaint")));
    showPictures(this.pictures, this.#spec(image));
    this.#factRows([
      this.#margin(image),
      [t("map.split"), t(`map.split_${image.split}`), image.fitted ? null : h("small", {}, t("map.placed"))],
      [t("map.file"), h("span", { class: "file", title: image.name }, h("bdi", {}, image.name)), h("small", {}, `${image.width} × ${image.height} px`)],
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

  /** The two ends of a way, each an image or a place as the server describes it. */
  path(...ends) {
    this.#open("path", null);
    fill(this.title, h("span", { class: "label" }, t("map.path")));
    const shown = ends.map((end) => (end.kind === "image" ? end : end.neighbours[0])).filter(Boolean);
    showPictures(this.pictures, ...shown.map((image) => ({ url: imageUrl(image), alt: image.label })));
    ends.forEach((end, i) => {
      if (end.kind !== "image") this.pictures.children[i]?.append(h("small", { class: "caption" }, t("map.nearest_real")));
    });
    const words = (end) => (end.kind === "image" ? [this.#label(end.label), h("small", {}, t("map.part", { group: end.group || "–" }))]
      : [h("span", { class: end.empty ? "warn" : "" }, t(end.empty ? "map.place_empty" : "map.path_place"))]);
    this.#factRows([[t("map.path_from"), ...words(ends[0])], [t("map.path_to"), ...words(ends[1])]]);
    this.#neighbours([], "");
  }

  /** What an outline took in: [{label, count, samples}] and some of the images, {id, label}. */
  lasso(classes, images, onImage) {
    this.#open("lasso", null);
    const [count, samples] = ["count", "samples"].map((name) => classes.reduce((sum, one) => sum + one[name], 0));
    fill(this.title, h("b", {}, t(samples ? "map.lasso_found_both" : "map.lasso_found", { n: window.kizu.number(count), m: window.kizu.number(samples) })));
    fill(this.pictures);
    const rows = classes.filter((one) => one.count || one.samples).map((one) => [one.label, window.kizu.number(one.count), samples ? window.kizu.number(one.samples) : null]);
    const heads = ["", t("map.images"), samples ? t("map.samples") : null];
    if (rows.length) this.#rows(heads, rows);
    this.#factRows(count + samples ? [] : [[t("map.hint"), h("small", {}, t("map.lasso_empty"))]]);
    this.#neighbours(images, t(images.length < count ? "map.lasso_some" : "map.lasso_all"), onImage);
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
      judgement(sample.label, sample.probability),
      [t("map.nearest_real"), h("b", {}, fixed(sample.nearestDistance)), nearest ? h("small", {}, nearest.label) : null],
      [t("map.method"), sample.method, h("small", {}, t("map.seed_value", { seed: sample.seed }))],
    ]);
    this.#neighbours(sample.neighbours, t("map.neighbours"));
  }
}
