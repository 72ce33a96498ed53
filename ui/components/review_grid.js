// A grid that holds any number of tiles and draws only those in sight. It has a cursor and a selection, both by place in the list.
// What a tile looks like is the caller's: `paint(tile, index)` fills or refreshes one.

import { fill, h } from "./dom.js";

const OVERSCAN_ROWS = 2;

export class Grid {
  /** options: tileWidth, tileHeight, paint(tile, index), onMove(). */
  constructor(root, options) {
    this.options = options;
    this.count = 0;
    this.cursor = 0;
    this.anchor = 0;
    this.selected = new Set();
    this.tiles = new Map();
    this.inner = h("div", { class: "inner" });
    this.root = root;
    fill(root, this.inner);
    root.addEventListener("scroll", () => this.#soon(), { passive: true });
    root.addEventListener("click", (event) => this.#clicked(event));
    new ResizeObserver(() => this.#layout()).observe(root);
  }

  /** Shows `count` tiles from the start, with the cursor at `cursor`. */
  show(count, cursor = 0) {
    this.count = count;
    this.selected.clear();
    for (const tile of this.tiles.values()) tile.remove();
    this.tiles.clear();
    this.#layout();
    this.move(cursor);
    if (cursor === 0) this.root.scrollTop = 0;
  }

  #layout() {
    const width = this.inner.clientWidth;
    if (!width) return;
    this.columns = Math.max(1, Math.floor(width / this.options.tileWidth));
    // Tiles share what is left over, so that the right edge is not ragged.
    this.step = width / this.columns;
    this.inner.style.height = `${Math.ceil(this.count / this.columns) * this.options.tileHeight}px`;
    for (const [index, tile] of this.tiles) this.#place(tile, index);
    this.draw();
  }

  #place(tile, index) {
    const [column, line] = [index % this.columns, Math.floor(index / this.columns)];
    tile.style.transform = `translate(${Math.round(column * this.step)}px, ${line * this.options.tileHeight}px)`;
    tile.style.width = `${Math.floor(this.step)}px`;
  }

  #soon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  /** Draws the tiles in sight. Tiles that were there are repainted only when `all`. */
  draw(all = false) {
    if (!this.columns) return;
    const { tileHeight, paint } = this.options;
    const first = Math.max(0, Math.floor(this.root.scrollTop / tileHeight) - OVERSCAN_ROWS) * this.columns;
    const last = Math.min(this.count, (Math.ceil((this.root.scrollTop + this.root.clientHeight) / tileHeight) + OVERSCAN_ROWS) * this.columns);
    for (const [index, tile] of this.tiles) {
      if (index >= first && index < last) continue;
      tile.remove();
      this.tiles.delete(index);
    }
    for (let index = first; index < last; index++) {
      let tile = this.tiles.get(index);
      if (tile && !all) continue;
      if (!tile) {
        tile = h("div", { class: "tile", data: { index } });
        this.tiles.set(index, tile);
        this.#place(tile, index);
        this.inner.append(tile);
      }
      paint(tile, index);
      this.#mark(tile, index);
    }
  }

  #mark(tile, index) {
    tile.classList.toggle("cursor", index === this.cursor);
    tile.classList.toggle("selected", this.selected.has(index));
  }

  /** Repaints one tile if it is in sight. */
  repaint(index) {
    const tile = this.tiles.get(index);
    if (tile) this.options.paint(tile, index);
  }

  #marks() {
    for (const [index, tile] of this.tiles) this.#mark(tile, index);
  }

  /** Puts the cursor at `index`; with `extend` everything from the anchor to it is selected. */
  move(index, { extend = false } = {}) {
    if (!this.count) return this.options.onMove();
    this.cursor = Math.max(0, Math.min(this.count - 1, index));
    if (extend) {
      this.selected.clear();
      const [from, to] = [Math.min(this.anchor, this.cursor), Math.max(this.anchor, this.cursor)];
      for (let i = from; i <= to; i++) this.selected.add(i);
    } else this.anchor = this.cursor;
    this.#reveal();
    this.#marks();
    this.options.onMove();
  }

  #reveal() {
    if (!this.columns) return;
    const { tileHeight } = this.options;
    const top = Math.floor(this.cursor / this.columns) * tileHeight;
    const { scrollTop, clientHeight } = this.root;
    if (top < scrollTop) this.root.scrollTop = top;
    else if (top + tileHeight > scrollTop + clientHeight) this.root.scrollTop = top + tileHeight - clientHeight;
    this.draw();
  }

  /** Adds the tile at the cursor to the selection or takes it out. */
  toggle(index = this.cursor) {
    if (!this.count) return;
    if (!this.selected.delete(index)) this.selected.add(index);
    this.anchor = index;
    this.#marks();
    this.options.onMove();
  }

  selectAll() {
    this.select(Array.from({ length: this.count }, (_, index) => index));
  }

  /** Adds tiles to the selection. */
  select(indexes) {
    for (const index of indexes) this.selected.add(index);
    this.#marks();
    this.options.onMove();
  }

  /** Empties the selection; says whether there was one. */
  deselect() {
    const had = this.selected.size > 0;
    this.selected.clear();
    this.#marks();
    this.options.onMove();
    return had;
  }

  #clicked(event) {
    const tile = event.target.closest(".tile");
    if (!tile) return;
    const index = Number(tile.dataset.index);
    if (event.ctrlKey || event.metaKey) {
      this.move(index);
      this.toggle(index);
    } else {
      if (!event.shiftKey && this.selected.size) this.deselect();
      this.move(index, { extend: event.shiftKey });
    }
  }
}
