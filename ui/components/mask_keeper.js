// Keeps drawn masks on the server: a short while after each stroke, one request at a time, the newest mask of each image, again
// until it is there. It knows no drawing.

import { postBytes } from "./dom.js";

const REST_MS = 250;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8000;
/** A request that the browser may finish after the page has gone must stay below 64 kB. */
const FAREWELL_BYTES = 60_000;

export class MaskKeeper {
  /** onChange(): the state may be another. onRefused(message): the server will not have a mask. */
  constructor({ onChange, onRefused }) {
    this.onChange = onChange;
    this.onRefused = onRefused;
    this.waiting = new Map(); // image id -> function that gives its bytes
    this.sending = null;
    this.error = null;
    this.retryMs = FIRST_RETRY_MS;
    this.listeners = [];
    window.addEventListener("beforeunload", (event) => {
      this.#now();
      if (this.state !== "saved" && this.error) event.preventDefault();
    });
    window.addEventListener("pagehide", () => this.#farewell());
    document.addEventListener("visibilitychange", () => document.hidden && this.#now());
    window.addEventListener("online", () => this.#now());
  }

  /** "saved", "saving" or "failed": then `error` says why, and it is tried again. */
  get state() {
    if (!this.waiting.size && !this.sending) return "saved";
    return this.error ? "failed" : "saving";
  }

  /** The mask of an image has changed; `bytes()` gives it when its turn comes. */
  note(id, bytes) {
    this.waiting.set(id, bytes);
    this.#later(REST_MS);
    this.onChange();
  }

  /** The raster behind an image's mask goes: what it holds now is what will be sent. */
  detach(id) {
    const bytes = this.waiting.get(id)?.();
    if (bytes) this.waiting.set(id, () => bytes);
    this.#now();
  }

  /** Resolves when all that was drawn is on the server's disk. */
  settled() {
    this.#now();
    return this.state === "saved" ? Promise.resolve() : new Promise((done) => this.listeners.push(done));
  }

  #later(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#now(), ms);
  }

  #now() {
    clearTimeout(this.timer);
    this.#send();
  }

  async #send() {
    if (this.sending || !this.waiting.size) return;
    const [id, give] = this.waiting.entries().next().value;
    this.waiting.delete(id);
    this.sending = { id, bytes: give() };
    this.onChange();
    const start = performance.now();
    try {
      await postBytes(url(id), this.sending.bytes);
      performance.measure("kizu:mask", { start, end: performance.now() });
      this.error = null;
      this.retryMs = FIRST_RETRY_MS;
    } catch (error) {
      const { bytes } = this.sending;
      if (error.retry === false && error.status !== 401) this.onRefused(error.message);
      else {
        this.error = error.message;
        // What was drawn since is newer than what failed.
        if (!this.waiting.has(id)) this.waiting.set(id, () => bytes);
      }
    }
    this.sending = null;
    if (this.waiting.size) this.error ? this.#again() : this.#send();
    else this.listeners.splice(0).forEach((done) => done());
    this.onChange();
  }

  #again() {
    this.#later(this.retryMs);
    this.retryMs = Math.min(LONGEST_RETRY_MS, this.retryMs * 2);
  }

  // The page goes: what is not known to be stored is sent once more, in requests that outlive it.
  #farewell() {
    const open = new Map([...this.waiting].map(([id, give]) => [id, give()]));
    if (this.sending && !open.has(this.sending.id)) open.set(this.sending.id, this.sending.bytes);
    for (const [id, bytes] of open) postBytes(url(id), bytes, { keepalive: bytes.length < FAREWELL_BYTES }).catch(() => {});
  }
}

const url = (id) => `kizu/inpaint/image/${id}/mask`;
