// What to generate next: for each label what is named wrongly, beside what, and how many samples that calls for; one button makes them,
// another runs the loop. Below, what the last loop came to.

import { fill, fixed, getJson, h, postJson, t } from "./dom.js";
import { said, verdictWord } from "./evaluate_words.js";

const ACTIVE = ["queued", "running"];
const ROUNDS = 3;
const PAIRS = 4;
const SETTLE_MS = 400;
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;

export class PlanPanel {
  constructor() {
    this.root = h("section", { class: "plan" });
    this.count = h("input", { type: "number", class: "number", min: 10, max: 100000, step: 10, value: "300", oninput: () => this.#settle() });
    this.make = h("button", { type: "button", class: "primary", onclick: () => this.#start("make", { count: this.count.valueAsNumber }) });
    this.loop = h("button", { type: "button", class: "plain", title: t("plan.loop_long"), onclick: () => this.#start("loop", { count: this.count.valueAsNumber, rounds: ROUNDS }) }, t("plan.loop", { n: ROUNDS }));
    this.words = h("p", { class: "note", role: "status" });
    this.review = h("button", { type: "button", class: "link", hidden: true, onclick: () => window.kizu.tab("review") }, t("plan.go_review"));
    this.rows = h("div", { class: "troubles", hidden: true });
    this.notes = h("ul", { class: "note" });
    this.last = h("div", { class: "last" });
    this.acts = h("div", { class: "acts", hidden: true }, h("label", { class: "field" }, h("span", {}, t("plan.count")), this.count), this.make, this.loop, this.words, this.review);
    this.none = h("p", { class: "empty", hidden: true });
    fill(this.root, h("h2", {}, t("plan.heading")), this.none, this.rows, this.notes, this.acts, this.last);
    window.kizu.on("state", ({ jobs }) => this.#news(jobs));
  }

  #settle() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.count.checkValidity() && this.refresh(), SETTLE_MS);
  }

  /** Reads the plan again. */
  async refresh() {
    const asked = (this.asked = this.count.valueAsNumber);
    try {
      const found = await getJson(`kizu/plan?count=${asked}`);
      if (this.asked === asked) this.#show(found);
    } catch (error) {
      this.#nothing(error.message, null);
    }
  }

  #show(found) {
    if (found.missing) return this.#nothing(found.missing, found.tab);
    const { troubles, batches, notes, versions, parts, slots, judged } = found;
    Object.assign(this, { troubles, batches, versions, parts, slots, judged });
    for (const part of [this.rows, this.acts]) part.hidden = false;
    this.none.hidden = true;
    fill(this.rows, this.troubles.map((one) => this.#trouble(one)));
    fill(this.notes, [...notes.map(said), ...(this.judged ? [] : [t("plan.no_validation")])].map((note) => h("li", {}, note)));
    this.make.textContent = t("plan.make", { n: window.kizu.number(this.batches.reduce((sum, one) => sum + one.count, 0)) });
    this.#enable();
    fill(this.last, this.loopTable(found.loop));
  }

  #nothing(words, tab) {
    for (const part of [this.rows, this.acts]) part.hidden = true;
    fill(this.notes);
    fill(this.none, words, " ", tab && h("button", { type: "button", class: "link", onclick: () => window.kizu.tab(tab) }, t(`plan.go_${tab}`)));
    this.none.hidden = false;
  }

  #colour = (label) => `var(--kizu-class-${this.slots[label] ?? 11})`;

  #trouble({ label, images, wrong, rival, worst }) {
    const own = this.batches.filter((one) => one.label === label);
    const total = own.reduce((sum, one) => sum + one.count, 0);
    const edge = own.filter((one) => one.config.boundary).reduce((sum, one) => sum + one.count, 0);
    const method = own.length ? t(`plan.method_${own[0].operation}`) : "";
    const how = edge ? t("plan.at_boundary", { method, n: edge, rival }) : method;
    return h("div", { class: "trouble", data: { label }, style: `--c: ${this.#colour(label)}` },
      h("div", { class: "label" }, h("i", { class: "dot" }), h("b", {}, label)),
      h("div", { class: "share", title: t("plan.beside", { n: wrong }) }, h("span", { class: "bar" }, h("i", { style: `width: ${(100 * wrong) / images}%` })), h("span", {}, t("plan.wrong", { wrong, images })), h("small", {}, wrong && rival ? t("plan.taken", { rival }) : "")),
      h("div", { class: "pairs" }, wrong ? this.#ofParts(worst).slice(0, PAIRS).map((pair) => this.#pair(pair)) : h("small", {}, t("plan.no_pairs"))),
      h("div", { class: "planned", title: own.map((one) => said(one.why)).join("\n") }, h("b", {}, window.kizu.number(total)), h("small", {}, how)));
  }

  // The worst of each part first: photographs of one part under several lights say the same.
  #ofParts(pairs) {
    const seen = new Set();
    const first = pairs.filter(({ image_id: id }) => !seen.has(this.parts[id]) && seen.add(this.parts[id]));
    return [...first, ...pairs.filter((pair) => !first.includes(pair))];
  }

  #pair({ image_id: id, partner_id: partner, partner_label: rival, margin, distance }) {
    const picture = (one, name) => h("img", { class: name, src: `kizu/crop/${one}?v=${this.versions[one] ?? ""}`, alt: "", loading: "lazy" });
    return h("span", { class: "pair-of", title: `${t("plan.pair", { id, margin: fixed(margin), distance: fixed(distance, 1) })} (${rival})`, style: `--r: ${this.#colour(rival)}` }, picture(id, "own"), picture(partner, "rival"));
  }

  async #start(what, body) {
    this.make.disabled = this.loop.disabled = true;
    this.review.hidden = true;
    try {
      const { job } = await postJson(`kizu/plan/${what}`, body);
      [this.job, this.what] = [job, what];
      this.#say(t(what === "make" ? "plan.make_started" : "plan.loop_started"));
    } catch (error) {
      this.#say(error.message, true);
      this.#enable();
    }
  }

  #say(words, bad = false) {
    this.words.className = bad ? "note bad" : "note";
    this.words.textContent = words;
  }

  #enable() {
    this.make.disabled = this.busy || !this.batches?.length;
    this.loop.disabled = this.make.disabled || !this.judged;
  }

  #news(jobs) {
    const own = jobs.filter((job) => ["make_plan", "loop"].includes(job.operation));
    this.busy = own.some((job) => ACTIVE.includes(job.state));
    const mine = own.find((job) => job.id === this.job);
    if (mine && !ACTIVE.includes(mine.state)) {
      const ended = { done: this.what === "make" ? t("plan.make_done") : "", cancelled: t("shell.stopped_resume") };
      this.#say(mine.error ?? ended[mine.state] ?? "", Boolean(mine.error));
      this.review.hidden = mine.state !== "done";
      this.job = null;
      if (mine.state === "done") this.refresh();
    }
    // One that was started before the page was loaded, or elsewhere.
    const active = own.find((job) => ACTIVE.includes(job.state));
    if (active && active.id !== this.job) {
      [this.job, this.what] = [active.id, active.operation === "loop" ? "loop" : "make"];
      this.#say(t(`plan.${this.what}_started`));
    }
    if (this.batches) this.#enable();
  }

