// The workspace's images in one line, to choose one from, or mark many: filtered by class, only those in sight in the page, so that 50,000 scroll
// like 50.

import { fill, h, t } from "./dom.js";

const CELL = 66; // px, with its gap

export class ImageStrip {
  /** options: onChoose(image); onMark() when others are marked, which is possible where `many` is true: with Ctrl, Shift, or all that are shown. */
  constructor(root, options) {
    this.options = options;
    this.images = this.shown = [];
    this.chosen = null;
    this.drafts = new Set();
    this.marked = new Set();
    this.many = false;
    this.label = h("select", { "aria-label": t("inpaint.class_filter"), onchange: () => this.#filter() });
    this.words = h("span", { class: "muted" });
    this.inner = h("div", { class: "inner" });
    this.scroller = h("div", { class: "scroller", tabindex: "-1", role: "listbox", "aria-label": t("inpaint.images"), onscroll: () => this.#draw(), onwheel: (event) => this.#wheel(event) }, this.inner);
    this.inner.onclick = (event) => {
      const cell = event.target.closest("[data-id]");
      if (!cell) return;
      const id = Number(cell.dataset.id);
      if (this.many && this.chosen && event.shiftKey) this.mark(this.#between(this.chosen, id));
      else if (this.many && this.chosen && (event.ctrlKey || event.metaKey)) this.#toggle(id);
      else {
        this.mark([]);
        this.choose(id);
      }
    };
    fill(root, h("div", { class: "filter" }, this.label, this.words), this.scroller);
    new ResizeObserver(() => this.#draw()).observe(this.scroller);
  }

  /** images: as kizu/data/images lists them; labels: [{name, slot}]. */
  set(images, labels) {
    this.images = images;
    this.labels = labels;
    const chosen = this.label.value;
    fill(this.label, h("option", { value: "" }, t("inpaint.all_classes")), labels.map(({ name }) => h("option", { value: name }, name)));
    if (labels.some(({ name }) => name === chosen)) this.label.value = chosen;
    this.#filter();
  }

  /** Ids of the images on which something is drawn. */
  showDrafts(ids) {
    this.drafts = new Set(ids);
    this.#redraw();
  }

  /** The chosen image, and the marked ones behind it in the order of the line. */
  get picked() {
    const also = this.images.filter(({ id }) => this.marked.has(id) && id !== this.chosen);
    return [this.chosen, ...also.map(({ id }) => id)].filter(Boolean);
  }

  /** Marks these beside the chosen one, and no others. */
  mark(ids) {
    if (!ids.length && !this.marked.size) return;
    this.marked = new Set(ids.filter((id) => this.get(id)));
    this.#redraw();
    this.options.onMark?.();
  }

  /** Marks all that are shown, or none if they are. */
  markShown() {
    const ids = this.shown.map(({ id }) => id);
    this.mark(ids.every((id) => this.marked.has(id) || id === this.chosen) ? [] : ids);
  }

  #toggle(id) {
    if (id === this.chosen) return;
    const ids = new Set(this.marked);
    if (!ids.delete(id)) ids.add(id);
    this.mark([...ids]);
  }

  #between(first, last) {
    const [from, to] = [first, last].map((id) => this.shown.findIndex((image) => image.id === id)).sort((a, b) => a - b);
    return this.shown.slice(Math.max(0, from), to + 1).map(({ id }) => id);
  }

  get(id) {
    return this.images.find((image) => image.id === id);
  }

  /** Shows an image as chosen and tells; one that the filter hides takes the filter away. */
  choose(id, tell = true) {
    const image = this.get(id);
    if (!image) return;
    this.chosen = id;
    if (!this.shown.includes(image)) {
      this.label.value = "";
      this.#filter();
    }
    this.#redraw();
    const left = CELL * this.shown.indexOf(image), { scrollLeft, clientWidth } = this.scroller;
    if (left < scrollLeft || left + CELL > scrollLeft + clientWidth) this.scroller.scrollLeft = left - clientWidth / 2;
    if (tell) this.options.onChoose(image);
  }

  /** The next image of those shown, or the one before. */
  step(by) {
    const at = this.shown.findIndex((image) => image.id === this.chosen);
    const next = this.shown[Math.max(0, Math.min(this.shown.length - 1, at + by))];
    if (next && next.id !== this.chosen) this.choose(next.id);
  }

  #filter() {
    const wanted = this.label.value;
    this.shown = this.images.filter((image) => !wanted || this.labels[image.label].name === wanted);
    this.words.textContent = t("inpaint.shown", { n: window.kizu.number(this.shown.length) });
    this.inner.style.width = `${CELL * this.shown.length}px`;
    this.#redraw();
  }

  #redraw() {
    this.inner.replaceChildren();
    this.drawn = new Set();
    this.#draw();
  }

  #draw() {
    const { scrollLeft, clientWidth } = this.scroller;
    if (!clientWidth) return;
    const from = Math.max(0, Math.floor(scrollLeft / CELL) - 4), to = Math.min(this.shown.length, Math.ceil((scrollLeft + clientWidth) / CELL) + 4);
    for (const cell of [...this.inner.children]) {
      const at = Number(cell.dataset.at);
      if (at >= from && at < to) continue;
      cell.remove();
      this.drawn.delete(at);
    }
    for (let at = from; at < to; at++) {
      if (this.drawn.has(at)) continue;
      this.drawn.add(at);
      this.inner.append(this.#cell(this.shown[at], at));
    }
  }

  #cell(image, at) {
    const { name, slot } = this.labels[image.label];
    const drawn = this.drafts.has(image.id), marked = this.marked.has(image.id);
    return h("button", { type: "button", role: "option", "aria-selected": String(image.id === this.chosen), "aria-checked": this.many ? String(marked) : null, title: `${name} · ${image.name}${drawn ? ` · ${t("inpaint.has_draft")}` : ""}`, data: { id: image.id, at }, style: `left:${CELL * at}px` },
      h("img", { src: `kizu/thumb/image/${image.id}?v=${image.v}&side=96`, alt: name, draggable: false }), h("i", { style: `background: var(--kizu-class-${slot})` }), drawn ? h("b", { "aria-label": t("inpaint.has_draft") }) : null);
  }

  // An ordinary mouse's wheel moves along the line.
  #wheel(event) {
    if (event.deltaX || event.shiftKey) return;
    this.scroller.scrollLeft += event.deltaY;
    event.preventDefault();
  }
}
