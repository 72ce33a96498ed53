// All images of the workspace as a wall of rows by class. Only the rows in sight are in the page, so 10,000 images scroll like 100.
// It knows ids, sizes and classes from one list; pictures come as thumbnails; a click opens one large, with its mask.

import { fill, h, isTyping, t } from "./dom.js";

const ROW = 88, GAP = 3, HEAD = 30, MIN_ASPECT = 0.45, MAX_ASPECT = 2.6;

/** Whether a mask has any pixel set: images of the flawless class often come with a black one. */
async function anySet(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const side = 256, canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high"; // a thin line must not fall between the pixels
  pen.drawImage(image, 0, 0, side, side);
  return pen.getImageData(0, 0, side, side).data.some((value, i) => i % 4 !== 3 && value > 0);
}

const thumb = (image, side = 192) => `kizu/thumb/image/${image.id}?v=${image.v}&side=${side}`;

/** Rows of pictures whose widths fill `width`, as [{top, height, head} or {top, height, cells}] and the total height. */
export function layOut(sections, width) {
  const rows = [];
  let top = 0;
  for (const section of sections) {
    rows.push({ top, height: HEAD, head: section });
    top += HEAD;
    let line = [], wide = 0, usual = ROW;
    const close = (last) => {
      if (!line.length) return;
      const room = width - GAP * (line.length - 1), height = last ? Math.min(usual, room / wide) : room / wide;
      usual = height; // the last row is as tall as the one above it
      let left = 0;
      const cells = line.map(([image, aspect]) => {
        const cell = { image, left, width: aspect * height };
        left += cell.width + GAP;
        return cell;
      });
      rows.push({ top, height, cells });
      top += height + GAP;
      line = [];
      wide = 0;
    };
    for (const image of section.images) {
      const aspect = Math.min(MAX_ASPECT, Math.max(MIN_ASPECT, image.w / image.h));
      line.push([image, aspect]);
      wide += aspect;
      if (wide * ROW + GAP * (line.length - 1) >= width) close(false);
    }
    close(true);
    top += 8;
  }
  return { rows, height: top };
}

export class ImageGrid {
  /** root: an element of a given height. options: colour(slot) is the page's; onCount(n) after a filter. */
  constructor(root) {
    this.images = [];
    this.labels = [];
    this.filter = { label: "", split: "" };
    this.drawn = new Map();
    this.inner = h("div", { class: "wall" });
    this.scroller = h("div", { class: "scroller", tabindex: "0", role: "list", "aria-label": t("data.images") }, this.inner);
    fill(root, this.scroller);
    this.scroller.onscroll = () => requestAnimationFrame(() => this.#draw());
    this.inner.onclick = (event) => {
      const cell = event.target.closest("[data-id]");
      if (cell) this.open(Number(cell.dataset.id));
    };
    this.sizes = new ResizeObserver(() => this.#measure());
    this.sizes.observe(this.scroller);
  }

  /** images: [{id, v, label (index), split, w, h, mask}]; labels: [{name, slot}]. */
  set(images, labels) {
    this.images = images;
    this.labels = labels;
    this.width = 0;
    this.#measure();
  }

  show(filter) {
    this.filter = { ...this.filter, ...filter };
    this.scroller.scrollTop = 0;
    this.width = 0;
    this.#measure();
    return this.shown.length;
  }

  get shown() {
    const { label, split } = this.filter;
    return this.images.filter((image) => (label === "" || this.labels[image.label].name === label) && (split === "" || image.split === split));
  }

  #measure() {
    const width = this.scroller.clientWidth - 12;
    if (width < 40 || width === this.width) return this.#draw();
    this.width = width;
    const shown = this.shown;
    const sections = this.labels.map((label, index) => ({ ...label, images: shown.filter((image) => image.label === index) })).filter((section) => section.images.length);
    this.layout = layOut(sections, width);
    this.inner.style.height = `${this.layout.height}px`;
    this.inner.replaceChildren();
    this.drawn.clear();
    this.#draw();
  }

  #draw() {
    if (!this.layout) return;
    const from = this.scroller.scrollTop - 300, to = this.scroller.scrollTop + this.scroller.clientHeight + 300;
    this.layout.rows.forEach((row, index) => {
      const seen = row.top + row.height >= from && row.top <= to;
      if (seen && !this.drawn.has(index)) {
        const element = row.head ? this.#head(row) : this.#row(row);
        this.drawn.set(index, element);
        this.inner.append(element);
      } else if (!seen && this.drawn.has(index)) {
        this.drawn.get(index).remove();
        this.drawn.delete(index);
      }
    });
  }

