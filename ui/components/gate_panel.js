// The gates beside the review: each with the spread of its numbers and its limit, which is moved by dragging or typing; what they would
// reject is said before they are let.

import { fill, h, postJson, t } from "./dom.js";

const BINS = 32;
const WIDTH_PX = 268, HEIGHT_PX = 34;
const short = (value) => String(Number(value.toPrecision(3)));

export class GatePanel {
  /** options: book, candidates() -> ids, chosen() -> filter, onFilter(filter), onDiffer(ids), onMoved(), onReject([{id, failed}]), onSay(text, bad). */
  constructor(root, options) {
    this.options = options;
    this.root = root;
    root.hidden = true;
    this.told = h("p", { class: "told" });
    this.which = h("select", { "aria-label": t("gates.which"), onchange: () => (options.onFilter(this.which.value), this.#tell()) });
    this.reject = h("button", { type: "button", class: "quiet bad", onclick: () => this.#reject() });
    this.run = h("button", { type: "button", class: "quiet", onclick: () => this.#run() });
    this.rows = h("div", { class: "rows" });
    this.people = h("div", { class: "people" });
    fill(root, h("div", { class: "acts" }, this.told, this.which, h("div", { class: "line" }, this.reject, this.run)), this.rows, this.people);
  }

  toggle() {
    this.root.hidden = !this.root.hidden;
    if (!this.root.hidden) this.draw();
    return !this.root.hidden;
  }

  /** Draws all of it anew; called when samples, numbers or the filter changed. */
  draw() {
    if (this.root.hidden || this.dragged) return;
    const { book } = this.options;
    this.ids = this.options.candidates();
    this.measured = this.ids.filter((id) => book.isMeasured(id));
    this.parts = new Map();
    fill(this.rows, book.gates.map((gate) => this.#row(gate)));
    this.#tell();
  }

  #row(gate) {
    const values = this.measured.map((id) => this.options.book.number(gate.name, id)).filter((value) => value !== null);
    const limit = h("input", { type: "number", step: "any", "aria-label": t("gates.limit_of", { gate: t(`gates.name_${gate.name}`) }), onchange: () => this.#typed(gate, limit) });
    const part = { values, limit, fails: h("b"), picture: h("div", { class: "spread" }), usual: h("button", { type: "button", class: "link", onclick: () => this.#keep(gate, null) }, t("gates.usual")) };
    this.parts.set(gate.name, part);
    part.picture.onpointerdown = (event) => this.#drag(gate, part, event);
    const row = h("section", { data: { gate: gate.name } },
      h("div", { class: "line" }, h("strong", { title: t(`gates.title_${gate.name}`) }, t(`gates.name_${gate.name}`)), part.usual, h("span", { class: "grow" }), part.fails, h("span", {}, t(`gates.side_${gate.side}`)), limit),
      values.length ? part.picture : h("p", { class: "faint" }, t("gates.no_numbers")));
    this.#paint(gate);
    return row;
  }

  #paint(gate) {
    const { values, limit, fails, picture, usual } = this.parts.get(gate.name);
    const failing = values.filter((value) => !this.options.book.passes(gate, value)).length;
    fails.textContent = values.length ? t("gates.fails", { n: failing, of: values.length }) : "";
    fails.className = failing ? "bad" : "";
    if (document.activeElement !== limit) limit.value = short(gate.limit);
    usual.hidden = gate.limit === gate.usual;
    usual.title = t("gates.usual_is", { value: short(gate.usual) });
    if (values.length) picture.replaceChildren(this.#spread(gate, values));
  }

  // Bars from the least to the most of numbers and limits, bars of failing numbers in the colour of what is wrong.
  #spread(gate, values) {
    const [low, high] = this.#span(gate, values);
    const [counts, failing] = [new Array(BINS).fill(0), new Array(BINS).fill(0)];
    for (const value of values) {
      const bin = Math.min(BINS - 1, Math.floor(((value - low) / (high - low)) * BINS));
      counts[bin] += 1;
      failing[bin] += !this.options.book.passes(gate, value);
    }
    const top = Math.max(...counts);
    const step = WIDTH_PX / BINS;
    const bars = counts.map((count, i) => {
      const tall = count ? Math.max(2, (count / top) * (HEIGHT_PX - 4)) : 0;
      return `<rect class="${2 * failing[i] > count ? "wrong" : ""}" x="${(i * step).toFixed(1)}" y="${(HEIGHT_PX - tall).toFixed(1)}" width="${(step - 1).toFixed(1)}" height="${tall.toFixed(1)}"/>`;
    });
    const marks = (gate.side === "within" ? [-gate.limit, gate.limit] : [gate.limit]).map((value) => (((value - low) / (high - low)) * WIDTH_PX).toFixed(1));
    const lines = marks.map((x) => `<line x1="${x}" x2="${x}" y1="0" y2="${HEIGHT_PX}"/>`);
    const template = document.createElement("template");
    template.innerHTML = `<svg viewBox="0 0 ${WIDTH_PX} ${HEIGHT_PX}" width="${WIDTH_PX}" height="${HEIGHT_PX}" role="img">${bars.join("")}${lines.join("")}</svg>`;
    template.content.firstChild.setAttribute("aria-label", t("gates.spread", { gate: t(`gates.name_${gate.name}`), low: short(low), high: short(high) }));
    return template.content.firstChild;
  }

  // While it is dragged the axis stays; else the limit would run from the pointer.
  #span(gate, values) {
    if (this.dragged?.name === gate.name) return this.dragged.span;
    const ends = [...values, gate.usual, gate.limit, ...(gate.side === "within" ? [-gate.usual, -gate.limit] : [])];
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const room = (high - low || Math.abs(high) || 1) * 0.05;
    return [low - room, high + room];
  }

  #drag(gate, part, event) {
    const { picture, values } = part;
    event.preventDefault();
    picture.setPointerCapture(event.pointerId);
    this.dragged = { name: gate.name, span: this.#span(gate, values) };
    const [low, high] = this.dragged.span;
    const move = ({ clientX }) => {
      const box = picture.getBoundingClientRect();
      const value = low + Math.min(1, Math.max(0, (clientX - box.left) / box.width)) * (high - low);
      gate.limit = Number((gate.side === "within" ? Math.abs(value) : value).toPrecision(3));
      this.#paint(gate);
      this.#tell();
    };
    move(event);
    picture.onpointermove = move;
    picture.onpointerup = picture.onpointercancel = () => {
      picture.onpointermove = picture.onpointerup = picture.onpointercancel = null;
      this.dragged = null;
      this.#keep(gate, gate.limit);
    };
  }

  #typed(gate, input) {
    const value = input.valueAsNumber;
    if (Number.isFinite(value)) this.#keep(gate, value);
    else input.value = short(gate.limit);
  }

  async #keep(gate, limit) {
    gate.limit = limit ?? gate.usual;
    this.#paint(gate);
    this.#tell();
    this.options.onMoved();
    try {
      await postJson("kizu/gates/limit", { gate: gate.name, limit });
    } catch (error) {
      this.options.onSay(error.message, true);
    }
  }

  #failing() {
    return this.measured.map((id) => ({ id, failed: this.options.book.failed(id) })).filter(({ failed }) => failed.length);
  }

  #tell() {
    const { book } = this.options;
    const failing = this.#failing().length;
    const n = this.measured.length;
    this.told.textContent = n ? t("gates.told", { passed: n - failing, n }) : t(this.ids.length ? "gates.none_measured" : "gates.no_candidates");
    this.reject.textContent = t("gates.reject", { n: failing });
    this.reject.disabled = !failing;
    this.run.textContent = t(book.rowOf.size ? "gates.run_again" : "gates.run");
    this.run.className = book.rowOf.size ? "quiet" : "primary";
    const missing = this.ids.length - n;
    const pairs = [["", t("gates.show_all")], ["pass", t("gates.show_pass", { n: n - failing })], ["fail", t("gates.show_fail", { n: failing })],
      ...(missing ? [["missing", t("gates.show_missing", { n: missing })]] : []),
      ...(this.options.chosen() === "differ" ? [["differ", t("review.show_differ")]] : []),
      ...book.gates.map(({ name }) => [name, t("gates.show_one", { gate: t(`gates.name_${name}`) })])];
    fill(this.which, pairs.map(([value, words]) => h("option", { value }, words)));
    this.which.value = this.options.chosen();
    this.which.disabled = !book.rowOf.size && !this.options.chosen();
  }

  async #run() {
    this.run.disabled = true;
    try {
      await postJson("kizu/gates/start", {});
    } catch (error) {
      this.options.onSay(error.message, true);
      this.run.disabled = false;
    }
  }

  /** What was learned from the reviewer, and what is known of several. Answers of /kizu/review/foretold and /kizu/review/reviewers. */
  tell({ agreed, usual, needed }, { pairs, fake }) {
    const share = (value) => `${Math.round(value * 100)} %`;
    const learned = agreed ? t("review.foretold", { v: share(agreed.value), n: agreed.count, low: share(agreed.low), high: share(agreed.high), usual: share(usual) }) : t("review.foretold_few", { n: needed });
    const compared = pairs.map(({ reviewers, kappa, same, count, samples }) => {
      const words = t("review.pair", { a: reviewers[0], b: reviewers[1], same: share(same), n: count, kappa: kappa === null ? "–" : kappa.toFixed(2), d: samples.length });
      const look = () => (this.options.onDiffer(samples), this.#tell());
      return h("p", {}, words, " ", samples.length ? h("button", { type: "button", class: "link", onclick: look }, t("review.show_them")) : null);
    });
    const fakes = Object.entries(fake).map(([name, { value, low, high, count }]) => t("review.fake", { name, v: share(value), n: count, low: share(low), high: share(high) }));
    const mix = h("button", { type: "button", class: "link", title: t("review.mix_long"), onclick: () => this.#mix(mix) }, t("review.mix"));
    fill(this.people, h("p", {}, learned), compared, fakes.map((line) => h("p", {}, line)), mix);
  }

  async #mix(button) {
    button.disabled = true;
    try {
      await postJson("kizu/review/controls", { count: 10 });
      this.options.onSay(t("review.mixed"));
    } catch (error) {
      this.options.onSay(error.message, true);
      button.disabled = false;
    }
  }

  /** A job of the gates is at work, or is not. */
  atWork(isAtWork) {
    this.run.disabled = isAtWork;
  }

  #reject() {
    this.options.onReject(this.#failing());
  }
}
