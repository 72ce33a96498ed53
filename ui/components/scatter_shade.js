// Where no real image is near, as a grey tone under the points: so that it is seen before a click. A coarse picture of the
// view and its surroundings, looked up in the points' grid when the view rests and moved along while it does not.

const CELL_PX = 8;
const AROUND = 0.25;

export class Shade {
  /** `canvas` is as coarse as the picture; its style stretches it over the view. */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.shown = true;
  }

  /** Places further than `radius` from every point of the grid are shaded. */
  load(grid, radius) {
    [this.grid, this.radius] = [grid, radius];
    this.covered = null;
  }

  /** view: {width, height, left, right, bottom, top}, colour as CSS; `moving` while the next view will follow at once. */
  draw(view, colour, moving) {
    if (this.shown && !moving) this.#look(view, colour);
    this.canvas.hidden = !this.shown || !this.covered;
    if (this.canvas.hidden) return;
    const { left, top, width, height } = this.covered;
    const [sx, sy] = [view.width / (view.right - view.left), view.height / (view.top - view.bottom)];
    const [across, down] = [(width * sx) / this.canvas.width, (height * sy) / this.canvas.height];
    this.canvas.style.transform = `translate(${(left - view.left) * sx}px, ${(view.top - top) * sy}px) scale(${across}, ${down})`;
  }

  #look({ width, height, left, right, bottom, top }, colour) {
    const share = 1 + 2 * AROUND;
    const [columns, lines] = [Math.ceil((share * width) / CELL_PX), Math.ceil((share * height) / CELL_PX)];
    if (!columns || !lines) return;
    const [stepX, stepY] = [(right - left) * (CELL_PX / width), (top - bottom) * (CELL_PX / height)];
    const [x0, y0] = [left - AROUND * (right - left), top + AROUND * (top - bottom)];
    const image = this.context.createImageData(columns, lines);
    // What lies between two cells of the picture is near to both: else a dense map would look full of holes.
    const step = Math.max(stepX, stepY);
    const radius = Math.max(this.radius, 0.75 * step);
    const soft = Math.min(step / 2, radius / 3);
    for (let line = 0; line < lines; line++) {
      const y = y0 - (line + 0.5) * stepY;
      for (let column = 0; column < columns; column++) {
        const x = x0 + (column + 0.5) * stepX;
        image.data[4 * (line * columns + column) + 3] = Math.round(255 * this.#emptiness(x, y, radius, soft));
      }
    }
    [this.canvas.width, this.canvas.height] = [columns, lines];
    this.context.putImageData(image, 0, 0);
    this.context.globalCompositeOperation = "source-in";
    this.context.fillStyle = colour;
    this.context.fillRect(0, 0, columns, lines);
    this.covered = { left: x0, top: y0, width: columns * stepX, height: lines * stepY };
  }

  // 0 near a point, 1 far from all, between the two where the distance is the radius.
  #emptiness(x, y, radius, soft) {
    const row = this.grid.nearest(x, y, radius + soft, null, radius - soft);
    if (row < 0) return 1;
    const distance = Math.hypot(this.grid.x[row] - x, this.grid.y[row] - y);
    return Math.min(1, Math.max(0, (distance - radius) / (2 * soft) + 0.5));
  }
}
