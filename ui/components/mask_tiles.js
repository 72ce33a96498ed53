// The mask as it is seen: tiles of native pixels in the mask's colour, made only where something is drawn, redrawn only where it changed.

const SIDE = 512;

export class Tiles {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.across = Math.ceil(width / SIDE);
    this.tiles = new Map();
  }

  /** Draws what changed within `box` of the pixels of a raster. colour: [r, g, b]. */
  update(box, pixels, colour) {
    if (!box) return;
    const ink = new Uint32Array(new Uint8ClampedArray([...colour, 255]).buffer)[0];
    for (let row = Math.floor(box.top / SIDE); row * SIDE < box.bottom; row++) {
      for (let column = Math.floor(box.left / SIDE); column * SIDE < box.right; column++) this.#updateTile(column, row, box, pixels, ink);
    }
  }

  #updateTile(column, row, box, pixels, ink) {
    const left = Math.max(box.left, column * SIDE), right = Math.min(box.right, (column + 1) * SIDE, this.width);
    const top = Math.max(box.top, row * SIDE), bottom = Math.min(box.bottom, (row + 1) * SIDE, this.height);
    const image = new ImageData(right - left, bottom - top), words = new Uint32Array(image.data.buffer);
    let at = 0, any = false;
    for (let y = top; y < bottom; y++) {
      for (let i = y * this.width + left, end = i + right - left; i < end; i++, at++) {
        if (!pixels[i]) continue;
        words[at] = ink;
        any = true;
      }
    }
    const key = row * this.across + column;
    if (!any && !this.tiles.has(key)) return;
    if (!this.tiles.has(key)) this.tiles.set(key, this.#tile(column, row));
    this.tiles.get(key).pen.putImageData(image, left - column * SIDE, top - row * SIDE);
  }

  #tile(column, row) {
    const left = column * SIDE, top = row * SIDE;
    const canvas = new OffscreenCanvas(Math.min(SIDE, this.width - left), Math.min(SIDE, this.height - top));
    return { left, top, canvas, pen: canvas.getContext("2d") };
  }

  /** Draws the tiles in sight. Their edges fall on whole pixels of the screen, or seams would show. */
  draw(pen, view, ratio) {
    const edge = (value) => Math.round(value * ratio) / ratio;
    for (const { left, top, canvas } of this.tiles.values()) {
      const [x0, y0] = view.placed(left, top).map(edge), [x1, y1] = view.placed(left + canvas.width, top + canvas.height).map(edge);
      if (x1 <= 0 || y1 <= 0 || x0 >= view.stage.width || y0 >= view.stage.height) continue;
      pen.drawImage(canvas, x0, y0, x1 - x0, y1 - y0);
    }
  }
}
