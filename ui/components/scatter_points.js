// The points of the map as typed arrays, and a grid over them that answers "what is near here" and "what is within".

const HEADER_BYTES = 4;
const MOST_CELLS_A_SIDE = 512;

/** Ids of the rows as runs [first id, count] (see ui/map_routes.py): ids ascend, and most of them follow one another. */
class Ids {
  constructor(buffer) {
    const pairs = new Int32Array(buffer);
    this.first = Int32Array.from({ length: pairs.length / 2 }, (_, i) => pairs[2 * i]);
    this.start = new Int32Array(this.first.length + 1);
    for (let i = 0; i < this.first.length; i++) this.start[i + 1] = this.start[i] + pairs[2 * i + 1];
  }

  static #last(sorted, length, value) {
    let [low, high] = [0, length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] <= value) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  of(row) {
    const run = Ids.#last(this.start, this.first.length, row);
    return this.first[run] + row - this.start[run];
  }

  row(id) {
    const run = Ids.#last(this.first, this.first.length, id);
    const row = run < 0 ? -1 : this.start[run] + id - this.first[run];
    return run >= 0 && row < this.start[run + 1] ? row : undefined;
  }
}

/** Points as they come from /kizu/points.bin (see ui/map_routes.py for the layout). Rows are not ids: `idOf` tells them. */
export class Points {
  #ids;
  #load;
  #asked = new Map();

  /** load(name) -> bytes of /kizu/map/{name}.bin, asked for when a colour mode first needs them. */
  constructor(buffer, ids, load) {
    const n = new Uint32Array(buffer, 0, 1)[0];
    this.n = n;
    this.x = new Float32Array(buffer, HEADER_BYTES, n);
    this.y = new Float32Array(buffer, HEADER_BYTES + 4 * n, n);
    this.label = new Uint8Array(buffer, HEADER_BYTES + 8 * n, n);
    this.#ids = new Ids(ids);
    this.#load = load;
    this.grid = new Grid(this.x, this.y);
  }

  /** Database id of a row. */
  idOf = (row) => this.#ids.of(row);

  /** Row of an image, or undefined where it is not on the map. */
  rowOf = (id) => this.#ids.row(id);

  /** Loads one byte a row, "split" or "margin", into the property of that name, once; without a name nothing. */
  async side(name) {
    if (!name || this[name]) return;
    if (!this.#asked.has(name)) {
      const found = this.#load(name);
      found.catch(() => this.#asked.delete(name));
      this.#asked.set(name, found);
    }
    this[name] = new Uint8Array(await this.#asked.get(name));
  }

  /** [left, right, bottom, top] of all points. */
  get bounds() {
    return this.grid.bounds;
  }
}

/** Uniform grid over points: each question looks only into the cells that it touches. */
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
    this.side = Math.max(1, Math.min(MOST_CELLS_A_SIDE, Math.ceil(Math.sqrt(n / 2))));
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

  /** Calls visit(from, to, lowest y, highest y) for each line of cells in the box: rows order[from] to order[to - 1]. */
  lines([left, right, bottom, top], visit) {
    if (right < this.bounds[0] || left > this.bounds[1] || top < this.bounds[2] || bottom > this.bounds[3]) return;
    const [first, last] = [this.#column(left), this.#column(right)];
    for (let line = this.#line(bottom), end = this.#line(top); line <= end; line++) {
      const [from, to] = [this.start[line * this.side + first], this.start[line * this.side + last + 1]];
      if (from < to) visit(from, to, this.bounds[2] + line * this.cell, this.bounds[2] + (line + 1) * this.cell);
    }
  }

  /** Row nearest to (x, y) within `radius` among those `accept` allows, or -1; the first one within `enough` will do. */
  nearest(x, y, radius, accept = null, enough = -1) {
    let best = -1;
    let least = radius * radius;
    const sure = enough > 0 ? enough * enough : -1;
    for (let line = this.#line(y - radius), end = this.#line(y + radius); line <= end; line++) {
      const from = this.start[line * this.side + this.#column(x - radius)];
      const to = this.start[line * this.side + this.#column(x + radius) + 1];
      for (let k = from; k < to; k++) {
        const row = this.order[k];
        const square = (this.x[row] - x) ** 2 + (this.y[row] - y) ** 2;
        if (square > least || (accept && !accept(row))) continue;
        best = row;
        least = square;
        if (square <= sure) return best;
      }
    }
    return best;
  }

  /** Rows inside an outline [[x, y], ...] by the even-odd rule, among those `accept` allows. */
  within(outline, accept) {
    const [xs, ys] = [outline.map(([x]) => x), outline.map(([, y]) => y)];
    const box = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const edges = outline.map(([x1, y1], i) => {
      const [x2, y2] = outline[(i + 1) % outline.length];
      return { x1, y1, y2, slope: (x2 - x1) / (y2 - y1), low: Math.min(y1, y2), high: Math.max(y1, y2) };
    });
    const found = [];
    this.lines(box, (from, to, low, high) => {
      // The cells at the rim take in what rounding puts a hair outside them.
      const near = edges.filter((edge) => edge.high >= low - this.cell && edge.low <= high + this.cell);
      for (let k = from; k < to; k++) {
        const row = this.order[k];
        const [x, y] = [this.x[row], this.y[row]];
        let inside = false;
        for (const { x1, y1, y2, slope } of near) if (y1 > y !== y2 > y && x < x1 + (y - y1) * slope) inside = !inside;
        if (inside && accept(row)) found.push(row);
      }
    });
    return found;
  }
}
