// The points of the map as typed arrays, and a grid over them that answers "which point is under the cursor".

const HEADER_BYTES = 4;

/** Points as they come from /kizu/points.bin (see ui/map_routes.py for the layout). Rows are not ids: `ids` has those. */
export class Points {
  constructor(buffer, ids) {
    const n = new Uint32Array(buffer, 0, 1)[0];
    const bytes = HEADER_BYTES + 8 * n;
    this.n = n;
    this.x = new Float32Array(buffer, HEADER_BYTES, n);
    this.y = new Float32Array(buffer, HEADER_BYTES + 4 * n, n);
    this.label = new Uint8Array(buffer, bytes, n);
    this.split = new Uint8Array(buffer, bytes + n, n);
    this.margin = new Uint8Array(buffer, bytes + 2 * n, n);
    this.ids = new Int32Array(ids);
    this.rowOf = new Map();
    for (let row = 0; row < n; row++) this.rowOf.set(this.ids[row], row);
    this.grid = new Grid(this.x, this.y);
  }

  /** [left, right, bottom, top] of all points. */
  get bounds() {
    return this.grid.bounds;
  }
}

/** Places of the points by group, [{x, y}] as typed arrays: `of` says for each row in which of `count` groups it is. */
export function split(points, count, of) {
  const sizes = new Int32Array(count);
  for (let row = 0; row < points.n; row++) sizes[of(row)]++;
  const places = Array.from(sizes, (size) => ({ x: new Float32Array(size), y: new Float32Array(size), filled: 0 }));
  for (let row = 0; row < points.n; row++) {
    const place = places[of(row)];
    if (!place) continue;
    place.x[place.filled] = points.x[row];
    place.y[place.filled++] = points.y[row];
  }
  return places;
}

/** Uniform grid over points: `nearest` looks only into the cells that the radius touches. */
export class Grid {
  constructor(x, y) {
    this.x = x;
    this.y = y;
    const n = x.length;
    let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < n; i++) {
      if (x[i] < left) left = x[i];
      if (x[i] > right) right = x[i];
      if (y[i] < bottom) bottom = y[i];
      if (y[i] > top) top = y[i];
    }
    if (n === 0) [left, right, bottom, top] = [0, 1, 0, 1];
    this.bounds = [left, right, bottom, top];
    this.side = Math.max(1, Math.min(512, Math.ceil(Math.sqrt(n / 2))));
    this.cell = Math.max(right - left, top - bottom, 1e-6) / this.side;
    this.start = new Int32Array(this.side * this.side + 1);
    this.order = new Int32Array(n);
    this.#sort();
  }

  #column(value) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((value - this.bounds[0]) / this.cell)));
  }

  #line(value) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((value - this.bounds[2]) / this.cell)));
  }

  // A counting sort: rows ordered by their cell, `start` where each cell begins.
  #sort() {
    const n = this.x.length;
    const cells = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      cells[i] = this.#line(this.y[i]) * this.side + this.#column(this.x[i]);
      this.start[cells[i] + 1]++;
    }
    for (let c = 0; c < this.side * this.side; c++) this.start[c + 1] += this.start[c];
    const next = this.start.slice();
    for (let i = 0; i < n; i++) this.order[next[cells[i]]++] = i;
  }

  /** Row nearest to (x, y) within `radius` among those `accept` allows, or -1. */
  nearest(x, y, radius, accept = () => true) {
    let best = -1;
    let bestSquare = radius * radius;
    for (let line = this.#line(y - radius); line <= this.#line(y + radius); line++) {
      for (let column = this.#column(x - radius); column <= this.#column(x + radius); column++) {
        const cell = line * this.side + column;
        for (let k = this.start[cell]; k < this.start[cell + 1]; k++) {
          const row = this.order[k];
          const square = (this.x[row] - x) ** 2 + (this.y[row] - y) ** 2;
          if (square <= bestSquare && accept(row)) {
            best = row;
            bestSquare = square;
          }
        }
      }
    }
    return best;
  }
}
