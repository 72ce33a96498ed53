// A mask at the photograph's own size, one byte a pixel, and the shapes that are drawn into it. A pixel belongs to a shape when its
// middle does; places are in native pixels, (0, 0) at the upper left corner. What is drawn counts once it is committed.

const HEADER = 6; // width, height of the image; left, top, width, height of the part that follows

export class Raster {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.pixels = new Uint8Array(width * height);
    this.kept = new Uint8Array(width * height); // as of the last commit
    this.rows = new Int32Array(height);
    this.columns = new Int32Array(width);
    this.count = 0;
    this.dirty = null; // the box that may differ from what is kept
    this.fresh = null; // the box that may differ from what is shown
  }

  // ---- drawing

  #touch(left, top, right, bottom) {
    left = Math.max(0, left), top = Math.max(0, top), right = Math.min(this.width, right), bottom = Math.min(this.height, bottom);
    if (left >= right || top >= bottom) return;
    this.dirty = around(this.dirty, { left, top, right, bottom });
    this.fresh = around(this.fresh, { left, top, right, bottom });
  }

  /** The box that changed since the last call, or null. */
  takeFresh() {
    const box = this.fresh;
    this.fresh = null;
    return box;
  }

  // Pixels of row y whose middles lie from `low` to `high`.
  #span(y, low, high, value) {
    const from = Math.max(0, Math.ceil(low - 0.5)), to = Math.min(this.width - 1, Math.floor(high - 0.5));
    if (from <= to) this.pixels.fill(value, y * this.width + from, y * this.width + to + 1);
  }

  /** Everything within `radius` of the line from (ax, ay) to (bx, by): a stroke of a round brush. */
  stroke(ax, ay, bx, by, radius, value) {
    const top = Math.max(0, Math.floor(Math.min(ay, by) - radius)), bottom = Math.min(this.height, Math.ceil(Math.max(ay, by) + radius) + 1);
    for (let y = top; y < bottom; y++) {
      const found = acrossStroke(y + 0.5, ax, ay, bx, by, radius);
      if (found) this.#span(y, found[0], found[1], value);
    }
    // A brush finer than a pixel may pass between the middles; it still marks the pixels it is in.
    if (radius < 0.75) this.#thread(ax, ay, bx, by, value);
    this.#touch(Math.floor(Math.min(ax, bx) - radius) - 1, top - 1, Math.ceil(Math.max(ax, bx) + radius) + 1, bottom + 1);
  }

  #thread(ax, ay, bx, by, value) {
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(bx - ax, by - ay)));
    for (let i = 0; i <= steps; i++) {
      const x = Math.floor(ax + ((bx - ax) * i) / steps), y = Math.floor(ay + ((by - ay) * i) / steps);
      if (x >= 0 && y >= 0 && x < this.width && y < this.height) this.pixels[y * this.width + x] = value;
    }
  }

  /** The inside of a closed outline [[x, y], ...]; where it crosses itself, everything it goes around. */
  polygon(points, value) {
    const ys = points.map(([, y]) => y), xs = points.map(([x]) => x);
    const top = Math.max(0, Math.floor(Math.min(...ys))), bottom = Math.min(this.height, Math.ceil(Math.max(...ys)) + 1);
    for (let y = top; y < bottom; y++) {
      const middle = y + 0.5, crossings = [];
      points.forEach(([ax, ay], i) => {
        const [bx, by] = points[(i + 1) % points.length];
        if (ay <= middle === by <= middle) return;
        crossings.push([ax + ((middle - ay) / (by - ay)) * (bx - ax), by > ay ? 1 : -1]);
      });
      crossings.sort((a, b) => a[0] - b[0]);
      for (let i = 0, winding = 0; i + 1 < crossings.length; i++) {
        winding += crossings[i][1];
        if (winding) this.#span(y, crossings[i][0], crossings[i + 1][0], value);
      }
    }
    this.#touch(Math.floor(Math.min(...xs)) - 1, top, Math.ceil(Math.max(...xs)) + 1, bottom);
  }

  /**
   * Turns over the connected pixels around (x, y) that are as that one is: fills an enclosed area, or takes a marked one away.
   * False, and nothing is drawn, for an area that reaches all four sides of the picture: nothing encloses it.
   */
  flood(x, y) {
    x = Math.floor(x), y = Math.floor(y);
    const { width, height, pixels } = this;
    if (x < 0 || y < 0 || x >= width || y >= height) return true;
    const from = pixels[y * width + x], to = 1 - from, diagonal = from; // marked pixels hang together at their corners too
    const seen = { left: x, top: y, right: x + 1, bottom: y + 1 };
    const waiting = [x, y];
    while (waiting.length) {
      const row = waiting.pop(), start = waiting.pop(), base = row * width;
      if (pixels[base + start] !== from) continue;
      let left = start, right = start;
      while (left > 0 && pixels[base + left - 1] === from) left--;
      while (right < width - 1 && pixels[base + right + 1] === from) right++;
      pixels.fill(to, base + left, base + right + 1);
      seen.left = Math.min(seen.left, left), seen.right = Math.max(seen.right, right + 1), seen.top = Math.min(seen.top, row), seen.bottom = Math.max(seen.bottom, row + 1);
      for (const next of [row - 1, row + 1]) {
        if (next < 0 || next >= height) continue;
        let inside = false;
        for (let i = Math.max(0, left - diagonal), end = Math.min(width - 1, right + diagonal); i <= end; i++) {
          const same = pixels[next * width + i] === from;
          if (same && !inside) waiting.push(i, next);
          inside = same;
        }
      }
    }
    this.#touch(seen.left, seen.top, seen.right, seen.bottom);
    const open = !from && seen.left === 0 && seen.top === 0 && seen.right === width && seen.bottom === height;
    if (open) this.revert();
    return !open;
  }

  clear() {
    const box = this.box;
    if (!box) return;
    for (let y = box.top; y < box.bottom; y++) this.pixels.fill(0, y * this.width + box.left, y * this.width + box.right);
    this.#touch(box.left, box.top, box.right, box.bottom);
  }

  // ---- committing

  /** Takes back what was drawn since the last commit. */
  revert() {
    this.#eachRow(this.dirty, (from, to) => this.pixels.set(this.kept.subarray(from, to), from));
    this.fresh = around(this.fresh, this.dirty);
    this.dirty = null;
  }

  /** Keeps what was drawn. Returns what has changed, for `apply` to take back and bring again, or null. */
  commit() {
    const box = this.dirty;
    this.dirty = null;
    if (!box) return null;
    const width = box.right - box.left, bits = new Uint8Array(Math.ceil((width * (box.bottom - box.top)) / 8));
    let changed = false, at = 0;
    for (let y = box.top; y < box.bottom; y++) {
      const base = y * this.width;
      for (let x = box.left; x < box.right; x++, at++) {
        const i = base + x;
        if (this.pixels[i] === this.kept[i]) continue;
        bits[at >> 3] |= 128 >> (at & 7);
        this.#turn(i, x, y);
        changed = true;
      }
    }
    return changed ? { ...box, bits } : null;
  }

  #turn(i, x, y) {
    const value = (this.kept[i] ^= 1), step = value ? 1 : -1;
    this.rows[y] += step;
    this.columns[x] += step;
    this.count += step;
  }

  /** Turns over the pixels of a change: once takes it back, twice brings it again. */
  apply(change) {
    this.revert();
    this.fresh = around(this.fresh, change);
    let at = 0;
    for (let y = change.top; y < change.bottom; y++) {
      for (let x = change.left; x < change.right; x++, at++) {
        if (!(change.bits[at >> 3] & (128 >> (at & 7)))) continue;
        const i = y * this.width + x;
        this.pixels[i] ^= 1;
        this.#turn(i, x, y);
      }
    }
  }

  #eachRow(box, act) {
    for (let y = box?.top ?? 0; y < (box?.bottom ?? 0); y++) act(y * this.width + box.left, y * this.width + box.right);
  }

  /** The smallest box around what is kept, or null where nothing is. */
  get box() {
    if (!this.count) return null;
    const [left, right] = ends(this.columns), [top, bottom] = ends(this.rows);
    return { left, top, right, bottom };
  }

  // ---- to the server and back: six uint32, then the part's pixels, eight in a byte

  /** What is kept, as bytes for the server. */
  get bytes() {
    const box = this.box ?? { left: 0, top: 0, right: 0, bottom: 0 }, width = box.right - box.left, height = box.bottom - box.top;
    const bytes = new Uint8Array(4 * HEADER + Math.ceil((width * height) / 8));
    const head = new DataView(bytes.buffer);
    [this.width, this.height, box.left, box.top, width, height].forEach((value, i) => head.setUint32(4 * i, value, true));
    let at = 0;
    this.#eachRow(box, (from, to) => {
      for (let i = from; i < to; i++, at++) if (this.kept[i]) bytes[4 * HEADER + (at >> 3)] |= 128 >> (at & 7);
    });
    return bytes;
  }

  /** Draws a mask that came from the server in place of what is there, or with `add` over it. */
  draw(buffer, add = false) {
    const head = new DataView(buffer), [width, height, left, top, wide, high] = Array.from({ length: HEADER }, (_, i) => head.getUint32(4 * i, true));
    if (width !== this.width || height !== this.height) throw new Error(`mask ${width} x ${height}, image ${this.width} x ${this.height}`);
    const bits = new Uint8Array(buffer, 4 * HEADER);
    if (!add) this.clear();
    let at = 0;
    for (let y = top; y < top + high; y++) {
      for (let i = y * width + left, end = i + wide; i < end; i++, at++) if (bits[at >> 3] & (128 >> (at & 7))) this.pixels[i] = 1;
    }
    this.#touch(left, top, left + wide, top + high);
  }
}

