// The batch beside the single image: on which photographs and under whose masks, what that comes to, and how far the newest batch is. The rest of
// what is asked for stands in the form that holds this.

import { choices, fill, h, postJson, t } from "./dom.js";

const ACTIVE = ["running", "queued"];
const LIBRARY = "library:"; // before the label whose masks are taken, in the values of the list

/** On what and under what a batch draws. */
export class BatchFields {
  /** onChange(): something else was chosen. */
  constructor(onChange) {
    const field = (key, input) => h("label", { class: "field", title: t(`inpaint.${key}_long`) }, h("span", {}, t(`inpaint.${key}`)), input);
    this.on = h("select", { onchange: onChange });
    this.masks = h("select", { onchange: onChange });
    this.root = h("div", { class: "two batch" }, field("batch_on", this.on), field("batch_masks", this.masks));
    this.classes = [];
    this.paces = [];
  }

  /** As the server tells: {classes: [{label, images, masks, drawn, good}], paces, most}. */
  configure({ classes, paces, most }) {
    const first = !this.classes.length, n = window.kizu.number;
    Object.assign(this, { classes, paces, most });
    const sum = (name) => classes.reduce((total, one) => total + one[name], 0);
    choices(this.on, [...classes.map(({ label, images }) => [label, `${label} (${n(images)})`]), ["", t("inpaint.batch_any", { n: n(sum("images")) })]]);
    if (first) this.on.value = (classes.find(({ good }) => good) ?? [...classes].sort((a, b) => a.masks / a.images - b.masks / b.images)[0])?.label ?? "";
    const masked = classes.filter(({ masks }) => masks);
    choices(this.masks, [["library", t("inpaint.batch_own")], ...masked.map(({ label, masks }) => [LIBRARY + label, t("inpaint.batch_of", { label, n: n(masks) })]), ["drawn", t("inpaint.batch_drawn", { n: n(sum("drawn")) })]]);
  }

  get #drawn() {
    return this.masks.value === "drawn";
  }

  /** Whose masks, for samples of a label. */
  #whose(label) {
    return this.masks.value.startsWith(LIBRARY) ? this.masks.value.slice(LIBRARY.length) : label;
  }

  /** How many photographs there are to draw on. */
  get images() {
    const chosen = this.classes.filter(({ label }) => !this.on.value || label === this.on.value);
    return chosen.reduce((total, one) => total + (this.#drawn ? one.drawn : one.images), 0);
  }

  /** A label that there are masks of: this one, else the first of `labels`. */
  masked(label, labels) {
    const has = (name) => this.classes.some((one) => one.label === name && one.masks);
    return has(label) ? label : (labels.find(has) ?? label);
  }

  /** Why nothing can be made of a label, [words, tab to go to or null], or null. */
  missing(label) {
    if (!this.classes.length) return [t("inpaint.batch_no_images"), "data"];
    if (this.#drawn) return this.images ? null : [t("inpaint.batch_nothing_drawn"), null];
    const whose = this.#whose(label);
    return this.classes.some((one) => one.label === whose && one.masks) ? null : [t("inpaint.batch_no_masks", { label: whose }), null];
  }

  /** What `count` samples come to, in words. asked: of the form. */
  facts(count, { model, steps, guidance }) {
    const n = window.kizu.number, { images } = this;
    const pace = this.paces.find((one) => one.model === model && one.guided === (guidance !== 1));
    const time = pace && window.kizu.duration((count * steps) / (pace.rate * pace.steps));
    return [t(images === 1 ? "inpaint.batch_facts_one" : "inpaint.batch_facts", { n: n(count), images: n(Math.min(images, count)) }), time ? t("inpaint.batch_time", { time }) : "", t("inpaint.batch_where")].filter(Boolean).join(" ");
  }

  /** The fields of the operation's config that stand here. */
  get config() {
    return { on: this.on.value, masks: this.#drawn ? "drawn" : "library", mask_label: this.#whose("") };
  }
}

/** How far the newest batch is, with what can be done about it. */
export class BatchStatus {
  constructor(root) {
    this.root = root;
    this.words = h("span", {});
    this.bar = h("i");
    this.line = h("i", { class: "line" }, this.bar);
    const button = (kind, words, onclick) => h("button", { type: "button", class: kind, onclick }, words);
    this.stop = button("quiet", t("map.stop"), () => this.#act("stop"));
    this.resume = button("quiet", t("shell.resume"), () => this.#act("resume"));
    this.review = button("quiet", t("inpaint.batch_review"), () => window.kizu.tab("review"));
    this.log = button("link", t("inpaint.batch_log"), () => window.kizu.showJob(this.job.id));
    this.why = h("div", { class: "bad why" });
    fill(root, this.words, this.line, this.stop, this.resume, this.review, this.log, this.why);
    root.hidden = true;
  }

  /** jobs: as the page's stream tells them, newest first. */
  update(jobs) {
    const job = jobs.find(({ operation }) => operation === "redraw_batch");
    this.root.classList.toggle("any", Boolean(job));
    if (!job) return;
    const { state, step, total, eta, error } = job, active = ACTIVE.includes(state), n = window.kizu.number;
    if (this.job?.id !== job.id || !active) this.asked = false;
    this.job = job;
    const made = total ? t("inpaint.batch_made", { done: n(step), n: n(total) }) : state === "running" ? t("inpaint.batch_loading") : "";
    const left = eta === null || state !== "running" ? "" : t("shell.eta", { time: window.kizu.duration(eta) });
    this.words.textContent = [t("inpaint.batch_n", { id: job.id }), state === "running" ? "" : t(`shell.state_${state}`), made, left].filter(Boolean).join(" · ");
    this.line.classList.toggle("known", total > 0 || !active);
    this.bar.style.width = total ? `${(100 * step) / total}%` : "0";
    this.stop.hidden = !active;
    this.stop.disabled = Boolean(this.asked);
    this.stop.textContent = t(this.asked ? "map.stopping" : "map.stop");
    this.resume.hidden = !["interrupted", "failed", "cancelled"].includes(state);
    this.review.hidden = !step;
    this.why.textContent = error ?? "";
    this.why.hidden = !error;
  }

  async #act(what) {
    try {
      this.asked = what === "stop";
      this.stop.disabled = this.asked;
      await postJson(`kizu/job/${this.job.id}/${what}`, {});
    } catch (error) {
      this.asked = false;
      window.kizu.say(error.message, true);
    }
  }
}
