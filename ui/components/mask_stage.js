// What the canvas shows: the photograph, the mask over it, the crop the model will see, a result in its place, and what is being drawn.
// It draws when asked, once a frame, and changes nothing.

import { Tiles } from "./mask_tiles.js";
import { View } from "./mask_view.js";

const PIXELS_FROM = 3; // screen pixels for a native one, from where its edges are shown

export class Stage {
  constructor(canvas) {
    this.canvas = canvas;
    this.view = new View();
    this.opacity = 0.5;
    this.masked = true;
    this.photograph = null; // an image element, at any size
    this.result = null; // {image, box}
    this.crop = null;
    this.cropWords = ""; // beside its frame
    this.pending = null; // (pen, view) => draws what is being drawn
    this.size = null; // native {width, height}
    new ResizeObserver(() => this.#resize()).observe(canvas);
    addEventListener("resize", () => this.#resize());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  /** Another photograph, or none yet: {width, height} native. */
  show(size) {
    this.size = size;
    this.photograph = this.result = this.crop = null;
    this.tiles = new Tiles(size.width, size.height);
    this.view.show(size.width, size.height);
    this.redraw();
  }

  /** The mask's pixels changed within a box. */
  update(box, pixels) {
    this.colour ??= this.#ink();
    this.tiles.update(box, pixels, this.colour);
    this.redraw();
  }

  #ink() {
    const probe = new OffscreenCanvas(1, 1).getContext("2d");
    probe.fillStyle = this.#tone("mask");
    probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  }

  #tone = (name) => getComputedStyle(document.body).getPropertyValue(`--kizu-${name}`).trim();

  /** (x, y) on the stage of a pointer event. Asked anew each time: the page may scroll or zoom. */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** Native place of a pointer event. */
  native(event) {
    return this.view.native(...this.at(event));
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return; // the tab is hidden
    this.view.resize(width, height);
    this.redraw();
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#draw();
    });
  }

  #draw() {
    const { canvas, view, size } = this, pen = canvas.getContext("2d");
    const ratio = devicePixelRatio || 1, width = Math.round(view.stage.width * ratio), height = Math.round(view.stage.height * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, view.stage.width, view.stage.height);
    if (!size) return;
    pen.imageSmoothingQuality = "high";
    const area = [view.x, view.y, size.width * view.scale, size.height * view.scale];
    pen.fillStyle = this.#tone("line");
    pen.fillRect(...area);
    if (this.photograph) {
      pen.imageSmoothingEnabled = (view.scale * size.width) / this.photograph.naturalWidth < PIXELS_FROM;
      pen.drawImage(this.photograph, ...area);
    }
    pen.imageSmoothingEnabled = view.scale < PIXELS_FROM;
    if (this.result) pen.drawImage(this.result.image, ...this.#area(this.result.box));
    else if (this.masked) {
      pen.imageSmoothingEnabled = view.scale * ratio < 1;
      pen.globalAlpha = this.opacity;
      this.tiles.draw(pen, view, ratio);
      pen.globalAlpha = 1;
    }
    if (this.crop) this.#outline(pen, this.#area(this.crop));
    this.pending?.(pen, view, this.#tone);
  }

  #area(box) {
    const [x, y] = this.view.placed(box.left, box.top);
    return [x, y, (box.right - box.left) * this.view.scale, (box.bottom - box.top) * this.view.scale];
  }

  #outline(pen, area) {
    pen.lineWidth = 3;
    pen.strokeStyle = this.#tone("panel");
    pen.strokeRect(...area);
    pen.lineWidth = 1.5;
    pen.strokeStyle = this.#tone("accent");
    pen.setLineDash([7, 4]);
    pen.strokeRect(...area);
    pen.setLineDash([]);
    if (this.cropWords) this.#caption(pen, area);
  }

  // Under the frame, or over its lower edge where there is no room.
  #caption(pen, [x, y, , height]) {
    const { stage } = this.view;
    pen.font = `11px ${getComputedStyle(this.canvas).fontFamily}`;
    const wide = pen.measureText(this.cropWords).width + 10, high = 17;
    const left = Math.max(4, Math.min(x, stage.width - wide - 4)), top = Math.max(4, Math.min(y + height + 4, stage.height - high - 4));
    pen.globalAlpha = 0.88;
    pen.fillStyle = this.#tone("panel");
    pen.fillRect(left, top, wide, high);
    pen.globalAlpha = 1;
    pen.fillStyle = this.#tone("text");
    pen.textBaseline = "middle";
    pen.fillText(this.cropWords, left + 5, top + high / 2 + 0.5);
  }
}
