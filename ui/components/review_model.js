// What the review knows: samples as columns, which of them are shown in which order, and what was decided. No page, no network.

import { GateBook } from "./gate_book.js";

export const DECISIONS = ["accepted", "rejected", "skipped"];
export const SIGNS = { accepted: "✓", rejected: "✕", skipped: "–" };
/** What is stored for the keys 1 to 9, whatever language the screen has. */
export const REASONS = ["blurred", "wrong label", "copy of a real image", "artefact", "unreal texture", "no defect visible", "impossible place", "duplicate", "other"];
export const ERROR_STEPS = [0.5, 1, 2];

export class ReviewModel {
  constructor() {
    this.filters = { status: "candidate", label: "", method: "", error: "", gate: "" };
    this.book = new GateBook();
    this.foretold = new Map();
    this.differ = new Set();
    this.sort = "newest";
    this.samples = { id: [] };
    this.shown = [];
    this.marks = new Map();
    this.kept = new Set();
    this.undoable = [];
  }

  /** Takes /kizu/review/list. It may have been read before a verdict of this page was stored, so marks stay until `settle`. */
  load({ samples, reasons, nearest }) {
    this.samples = samples;
    this.nearest = nearest;
    this.reasons = new Map(Object.entries(reasons).map(([id, reason]) => [Number(id), reason]));
    this.rowOf = new Map(samples.id.map((id, row) => [id, row]));
    for (const id of this.marks.keys()) if (!this.rowOf.has(id)) this.marks.delete(id);
    this.arrange();
  }

  /** The tab was chosen: what was decided before is shown, or left out, as the store has it. */
  settle() {
    for (const [id, mark] of this.marks) if (mark.saved) this.marks.delete(id);
    this.kept.clear();
  }

  get labels() {
    return [...new Set(this.samples.label)].sort();
  }

  get methods() {
    return [...new Set(this.samples.method)].sort();
  }

  /** Rows that pass the filters, in order. What was decided since they were chosen stays in sight, whatever its status. */
  arrange() {
    const { id, status, label, method, landing_error: error, nearest_real_distance: distance, label_probability: probability } = this.samples;
    const { filters } = this;
    const [from, to] = filters.error === "" ? [-Infinity, Infinity] : filters.error.split("-").map((v) => (v === "" ? Infinity : Number(v)));
    const passes = (row) =>
      (!filters.status || status[row] === filters.status || this.kept.has(id[row])) &&
      (!filters.label || label[row] === filters.label) &&
      (!filters.method || method[row] === filters.method) &&
      (filters.error === "" || (error[row] !== null && error[row] >= from && error[row] < to)) &&
      this.#fitsGate(id[row]);
    this.shown = id.map((_, row) => row).filter(passes);
    const by = (column, sign) => (a, b) => {
      if (column[a] === null || column[b] === null) return (column[a] === null) - (column[b] === null) || a - b;
      return sign * (column[a] - column[b]) || a - b;
    };
    const orders = {
      newest: (a, b) => b - a,
      oldest: (a, b) => a - b,
      landing: by(error, 1),
      strayed: by(error, -1),
      copies: by(distance, 1),
      doubtful: by(probability, 1),
      label: (a, b) => label[a].localeCompare(label[b]) || a - b,
    };
    const accept = id.map((one) => this.foretold.get(one) ?? null);
    orders.foretold = by(accept, -1);
    orders.unsure = by(accept.map((p) => (p === null ? null : Math.abs(p - 0.5))), 1);
    orders.useful = by(id.map((one) => this.book.value(one)), -1);
    const gate = this.sort.startsWith("gate:") && this.sort.slice(5);
    this.shown.sort(gate ? by(id.map((one) => this.book.badness(gate, one)), -1) : orders[this.sort]);
  }

  #fitsGate(id) {
    const { gate } = this.filters;
    if (!gate) return true;
    if (gate === "differ") return this.differ.has(id);
    if (!this.book.isMeasured(id)) return gate === "missing" || this.kept.has(id);
    const failed = this.book.failed(id);
    return { pass: !failed.length, fail: failed.length > 0, missing: false }[gate] ?? failed.includes(gate);
  }

  id(index) {
    return this.samples.id[this.shown[index]];
  }

  /** What stands for a sample: {decision, saved, reason}; the page's own verdict before the store's status. */
  standing(id) {
    const mark = this.marks.get(id);
    if (mark) return mark;
    const status = this.samples.status[this.rowOf.get(id)];
    return { decision: status === "candidate" ? null : status, saved: true, reason: this.reasons.get(id) ?? "" };
  }

  /** A verdict is on its way. `key` tells a later answer from that to an earlier verdict on the same sample. */
  decide(id, decision, reason, key) {
    this.marks.set(id, { decision, reason, key, saved: false });
    this.kept.add(id);
  }

  /** The server has stored what `key` stands for. */
  saved(id, key, decision) {
    const row = this.rowOf.get(id);
    if (row !== undefined && decision !== "skipped") this.samples.status[row] = decision;
    const mark = this.marks.get(id);
    if (mark && mark.key === key) mark.saved = true;
  }

  /** A verdict was taken back; what the store says now stands. */
  takenBack(id, status, reason) {
    const row = this.rowOf.get(id);
    if (row === undefined) return;
    this.samples.status[row] = status;
    if (reason) this.reasons.set(id, reason);
    else this.reasons.delete(id);
    this.marks.delete(id);
  }
}

/** Verdicts in the last minute, or the rate since the first of them where that is shorter. */
export class Pace {
  constructor() {
    this.times = [];
  }

  add() {
    this.times.push(performance.now());
  }

  /** Samples a minute, or null before there is enough to say. */
  get perMinute() {
    const now = performance.now();
    while (this.times.length && now - this.times[0] > 60000) this.times.shift();
    const span = now - (this.times[0] ?? now);
    return this.times.length < 3 || span < 2000 ? null : Math.round((this.times.length / span) * 60000);
  }
}
