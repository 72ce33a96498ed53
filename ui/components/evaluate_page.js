// The tab Evaluate. Left: which arms to train. Right: the verdict in one sentence, then what it rests on.

import { choices, fill, fixed, getJson, h, isShown, postJson, t } from "./dom.js";
import { curveSections } from "./evaluate_curves.js";
import { dotPlot } from "./evaluate_plot.js";
import { armName, pointName, said, verdictWord } from "./evaluate_words.js";
import { MetricsPanel } from "./metrics_panel.js";
import { PlanPanel } from "./plan_panel.js";

const OPERATION = "evaluate_classifier";
const ACTIVE = ["queued", "running"];
const HEADLINE = ["accepted", "gated", "generated", "copy-paste", "generated only", "recipe 3", "recipe 5", "recipe 4", "recipe 2", "oversampled", "real"];
const FOLDS = [3, 5, 10];
const MOST_CHANGED = 24;

class EvaluatePage {
  constructor(element) {
    this.element = element;
    this.chosen = null;
    this.#layout();
    window.kizu.on("state", (news) => this.#news(news));
  }

  #layout() {
    const [left, right] = ["left", "right"].map((name) => h("div", { class: name }));
    this.arms = h("div", { class: "arms" });
    this.recipes = h("div", { class: "arms" });
    this.seeds = h("input", { type: "number", class: "number", min: 1, max: 100, value: "5" });
    this.split = h("select");
    this.real = h("input", { type: "text", spellcheck: false, autocomplete: "off", placeholder: "5 10 20 0" });
    this.images = h("input", { type: "number", class: "number", min: 1, step: 1000, value: "6000" });
    this.beside = h("input", { type: "text", spellcheck: false, autocomplete: "off", placeholder: "20 50 0" });
    this.mirrored = h("input", { type: "checkbox" });
    this.classifier = h("input", { type: "text", spellcheck: false, autocomplete: "off", value: "builtin" });
    this.good = h("select", { onchange: () => this.refresh() });
    this.words = h("p", { class: "note", role: "status" });
    this.button = h("button", { type: "button", class: "primary", onclick: () => this.#start() }, t("evaluate.start"));
    const field = (name, input) => h("label", { class: "field", title: t(`evaluate.${name}_long`) }, h("span", {}, t(`evaluate.${name}`)), input);
    fill(left, h("h2", {}, t("evaluate.arms")), this.arms, h("div", { class: "pair" }, field("seeds", this.seeds), field("split", this.split)),
      h("details", {}, h("summary", {}, t("evaluate.more")), field("real", this.real), field("samples_each", this.beside), field("images", this.images), field("classifier", this.classifier), field("good", this.good),
        h("label", { class: "check", title: t("evaluate.mirrored_long") }, this.mirrored, h("span", {}, t("evaluate.mirrored"))), h("h3", {}, t("evaluate.recipes")), this.recipes),
      h("div", { class: "start" }, this.button, this.words));
    this.reports = h("select", { "aria-label": t("evaluate.reports"), onchange: () => this.#open(Number(this.reports.value)) });
    this.sentence = h("p", { class: "sentence" });
    this.told = h("p", { class: "muted" });
    this.plot = h("div", { class: "plot" });
    this.table = h("div", { class: "scroll" });
    this.detail = h("div", { class: "detail" });
    this.curves = h("div", { class: "curves" });
    this.apart = h("div", { class: "tables" });
    this.files = h("p", { class: "files" });
    this.notes = h("ul", { class: "note" });
    this.found = h("div", { class: "found", hidden: true }, h("div", { class: "line" }, h("div", {}, this.sentence, this.told), this.reports), this.plot, this.table, this.detail, this.curves, this.apart, this.notes, this.files);
    this.none = h("div", { class: "none" });
    this.plan = new PlanPanel();
    fill(right, this.none, this.found, this.plan.root);
    this.metrics = new MetricsPanel();
    this.#switch({ verdict: [left, right], metrics: [this.metrics.element] });
  }

  // One view at a time: what samples are worth to a classifier, or how near they come to real images.
  #switch(views) {
    const asked = h("p", { class: "muted" });
    const buttons = Object.keys(views).map((name) => h("button", { type: "button", onclick: () => choose(name) }, t(`evaluate.view_${name}`)));
    const choose = (chosen) => {
      asked.textContent = t(`evaluate.asks_${chosen}`);
      Object.entries(views).forEach(([name, parts], i) => {
        buttons[i].setAttribute("aria-pressed", String(name === chosen));
        for (const part of parts) part.hidden = name !== chosen;
      });
      if (chosen === "metrics") this.metrics.refresh();
    };
    choose("verdict");
    fill(this.element, h("div", { class: "bar" }, asked, h("div", { class: "segments", role: "group", "aria-label": t("evaluate.view") }, buttons)), Object.values(views));
  }

  /** Reads arms and reports again. */
  async refresh() {
    if (!this.metrics.element.hidden) this.metrics.refresh();
    try {
      this.state = await getJson(`kizu/evaluate/state?good=${encodeURIComponent(this.good.value)}`);
    } catch (error) {
      this.#nothing(error.message);
      return;
    }
    const { arms, tested, reports, labels } = this.state;
    choices(this.good, [["", t("evaluate.good_found")], ...labels.map((label) => [label, label])]);
    const ticked = new Set(this.#ticked());
    const usual = ({ name }) => !name.startsWith("recipe");
    const drawn = (list) => list.map((arm) => this.#arm(arm, this.touched ? ticked.has(arm.name) : usual(arm) && !arm.missing));
    fill(this.arms, drawn(arms.filter(usual)));
    fill(this.recipes, drawn(arms.filter((arm) => !usual(arm))));
    const splits = Object.entries(tested).sort().map(([name, n]) => [name, t("evaluate.split_is", { split: t(`map.split_${name}`), n })]);
    choices(this.split, [...splits, ...FOLDS.map((n) => [`folds-${n}`, t("evaluate.folds_are", { n })])]);
    choices(this.reports, reports.map((one) => [one.job, t(one.partial ? "evaluate.report_is_partial" : "evaluate.report_is", { job: one.job, at: one.finished.replace("T", " ").slice(0, 16) })]));
    this.reports.hidden = reports.length < 2;
    if (!reports.length) this.#nothing(t("evaluate.none"));
    else if (!reports.some((one) => one.job === this.shown)) this.#open(reports[0].job);
  }

  #arm({ name, missing, real, samples }, checked) {
    const box = h("input", { type: "checkbox", value: name, checked: checked && !missing, disabled: Boolean(missing), onchange: () => (this.touched = true) });
    const count = [real && t("evaluate.real_n", { n: real }), samples && t("evaluate.samples_n", { n: samples })].filter(Boolean).join(" + ");
    return h("label", { class: missing ? "check off" : "check", title: t(`evaluate.long_${name}`) }, box, h("span", {}, armName(name)), h("small", {}, missing ? null : count), missing && h("em", {}, said(missing)));
  }

  #ticked() {
    return [this.arms, this.recipes].flatMap((list) => [...list.querySelectorAll("input:checked")]).map((box) => box.value);
  }

  #nothing(words) {
    fill(this.none, h("p", {}, words));
    this.none.hidden = false;
    this.found.hidden = true;
  }

  async #start() {
    const arms = this.#ticked();
    const numbers = ({ value }) => (value.trim() ? value.trim().split(/[\s,]+/).map(Number) : [0]);
    const [, folds] = this.split.value.match(/^folds-(\d+)$/) ?? [];
    const judged = folds ? { folds: Number(folds) } : { split: this.split.value, mirrored: this.mirrored.checked };
    this.button.disabled = true;
    try {
      const config = { arms, ...judged, seeds: this.seeds.valueAsNumber, real: numbers(this.real), beside: numbers(this.beside), images_seen: this.images.valueAsNumber, classifier: this.classifier.value.trim(), good: this.good.value };
      const { job } = await postJson("kizu/evaluate/start", config);
      this.job = job;
      this.words.className = "note";
      this.words.textContent = t("evaluate.started");
    } catch (error) {
      this.words.className = "note bad";
      this.words.textContent = error.message;
      this.button.disabled = false;
    }
  }

  #news({ jobs }) {
    const own = jobs.filter((job) => job.operation === OPERATION);
    this.button.disabled = own.some((job) => ACTIVE.includes(job.state));
    const mine = own.find((job) => job.id === this.job);
    if (mine && !ACTIVE.includes(mine.state)) {
      this.words.className = mine.error ? "note bad" : "note";
      this.words.textContent = mine.error ?? (mine.state === "cancelled" ? t("evaluate.stopped") : "");
      this.job = null;
    }
    // One that was started before the page was loaded, or elsewhere.
    const active = own.find((job) => ACTIVE.includes(job.state));
    if (active && active.id !== this.job) {
      this.job = active.id;
      this.words.className = "note";
      this.words.textContent = t("evaluate.started");
    }
    // What ended well changes the arms or the reports; an evaluation that was stopped may have left a partial one.
    const ended = [...own.filter((job) => !ACTIVE.includes(job.state)), ...jobs.filter((job) => job.state === "done")];
    const done = ended.map((job) => `${job.id} ${job.state}`).join();
    if (this.known !== undefined && this.known !== done && isShown(this.element)) {
      this.shown = null;
      this.refresh();
    }
    this.known = done;
  }