// From where to where the horizontal line at y lies within `radius` of a segment; the stroke is convex, so that is one piece.
function acrossStroke(y, ax, ay, bx, by, radius) {
  let low = Infinity, high = -Infinity;
  const widen = (from, to) => { if (from <= to) low = Math.min(low, from), high = Math.max(high, to); };
  for (const [cx, cy] of [[ax, ay], [bx, by]]) {
    const reach = radius * radius - (y - cy) ** 2;
    if (reach >= 0) widen(cx - Math.sqrt(reach), cx + Math.sqrt(reach));
  }
  const dx = bx - ax, dy = by - ay, length = Math.hypot(dx, dy);
  if (length > 0) {
    // Between the ends: 0 <= along <= length and |aside| <= radius, both linear in x.
    const along = bounds(dx / length, ((y - ay) * dy) / length - (ax * dx) / length, 0, length);
    const aside = bounds(dy / length, (-(y - ay) * dx) / length - (ax * dy) / length, -radius, radius);
    widen(Math.max(along[0], aside[0]), Math.min(along[1], aside[1]));
  }
  return low <= high ? [low, high] : null;
}

// Where from <= slope x + offset <= to.
function bounds(slope, offset, from, to) {
  if (Math.abs(slope) < 1e-12) return offset >= from && offset <= to ? [-Infinity, Infinity] : [Infinity, -Infinity];
  const ends = [(from - offset) / slope, (to - offset) / slope];
  return slope > 0 ? ends : ends.reverse();
}

// The smallest box around two, either of which may be missing.
function around(a, b) {
  if (!a || !b) return a ?? (b && { left: b.left, top: b.top, right: b.right, bottom: b.bottom });
  return { left: Math.min(a.left, b.left), top: Math.min(a.top, b.top), right: Math.max(a.right, b.right), bottom: Math.max(a.bottom, b.bottom) };
}

function ends(counts) {
  let first = 0, last = counts.length;
  while (!counts[first]) first++;
  while (!counts[last - 1]) last--;
  return [first, last];
}
