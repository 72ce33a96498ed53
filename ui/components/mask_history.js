// What was drawn on one image, to take back and to bring again. It knows changes, which are their own opposites, and no pixels.

const MOST_BYTES = 64 * 2 ** 20;

export class History {
  constructor() {
    this.done = [];
    this.undone = [];
    this.bytes = 0;
  }

  push(change) {
    this.undone = [];
    this.done.push(change);
    this.bytes = this.done.reduce((sum, one) => sum + one.bits.length, 0);
    // The oldest steps go when they take too much memory; the last one always stays.
    while (this.bytes > MOST_BYTES && this.done.length > 1) this.bytes -= this.done.shift().bits.length;
  }

  /** The change to turn over, or undefined where nothing is left. */
  undo() {
    const change = this.done.pop();
    if (change) this.undone.push(change);
    return change;
  }

  redo() {
    const change = this.undone.pop();
    if (change) this.done.push(change);
    return change;
  }
}