  #head(row) {
    const groups = new Set(row.head.images.map((image) => image.group)).size;
    return h("h3", { style: `top:${row.top}px` },
      h("i", { style: `background:var(--kizu-class-${row.head.slot})` }), row.head.name,
      h("span", {}, t("data.class_counts", { n: kizu.number(row.head.images.length), parts: kizu.number(groups) })));
  }

  #row(row) {
    return h("div", { class: "line", style: `top:${row.top}px;height:${row.height}px` }, row.cells.map(({ image, left, width }) =>
      h("img", { src: thumb(image), loading: "lazy", decoding: "async", alt: this.labels[image.label].name, role: "listitem", data: { id: image.id, split: image.split }, style: `left:${left}px;width:${width}px` })));
  }

  /** One image large, over the grid; arrows go on, M shows the mask, Escape closes. */
  open(id) {
    const order = this.layout.rows.flatMap((row) => (row.cells ?? []).map((cell) => cell.image));
    let at = order.findIndex((image) => image.id === id), masked = false;
    if (at < 0) return;
    const picture = h("div", { class: "large" }), words = h("div", { class: "words" });
    const shade = h("div", { class: "lightbox", role: "dialog", "aria-modal": true, "aria-label": t("data.image"), tabindex: "-1" }, picture, words);
    const draw = () => {
      const image = order[at], label = this.labels[image.label];
      if (image.mask && image.maskSeen === undefined) {
        image.maskSeen = false;
        anySet(`kizu/image/${image.id}/mask`).catch(() => false).then((seen) => {
          image.maskSeen = seen;
          if (seen && shade.isConnected && order[at] === image) draw();
        });
      }
      fill(picture, h("img", { src: `kizu/image/${image.id}?v=${image.v}`, alt: label.name, style: `aspect-ratio:${image.w}/${image.h}` }),
        masked && image.maskSeen ? h("img", { class: "mask", src: `kizu/image/${image.id}/mask`, alt: t("data.mask"), style: `aspect-ratio:${image.w}/${image.h}` }) : null);
      const fact = (name, value) => h("span", {}, h("small", {}, name), " ", value);
      fill(words, h("span", { class: "label" }, h("i", { style: `background:var(--kizu-class-${label.slot})` }), label.name),
        fact(t("data.part"), image.group), fact(t("data.split"), t(`data.${image.split}`)), fact(t("data.size"), `${image.w} × ${image.h} px`),
        h("span", { class: "file" }, image.name),
        image.maskSeen ? h("button", { type: "button", "aria-pressed": String(masked), onclick: () => key({ key: "m" }) }, t("data.mask"), " ", h("kbd", {}, "M")) : null,
        h("button", { type: "button", onclick: () => { close(); window.kizu.inpaint(image.id); } }, t("map.inpaint")),
        h("button", { type: "button", onclick: () => close() }, t("shell.close"), " ", h("kbd", {}, "Esc")));
    };
    const close = () => { shade.remove(); this.scroller.focus(); };
    const key = (event) => {
      if (event.key === "Escape") close();
      else if (event.key === "ArrowRight" || event.key === "ArrowDown") at = Math.min(order.length - 1, at + 1);
      else if (event.key === "ArrowLeft" || event.key === "ArrowUp") at = Math.max(0, at - 1);
      else if (event.key.toLowerCase() === "m") masked = !masked;
      else return;
      event.preventDefault?.();
      event.stopPropagation?.();
      if (shade.isConnected) draw();
    };
    shade.onkeydown = (event) => { if (!event.ctrlKey && !event.altKey && !event.metaKey) key(event); };
    shade.onclick = (event) => { if (event.target === shade || event.target === picture) close(); };
    this.scroller.parentElement.append(shade);
    draw();
    shade.focus();
  }
}
