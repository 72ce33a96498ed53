// The lines above and below the review grid: filters, counts, what is saved; keys, and the buttons for a selection.

import { fill, h, t } from "./dom.js";
import { ERROR_STEPS } from "./review_model.js";

const STATUSES = ["candidate", "accepted", "rejected", ""];
const SORTS = ["newest", "oldest", "landing", "strayed", "copies", "doubtful", "useful", "foretold", "unsure", "label"];
const KEYS = [["A", "accept"], ["R", "reject"], ["S", "skip"], ["U", "undo"], ["1–9", "reason"], ["Space", "select"], ["Z", "zoom"], ["?", "help"]];

export class ReviewBar {
  /** options: onFilter(), onGates(), onDecide(decision, reason), onDeselect(), reasons. */
  constructor(top, foot, model, options) {
    this.model = model;
    this.options_ = options;
    this.status = h("div", { class: "modes", role: "radiogroup", "aria-label": t("review.status") });
    this.label = this.#select("label", t("review.any_label"));
    this.method = this.#select("method", t("review.any_method"));
    this.error = this.#select("error", t("review.any_error"));
    this.order = h("select", { "aria-label": t("review.sort"), onchange: () => this.#changed(() => (model.sort = this.order.value)) },
      SORTS.map((name) => h("option", { value: name }, t(`review.sort_${name}`))), (this.worst = h("optgroup", { label: t("gates.sort") })));
    this.gates = h("button", { type: "button", class: "quiet", "aria-pressed": "false", title: t("gates.button_long"), onclick: () => options.onGates() }, t("gates.button"));
    this.state = h("span", { class: "state", role: "status" });
    this.speed = h("span", { class: "speed" });
    fill(top, this.status, this.label, this.method, this.error, this.order, this.gates, h("span", { class: "grow" }), this.speed, this.state);
    this.position = h("span", { class: "at" });
    this.keys = h("span", { class: "keys" }, KEYS.map(([key, name]) => h("span", {}, h("kbd", {}, key), t(`review.short_${name}`))));
    this.bulk = h("span", { class: "bulk", hidden: true });
    fill(foot, this.position, this.keys, this.bulk);
    this.numbers = {};
    this.#errors();
    this.counts({});
    this.saving(0, null);
  }

  #select(filter, any) {
    const select = h("select", { "aria-label": any, data: { any }, onchange: () => this.#changed(() => (this.model.filters[filter] = select.value)) });
    fill(select, h("option", { value: "" }, any));
    return select;
  }

  // A list that keeps the focus would keep the keys.
  #changed(change) {
    change();
    document.activeElement?.blur();
    this.options_.onFilter();
  }

  #errors() {
    const [a, b, c] = ERROR_STEPS;
    const steps = [[`0-${a}`, `< ${a}`], [`${a}-${b}`, `${a} – ${b}`], [`${b}-${c}`, `${b} – ${c}`], [`${c}-`, `≥ ${c}`]];
    this.error.append(...steps.map(([value, words]) => h("option", { value }, t("review.error_is", { range: words }))));
  }

  /** Labels and methods that are there now. */
  options() {
    for (const [select, filter, names] of [[this.label, "label", this.model.labels], [this.method, "method", this.model.methods]]) {
      const { filters } = this.model;
      if (filters[filter] && !names.includes(filters[filter])) filters[filter] = "";
      fill(select, h("option", { value: "" }, select.dataset.any), names.map((name) => h("option", { value: name }, name)));
      select.value = filters[filter];
    }
  }

  /** Every filter as the model has it. */
  show() {
    this.options();
    this.error.value = this.model.filters.error;
    this.counts(this.numbers);
  }

  /** Gates by which the samples can be sorted. */
  sorts(names) {
    fill(this.worst, names.map((name) => h("option", { value: `gate:${name}` }, t("gates.worst", { gate: t(`gates.name_${name}`) }))));
    if (this.model.sort.startsWith("gate:") && !names.includes(this.model.sort.slice(5))) this.model.sort = "newest";
    this.order.value = this.model.sort;
  }

  /** Numbers of the store, by status. */
  counts(counts) {
    this.numbers = counts;
    const sum = Object.values(counts).reduce((total, n) => total + n, 0);
    const button = (status) =>
      h("button", { type: "button", role: "radio", "aria-checked": String(this.model.filters.status === status), data: { status: status || "all" },
        onclick: () => this.#changed(() => { this.model.filters.status = status; this.counts(this.numbers); }) },
        t(`review.status_${status || "all"}`), h("b", {}, window.kizu.number(status ? (counts[status] ?? 0) : sum)));
    fill(this.status, STATUSES.map(button));
  }

  /** Samples a minute, or null. */
  pace(perMinute) {
    this.speed.textContent = perMinute === null ? "" : t("review.pace", { n: perMinute });
  }

  /** How many verdicts are not stored yet, and why the last attempt failed. */
  saving(pending, error) {
    this.state.className = `state ${error ? "failed" : pending ? "busy" : "done"}`;
    this.state.dataset.pending = pending;
    this.state.textContent = error ? t("review.not_saved", { n: pending, error }) : pending ? t("review.saving", { n: pending }) : t("review.all_saved");
    this.state.title = error ?? "";
  }

  /** Where the cursor is, and the buttons for a selection. */
  place(cursor, count, selected) {
    this.position.textContent = count ? `${window.kizu.number(cursor + 1)} / ${window.kizu.number(count)}` : "";
    this.keys.hidden = selected > 0;
    this.bulk.hidden = selected === 0;
    if (!selected) return;
    const { onDecide, onDeselect, reasons } = this.options_;
    const act = (decision, name, kind) => h("button", { type: "button", class: `quiet ${kind}`, onclick: () => onDecide(decision) }, t(`review.bulk_${name}`, { n: selected }));
    const why = h("select", { "aria-label": t("review.short_reason"), onchange: () => onDecide("rejected", why.value) },
      h("option", { value: "" }, t("review.bulk_reason")), reasons.map((reason, i) => h("option", { value: reason }, `${i + 1}  ${t(`review.reason_${i + 1}`)}`)));
    fill(this.bulk, act("accepted", "accept", "good"), act("rejected", "reject", "bad"), why, act("skipped", "skip", ""), h("button", { type: "button", class: "link", onclick: onDeselect }, t("review.deselect")));
  }
}
