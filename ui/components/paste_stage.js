// A piece of one photograph lying on another: dragged, sized by the wheel, turned with Shift. It knows places in px of the photograph below; nothing of
// models or samples.

import { fill, h, t } from "./dom.js";

const SCALES = [0.05, 20];
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

export class PasteStage {
  /** onPlace(): the piece lies elsewhere, larger or turned. */
  constructor(root, onPlace) {
    this.onPlace = onPlace;
    this.below = h("img", { class: "below", alt: "", draggable: false });
    this.piece = h("img", { class: "piece", alt: t("paste.piece"), draggable: false, hidden: true });
    this.sheet = h("div", { class: "sheet", tabindex: "0", role: "application", "aria-label": t("paste.stage") }, this.below, this.piece);
    fill(root, this.sheet);
    this.root = root;
    this.placing = null;
    this.sheet.onpointerdown = (event) => this.#press(event);
    this.sheet.onpointermove = (event) => this.#drag(event);
    this.sheet.onpointerup = this.sheet.onpointercancel = () => (this.held = null);
    this.sheet.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.sheet.onkeydown = (event) => this.#key(event);
    new ResizeObserver(() => this.#fit()).observe(root);
  }

  /** The photograph below: its picture and its size in px. */
  lay(src, [width, height]) {
    this.size = { width, height };
    this.below.src = src;
    this.#fit();
  }

  /** The piece, as `kizu/paste/piece` tells of it, in the middle at its usual size; null takes it away. */
  take(piece, placing = null) {
    this.cut = piece;
    this.piece.hidden = !piece;
    if (!piece) return void (this.placing = null);
    this.piece.src = `data:image/png;base64,${piece.picture}`;
    this.placing = placing ?? { x_px: this.size.width / 2, y_px: this.size.height / 2, scale: piece.scale, turn_deg: 0, mirrored: false };
    this.place({});
  }

  /** Changes some of x_px, y_px, scale, turn_deg, mirrored. */
  place(change) {
    if (!this.placing) return;
    const next = { ...this.placing, ...change };
    next.x_px = Math.round(clamp(next.x_px, 0, this.size.width) * 10) / 10;
    next.y_px = Math.round(clamp(next.y_px, 0, this.size.height) * 10) / 10;
    next.scale = Number(clamp(next.scale, ...SCALES).toFixed(3));
    next.turn_deg = Math.round(((((next.turn_deg + 180) % 360) + 360) % 360) - 180);
    this.placing = next;
    this.#draw();
    this.onPlace();
  }

  get #ratio() {
    return this.sheet.clientWidth / this.size.width;
  }

  #fit() {
    if (!this.size || !this.root.clientWidth) return;
    const { width, height } = this.size, ratio = Math.min(this.root.clientWidth / width, this.root.clientHeight / height);
    [this.sheet.style.width, this.sheet.style.height] = [`${width * ratio}px`, `${height * ratio}px`];
    this.#draw();
  }

  #draw() {
    if (!this.placing) return;
    const { x_px, y_px, scale, turn_deg, mirrored } = this.placing, { style } = this.piece, ratio = this.#ratio;
    [style.left, style.top] = [`${x_px * ratio}px`, `${y_px * ratio}px`];
    [style.width, style.height] = [`${this.cut.width_px * scale * ratio}px`, `${this.cut.height_px * scale * ratio}px`];
    style.transform = `translate(-50%, -50%) rotate(${turn_deg}deg) scaleX(${mirrored ? -1 : 1})`;
  }

  #at(event) {
    const box = this.sheet.getBoundingClientRect();
    return { x: (event.clientX - box.left) / this.#ratio, y: (event.clientY - box.top) / this.#ratio };
  }

  // On the piece it is dragged from where it is held; elsewhere it comes to the pointer.
  #press(event) {
    if (!this.placing || event.button !== 0) return;
    const { x, y } = this.#at(event), on = event.target === this.piece;
    this.held = on ? { x: this.placing.x_px - x, y: this.placing.y_px - y } : { x: 0, y: 0 };
    this.sheet.setPointerCapture(event.pointerId);
    this.#drag(event);
  }

  #drag(event) {
    if (!this.held) return;
    const { x, y } = this.#at(event);
    this.place({ x_px: x + this.held.x, y_px: y + this.held.y });
  }

  #wheel(event) {
    if (!this.placing) return;
    event.preventDefault();
    const by = event.deltaY || event.deltaX;
    if (event.shiftKey) this.place({ turn_deg: this.placing.turn_deg + 5 * Math.sign(by) });
    else this.place({ scale: this.placing.scale * Math.exp(-0.001 * by) });
  }

  // With the stage in focus: arrows move, + and - size, comma and full stop turn.
  #key(event) {
    if (!this.placing || event.altKey || event.ctrlKey || event.metaKey) return;
    const { x_px, y_px, scale, turn_deg, mirrored } = this.placing, step = (event.shiftKey ? 0.05 : 0.01) * this.size.width;
    const change = { ArrowLeft: { x_px: x_px - step }, ArrowRight: { x_px: x_px + step }, ArrowUp: { y_px: y_px - step }, ArrowDown: { y_px: y_px + step }, "+": { scale: scale * 1.05 }, "-": { scale: scale / 1.05 }, ",": { turn_deg: turn_deg - 5 }, ".": { turn_deg: turn_deg + 5 }, f: { mirrored: !mirrored } }[event.key];
    if (!change) return;
    event.preventDefault();
    this.place(change);
  }
}