  /** The rounds of a loop that is done, and why it ended. */
  loopTable(loop) {
    if (!loop?.report) return null;
    const { report } = loop;
    const gain = (one) => (one ? `${signed(one.difference)} (${signed(one.low)} – ${signed(one.high)})` : "–");
    const verdict = (word) => (word ? verdictWord(word) : "–");
    const cells = (...all) => h("tr", {}, all.map((cell) => h("td", {}, cell)));
    const rows = report.rounds.map((one, i) => cells(String(i + 1), Object.entries(one.labels).map(([label, n]) => `${n} ${label}`).join(", "), `${one.passed} / ${one.samples}`, fixed(one.balanced_accuracy ?? NaN, 3), gain(one.gain), verdict(one.verdict)));
    const total = report.total && t("plan.total", { gain: signed(report.total.difference), low: signed(report.total.low), high: signed(report.total.high), verdict: verdict(report.verdict) });
    return [h("h2", {}, t("plan.loop_heading"), h("small", {}, loop.finished.replace("T", " ").slice(0, 16))),
      h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["round", "made", "passed", "reached", "gain"].map((name) => h("th", {}, t(`plan.${name}`))), h("th", {}, t("evaluate.column_verdict")))), h("tbody", {}, cells(t("plan.start"), "", "", fixed(report.before, 3), "", ""), rows))),
      h("p", { class: "ended" }, said(report.ended)), total && h("p", { class: "note" }, total)];
  }
}