  // ---- a report

  async #open(job) {
    try {
      const { report, versions, files } = await getJson(`kizu/evaluate/${job}`);
      [this.shown, this.report, this.versions, this.kept] = [job, report, versions, files];
    } catch (error) {
      this.#nothing(error.message);
      return;
    }
    this.reports.value = String(job);
    this.none.hidden = true;
    this.found.hidden = false;
    this.#headline();
    fill(this.curves, curveSections(this.report));
    fill(this.apart, this.#apart(), this.#mirrored());
    fill(this.files, t("evaluate.files"), this.kept.map((name) => h("a", { href: `kizu/evaluate/${job}/${name}`, download: "" }, name.split(".").pop().toUpperCase())));
    fill(this.notes, this.report.notes.map((note) => h("li", {}, said(note))));
    this.#choose(this.#leading()?.point ?? this.report.arms[0].point);
  }

  #leading() {
    const compared = this.report.arms.filter((arm) => arm.comparison && !arm.point.real && !arm.point.beside);
    return HEADLINE.map((name) => compared.find((arm) => arm.point.arm === name)).find(Boolean);
  }

  #headline() {
    const { report } = this;
    const arm = this.#leading();
    const base = arm && report.arms.find((one) => one.point.arm === arm.base && !one.point.real && !one.point.beside);
    if (!arm || !base) {
      this.sentence.textContent = t("evaluate.no_comparison");
      this.told.textContent = "";
      return;
    }
    const { difference, low, high, needed, why } = arm.comparison;
    this.sentence.className = `sentence ${arm.verdict.replace(" ", "-")}`;
    this.sentence.textContent = (report.partial ? `${t("evaluate.partial")} ` : "") + t(`evaluate.says_${arm.verdict.replace(" ", "_")}`, { what: t(`evaluate.what_${arm.point.arm}`), own: fixed(arm.balanced_accuracy), base: fixed(base.balanced_accuracy) });
    const rest = said(why) || (arm.verdict === "cannot tell" && needed ? t("evaluate.needed", { n: window.kizu.number(needed), have: window.kizu.number(report.test_ids.length) }) : "");
    this.told.textContent = [t("evaluate.rests_on", { gain: signed(difference), low: signed(low), high: signed(high), seeds: report.seeds, parts: report.test_parts, images: report.test_ids.length }), rest].filter(Boolean).join(" ");
  }

  #choose(point) {
    this.point = JSON.stringify(point);
    const { report } = this;
    const pick = (arm) => this.#choose(arm.point);
    fill(this.plot, dotPlot(report, this.point, pick));
    fill(this.table, this.#recalls(pick));
    fill(this.detail, this.#confusion(), this.#changed());
  }

  #recalls(pick) {
    const { report } = this;
    const share = (one) => (one ? h("td", { title: `${fixed(one.low)} – ${fixed(one.high)}` }, fixed(one.value)) : h("td", {}, "–"));
    const rows = report.arms.map((arm) =>
      h("tr", { "aria-selected": String(JSON.stringify(arm.point) === this.point), onclick: () => pick(arm) },
        h("td", {}, pointName(arm.point)), h("td", {}, fixed(arm.accuracy)), h("td", {}, fixed(arm.balanced_accuracy)), report.labels.map((label) => share(arm.recall[label])), h("td", {}, arm.verdict ? verdictWord(arm.verdict) : t("evaluate.is_base"))));
    return h("table", {}, h("thead", {}, h("tr", {}, ["arm", "accuracy", "balanced"].map((name) => h("th", {}, t(`evaluate.column_${name}`))), report.labels.map((label) => h("th", { title: t("evaluate.recall_of", { label }) }, label)), h("th", {}, t("evaluate.column_verdict")))), h("tbody", {}, rows));
  }

  get #arm_() {
    return this.report.arms.find((arm) => JSON.stringify(arm.point) === this.point);
  }

  #confusion() {
    const { labels } = this.report;
    const arm = this.#arm_;
    const rows = arm.confusion.map((row, i) => {
      const sum = row.reduce((total, n) => total + n, 0);
      return h("tr", {}, h("th", {}, labels[i]), row.map((n, j) => h("td", { class: i === j ? "right" : "", style: `--share: ${sum ? n / sum : 0}`, title: t("evaluate.taken", { label: labels[i], other: labels[j], n, sum }) }, sum ? fixed(n / sum) : "–")));
    });
    return h("section", {}, h("h2", {}, t("evaluate.confusion"), h("small", {}, pointName(arm.point))), h("table", { class: "confusion" }, h("thead", {}, h("tr", {}, h("th", {}), labels.map((label) => h("th", {}, label)))), h("tbody", {}, rows)));
  }

  // How well generated images of each label are told from real ones.
  #apart() {
    const rows = Object.entries(this.report.apart ?? {}).map(([label, { area, real, generated, why }]) => h("tr", {}, h("td", {}, label), h("td", {}, t("evaluate.apart_of", { real, generated })), h("td", { title: said(why) }, area ? `${fixed(area.value)} (${fixed(area.low)} – ${fixed(area.high)})` : t("evaluate.apart_few"))));
    return rows.length ? h("section", {}, h("h2", {}, t("evaluate.apart")), h("table", {}, h("tbody", {}, rows)), h("p", { class: "note" }, t("evaluate.apart_long"))) : null;
  }

  // The published protocol, with what is free of its leak beside it.
  #mirrored() {
    const { mirrored = [] } = this.report;
    const percent = (share) => h("td", {}, `${(100 * share).toFixed(2)} %`);
    const heads = ["arm", "mirrored", "leak_free"].map((name) => h("th", {}, t(`evaluate.column_${name}`)));
    const rows = mirrored.map((one) => h("tr", { title: one.trainings.map((share) => (100 * share).toFixed(2)).join("  ") }, h("td", {}, armName(one.arm)), percent(one.mean), percent(one.leak_free)));
    return rows.length ? h("section", {}, h("h2", {}, t("evaluate.published")), h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)), h("p", { class: "note" }, t("evaluate.published_long"))) : null;
  }

  // Test images that this arm names rightly more often than the base does, and those that it names rightly less often.
  #changed() {
    const arm = this.#arm_;
    const base = this.report.arms.find((one) => one.point.arm === arm.base && one.point.real === arm.point.real && !one.point.beside);
    if (!base || base === arm) return h("p", { class: "note" }, t("evaluate.choose_arm"));
    const gains = this.report.test_ids.map((id, i) => ({ id, gain: arm.right[i] - base.right[i] })).filter(({ gain }) => gain);
    const strip = (title, list) => [h("h3", {}, title, h("small", {}, window.kizu.number(list.length))), h("div", { class: "strip" }, list.slice(0, MOST_CHANGED).map(({ id, gain }) => h("img", { src: `kizu/thumb/image/${id}?side=96&v=${this.versions[id] ?? ""}`, alt: "", title: t("evaluate.gain_is", { id, gain: signed(gain) }) })))];
    const better = gains.filter(({ gain }) => gain > 0).sort((a, b) => b.gain - a.gain), worse = gains.filter(({ gain }) => gain < 0).sort((a, b) => a.gain - b.gain);
    return h("section", {}, h("h2", {}, t("evaluate.changed"), h("small", {}, t("evaluate.beside", { base: armName(base.point.arm) }))), strip(t("evaluate.better"), better), strip(t("evaluate.worse"), worse));
  }
}

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

/** Called once by gradio when the tab is first shown; `watch` tells when Python asks for a refresh. */
export function mount(element, watch) {
  const page = new EvaluatePage(element);
  const refresh = () => {
    page.refresh();
    page.plan.refresh();
  };
  refresh();
  watch("value", refresh);
  return page;
}
