// Sends verdicts to the server in order, one batch at a time, and tells when they are stored.
// A batch that fails is sent again until it is stored; each verdict has a key, so the server stores it once however often it comes.

import { postJson } from "./dom.js";

const MAX_BATCH = 256;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8000;
/** A request that the browser may finish after the page has gone must stay below 64 kB. */
const MAX_FAREWELL = 400;

export class VerdictQueue {
  /** options: url, onSaved(answers, counts), onRefused(item, message), onChange(). */
  constructor(options) {
    this.options = options;
    this.waiting = [];
    this.sent = [];
    this.error = null;
    this.session = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    this.sequence = 0;
    this.retryMs = FIRST_RETRY_MS;
    this.limit = MAX_BATCH;
    window.addEventListener("beforeunload", (event) => {
      if (this.pending) event.preventDefault();
    });
    window.addEventListener("pagehide", () => this.#farewell());
    window.addEventListener("online", () => this.#now());
  }

  /** How many verdicts are not known to be stored. */
  get pending() {
    return this.waiting.length + this.sent.length;
  }

  /** Adds {sample, decision, reason, batch} or {decision: "undone", sample}, where no sample means the newest action whole; returns it with its key. */
  add(item) {
    const kept = { ...item, key: this.newKey(), at: performance.now() };
    this.waiting.push(kept);
    this.#send();
    return kept;
  }

  /** A key that no other verdict or action has. */
  newKey() {
    return `${this.session}:${this.sequence++}`;
  }

  #now() {
    clearTimeout(this.timer);
    this.timer = null;
    this.#send();
  }

  async #send() {
    if (this.sent.length || this.timer || !this.waiting.length) return;
    this.sent = this.waiting.splice(0, this.limit);
    this.options.onChange();
    try {
      const answer = await postJson(this.options.url, { items: this.sent.map(wire) });
      this.#saved(answer);
    } catch (error) {
      this.#failed(error);
    }
  }

  #saved(answer) {
    const now = performance.now();
    for (const item of this.sent) performance.measure("kizu:verdict", { start: item.at, end: now });
    const items = this.sent;
    this.sent = [];
    this.error = null;
    this.retryMs = FIRST_RETRY_MS;
    this.options.onSaved(answer.results.map((result, i) => ({ ...result, item: items[i] })), answer.counts);
    this.options.onChange();
    this.#send();
  }

  #failed(error) {
    const items = this.sent;
    this.sent = [];
    // What the server refuses for a reason is refused again; everything else may work in a moment.
    const refused = error.retry === false && error.status !== 401;
    if (refused && items.length === 1) {
      this.limit = MAX_BATCH;
      this.options.onRefused(items[0], error.message);
    } else {
      this.waiting = [...items, ...this.waiting];
      // One bad verdict must not hold back the others: they go one by one until it is found.
      if (refused) this.limit = 1;
      else this.error = error.message;
    }
    this.options.onChange();
    if (!this.error) return void this.#send();
    this.timer = setTimeout(() => this.#now(), this.retryMs);
    this.retryMs = Math.min(LONGEST_RETRY_MS, this.retryMs * 2);
  }

  // The page goes: what is not stored is sent once more, in requests that outlive it.
  #farewell() {
    const items = [...this.sent, ...this.waiting].slice(0, MAX_FAREWELL);
    if (items.length) postJson(this.options.url, { items: items.map(wire) }, { keepalive: true }).catch(() => {});
  }
}

const wire = ({ sample, decision, reason, key, batch }) => ({ sample, decision, reason: reason ?? "", key, batch: batch ?? "" });
