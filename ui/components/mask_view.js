// Where the photograph lies in the window: zoom and place, in CSS pixels of the stage for each native pixel. Numbers only.

const MOST = 64;

export class View {
  constructor() {
    Object.assign(this, { scale: 1, x: 0, y: 0, width: 1, height: 1, stage: { width: 1, height: 1 } });
  }

  /** A photograph of this size, shown whole. */
  show(width, height) {
    this.width = width;
    this.height = height;
    this.fit();
  }

  /** The stage has another size: what is in its middle stays there, and what was shown whole stays whole. */
  resize(width, height) {
    const whole = this.whole, dx = (width - this.stage.width) / 2, dy = (height - this.stage.height) / 2;
    this.stage = { width, height };
    if (whole) return this.fit();
    this.x += dx;
    this.y += dy;
    this.#hold();
  }

  get #least() {
    return Math.min(this.stage.width / this.width, this.stage.height / this.height, 1);
  }

  /** Whole, with a little air; small photographs larger, in whole steps. */
  fit(box = { left: 0, top: 0, right: this.width, bottom: this.height }) {
    const air = Math.min(24, this.stage.width / 20);
    const scale = Math.min((this.stage.width - 2 * air) / (box.right - box.left), (this.stage.height - 2 * air) / (box.bottom - box.top));
    this.scale = Math.max(1e-3, Math.min(MOST, scale > 2 ? Math.floor(scale) : scale));
    this.x = (this.stage.width - (box.left + box.right) * this.scale) / 2;
    this.y = (this.stage.height - (box.top + box.bottom) * this.scale) / 2;
    this.whole = box.left === 0 && box.top === 0 && box.right === this.width && box.bottom === this.height;
  }

  /** Larger or smaller by `factor`; the place under (x, y) of the stage stays there. */
  zoom(factor, x = this.stage.width / 2, y = this.stage.height / 2) {
    const scale = Math.max(this.#least / 2, Math.min(MOST, this.scale * factor)), ratio = scale / this.scale;
    this.x = x - (x - this.x) * ratio;
    this.y = y - (y - this.y) * ratio;
    this.scale = scale;
    this.whole = false;
    this.#hold();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.whole = false;
    this.#hold();
  }

  // Some of the photograph always stays in sight.
  #hold() {
    const held = (at, size, stage) => Math.max(Math.min(60, stage / 4) - size, Math.min(stage - Math.min(60, stage / 4), at));
    this.x = held(this.x, this.width * this.scale, this.stage.width);
    this.y = held(this.y, this.height * this.scale, this.stage.height);
  }

  /** Native place of (x, y) of the stage. */
  native(x, y) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  /** Place on the stage of a native one. */
  placed(x, y) {
    return [this.x + x * this.scale, this.y + y * this.scale];
  }
}
