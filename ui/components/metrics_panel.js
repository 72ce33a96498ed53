// The panel Metrics of the tab Evaluate: how near each set of samples comes to real images, as dots with intervals on the band of
// real against real. Knows the routes of ui/metrics_routes.py; nothing of arms or verdicts.

import { choices, fill, getJson, h, isShown, postJson, t } from "./dom.js";
import { said } from "./evaluate_words.js";
import { axisOf, dotOnBand } from "./metrics_plot.js";

const OPERATION = "evaluate_samples";
const ACTIVE = ["queued", "running"];
const FEWEST = 50, FEWEST_PARTS = 5;

export class MetricsPanel {
  constructor() {
    this.button = h("button", { type: "button", class: "primary", onclick: () => this.#start() }, t("metrics.start"));
    this.words = h("p", { class: "note", role: "status" });
    this.label = h("select", { "aria-label": t("metrics.label"), onchange: () => this.#draw() });
    this.reports = h("select", { "aria-label": t("evaluate.reports"), onchange: () => this.#open(Number(this.reports.value)) });
    this.caption = h("p", { class: "caption" });
    this.keys = h("p", { class: "keys" });
    this.table = h("div", { class: "scroll" });
    this.notes = h("ul", { class: "note" });
    this.none = h("div", { class: "none" });
    this.found = h("div", { class: "report", hidden: true }, this.caption, this.keys, this.table, this.notes);
    this.element = h("div", { class: "metrics", hidden: true }, h("div", { class: "acts" }, this.button, this.words, h("span", { class: "choose" }, this.label, this.reports)), this.none, this.found);
    window.kizu.on("state", (news) => this.#news(news));
  }

  /** Reads reports again. */
  async refresh() {
    try {
      this.state = await getJson("kizu/metrics/state");
    } catch (error) {
      this.#nothing(error.message);
      return;
    }
    const { samples, reports } = this.state;
    this.#enable();
    choices(this.reports, reports.map((one) => [one.job, t("evaluate.report_is", { job: one.job, at: one.finished.replace("T", " ").slice(0, 16) })]));
    this.reports.hidden = reports.length < 2;
    if (!reports.length) this.#nothing(samples ? t("metrics.none", { n: window.kizu.number(samples) }) : t("metrics.no_samples"));
    else if (!reports.some((one) => one.job === this.shown)) await this.#open(reports[0].job);
  }

  #enable() {
    this.button.disabled = this.runs || !this.state?.samples;
  }

  #nothing(words) {
    fill(this.none, h("p", {}, words));
    this.none.hidden = false;
    this.found.hidden = true;
    this.label.hidden = true;
  }

  async #start() {
    this.button.disabled = true;
    this.words.className = "note";
    try {
      const { job } = await postJson("kizu/metrics/start", {});
      this.job = job;
      this.words.textContent = t("metrics.started");
    } catch (error) {
      this.words.className = "note bad";
      this.words.textContent = error.message;
      this.#enable();
    }
  }

  #news({ jobs }) {
    const own = jobs.filter((job) => job.operation === OPERATION);
    this.runs = own.some((job) => ACTIVE.includes(job.state));
    this.#enable();
    const mine = own.find((job) => job.id === this.job);
    if (mine && !ACTIVE.includes(mine.state)) {
      this.words.className = mine.error ? "note bad" : "note";
      this.words.textContent = mine.error ?? (mine.state === "cancelled" ? t("shell.stopped_resume") : "");
      this.job = null;
    }
    // One that was started before the page was loaded, or elsewhere.
    const active = own.find((job) => ACTIVE.includes(job.state));
    if (active && active.id !== this.job) {
      this.job = active.id;
      this.words.className = "note";
      this.words.textContent = t("metrics.started");
    }
    const done = String(own.find((job) => job.state === "done")?.id);
    if (this.known && this.known !== done && isShown(this.element)) {
      this.shown = null;
      this.refresh();
    }
    this.known = done;
  }

  // ---- a report

  async #open(job) {
    try {
      this.report = (await getJson(`kizu/metrics/${job}`)).report;
    } catch (error) {
      this.#nothing(error.message);
      return;
    }
    this.shown = job;
    this.reports.value = String(job);
    this.none.hidden = true;
    this.found.hidden = false;
    const { report } = this;
    const told = (figures) => Object.values(figures).some((one) => one.value);
    const labels = [...new Set(report.sets.flatMap((set) => Object.entries(set.per_label).filter(([, figures]) => told(figures)).map(([label]) => label)))];
    choices(this.label, [["", t("metrics.all_labels")], ...labels.sort().map((label) => [label, label])]);
    this.label.hidden = !labels.length;
    const of = { images: window.kizu.number(report.real_images), parts: window.kizu.number(report.real_parts), encoder: said(report.encoder) };
    fill(this.caption, t("metrics.caption", of), report.lpips ? null : h("span", { title: said(report.notes.find((note) => (note.text ?? note).startsWith("LPIPS"))) }, ` ${t("metrics.no_lpips")}`));
    fill(this.keys, ["floor", "as_real", "farther", "unknown"].map((name) => h("span", { class: name }, h("i"), t(`metrics.key_${name}`))));
    fill(this.notes, report.notes.map((note) => h("li", {}, said(note))));
    this.#draw();
  }

  #draw() {
    const { report, state } = this;
    const label = this.label.value;
    const rows = report.sets.map((set) => ({ set, figures: label ? set.per_label[label] : set.whole })).filter(({ figures }) => figures);
    const names = Object.keys(state.metrics).filter((name) => name !== "lpips" || report.lpips);
    const axes = Object.fromEntries(names.map((name) => [name, axisOf(rows.map(({ figures }) => figures[name]), name)]));
    const head = names.map((name) => h("th", { title: `${t(`metrics.long_${name}`)} ${t(`metrics.better_${state.metrics[name].better}`)}` },
      h("span", {}, t(`metrics.name_${name}`), state.metrics[name].better === "lower" ? " ↓" : " ↑"), h("small", {}, axes[name] && t("metrics.axis", this.#ends(name, axes[name])))));
    const body = rows.map(({ set, figures }) => h("tr", {}, h("td", { title: t("metrics.set_long", { n: window.kizu.number(set.samples) }) }, set.kind === "arm" ? t(`metrics.set_${set.name}`) : set.name),
      h("td", { title: t("metrics.images_long") }, window.kizu.number(figures.kernel.images)), names.map((name) => this.#cell(name, figures[name], axes[name]))));
    fill(this.table, h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, t("metrics.set")), h("th", { title: t("metrics.images_long") }, t("metrics.images")), head)), h("tbody", {}, body)));
  }

  #cell(name, figure, axis) {
    if (!figure) return h("td", { class: "few" }, t("metrics.no_masks"));
    const { images, parts, value, floor, gap } = figure;
    if (!value) return h("td", { class: "few" }, images < FEWEST ? t("metrics.too_few", { n: images, needed: FEWEST }) : t("metrics.too_few_parts", { n: parts, needed: FEWEST_PARTS }));
    const within = (one) => t("metrics.within", { value: this.#number(name, one.value), low: this.#number(name, one.low), high: this.#number(name, one.high) });
    const title = [t("metrics.value_is", { name: t(`metrics.name_${name}`), said: within(value) }), ...(floor ? [t("metrics.real_is", { said: within(floor) }), t("metrics.gap_is", { said: within(gap) })] : [t("metrics.no_floor")]), t("metrics.sides", { n: images, parts }), name === "lpips" ? this.report.lpips : said(this.report.encoder)].join("\n");
    const farther = gap && (this.state.metrics[name].better === "lower" ? gap.low > 0 : gap.high < 0);
    return h("td", { title, class: `figure ${gap ? (farther ? "farther" : "as_real") : "unknown"}` }, h("span", {}, this.#number(name, value.value)), dotOnBand(figure, axis, title));
  }

  #number(name, value) {
    const { scale, digits } = this.state.metrics[name];
    return (value * scale).toLocaleString(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
  }

  #ends(name, [low, high]) {
    return { low: this.#number(name, low), high: this.#number(name, high) };
  }
}
