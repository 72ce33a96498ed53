// The tab Export. Left: what goes in, the format, where to. Right: the rows that this makes, then the check of what was written.

import { CardPreview } from "./card_preview.js";
import { fill, getJson, h, isShown, postJson, t } from "./dom.js";
import { markdown } from "./markdown.js";

const SPLITS = ["train", "validation", "test"];
const FORMATS = ["parquet", "save_to_disk", "imagefolder"];
const STATUSES = ["accepted", "candidate", "rejected"];
const ACTIVE = ["queued", "running"];

const stamp = () => new Date().toISOString().slice(0, 16).replace("T", "-").replace(":", "");

class ExportPage {
  constructor(element) {
    this.element = element;
    this.format = "parquet";
    this.choices = { statuses: new Set(["accepted"]), labels: null, methods: null };
    this.shown = null;
    this.#layout();
    window.kizu.on("state", (news) => this.#news(news));
  }

  #layout() {
    const [left, right] = ["left", "right"].map((name) => h("div", { class: name }));
    this.statuses = h("div", { class: "checks" });
    this.labels = h("div", { class: "checks two" });
    this.methods = h("div", { class: "checks" });
    this.real = h("input", { type: "checkbox", checked: true, onchange: () => this.#table() });
    this.formats = h("div", { class: "segments wide", role: "group", "aria-label": t("export.format") });
    this.about = h("p", { class: "note" });
    this.folder = h("input", { type: "text", spellcheck: false, autocomplete: "off", oninput: () => (this.named = true) });
    this.where = h("p", { class: "note path" });
    this.repo = h("input", { type: "text", spellcheck: false, autocomplete: "off", placeholder: "user/dataset" });
    this.token = h("input", { type: "password", autocomplete: "off", placeholder: "hf_…" });
    this.hub = h("details", { class: "hub" }, h("summary", {}, t("export.hub")),
      h("label", { class: "field" }, h("span", {}, t("export.repo")), this.repo), h("label", { class: "field" }, h("span", {}, t("export.token")), this.token),
      h("p", { class: "note" }, t("export.hub_note")));
    this.words = h("p", { class: "note", role: "status" });
    this.button = h("button", { type: "button", class: "primary", onclick: () => this.#start() }, t("export.start"));
    fill(left, h("h2", {}, t("export.what")), h("label", { class: "check" }, this.real, t("export.real")), h("span", { class: "muted" }, t("export.generated")), this.statuses,
      h("span", { class: "muted" }, t("export.labels")), this.labels, this.methodsTitle = h("span", { class: "muted" }, t("export.methods")), this.methods,
      h("h2", {}, t("export.format")), this.formats, this.about,
      h("label", { class: "field" }, h("span", {}, t("export.folder")), this.folder), this.where, this.hub, h("div", { class: "start" }, this.button, this.words));
    this.table = h("div", { class: "table" });
    this.result = h("div", { class: "result" });
    const preview = h("div", { class: "preview" });
    fill(right, this.table, this.result, preview);
    this.preview = new CardPreview(preview);
    fill(this.element, left, right);
    this.#formats();
  }

  #formats() {
    fill(this.formats, FORMATS.map((name) => h("button", { type: "button", "aria-pressed": String(name === this.format), onclick: () => { this.format = name; this.#formats(); this.#table(); } }, t(`export.format_${name}`))));
    this.about.textContent = t(`export.about_${this.format}`);
  }

  /** Reads the counts and the exports again. */
  async refresh() {
    try {
      this.state = await getJson("kizu/export/state");
    } catch (error) {
      fill(this.table, h("p", { class: "note bad" }, error.message));
      return;
    }
    const { labels, methods, demo, exports, name } = this.state;
    this.choices.labels = new Set(labels.filter((label) => !this.knownLabels?.has(label) || this.choices.labels.has(label)));
    this.choices.methods = new Set(methods.filter((method) => !this.knownMethods?.has(method) || this.choices.methods.has(method)));
    [this.knownLabels, this.knownMethods] = [new Set(labels), new Set(methods)];
    this.hub.hidden = demo;
    if (!this.named) this.folder.value = `${name.replace(/[^\p{L}\p{N}_-]+/gu, "-")}-${stamp()}`;
    this.where.textContent = demo ? "" : t("export.inside", { folder: exports });
    this.#checks();
    this.#table(true);
    this.#results();
  }

  #checks() {
    const { samples } = this.state;
    const count = (column, value) => samples.reduce((sum, row) => sum + (row[column] === value ? row.at(-1) : 0), 0);
    const draw = (root, chosen, names, words, mark) =>
      fill(root, names.map((name) => {
        const box = h("input", { type: "checkbox", checked: chosen.has(name), onchange: () => { if (!chosen.delete(name)) chosen.add(name); this.#table(); } });
        return h("label", { class: "check" }, box, mark?.(name), words(name));
      }));
    const slot = (label) => h("i", { class: "dot", style: `background: var(--kizu-class-${this.state.slots[label]})` });
    draw(this.statuses, this.choices.statuses, STATUSES, (name) => [t(`export.status_${name}`), h("b", {}, window.kizu.number(count(3, name)))]);
    draw(this.labels, this.choices.labels, this.state.labels, (name) => name, slot);
    draw(this.methods, this.choices.methods, this.state.methods, (name) => [name, h("b", {}, window.kizu.number(count(2, name)))]);
    this.methodsTitle.hidden = !this.state.methods.length;
  }

  // Rows of the table: for each label the real ones by split and the generated ones that are chosen.
  #rows() {
    const { images, samples, labels } = this.state;
    const { statuses, methods } = this.choices;
    return labels.filter((label) => this.choices.labels.has(label)).map((label) => {
      const sum = (list, test) => list.reduce((total, row) => total + (row[0] === label && test(row) ? row.at(-1) : 0), 0);
      const real = SPLITS.map((split) => (this.real.checked ? sum(images, (row) => row[1] === split) : 0));
      const made = this.state.methods.map((method) => (methods.has(method) ? sum(samples, (row) => row[2] === method && statuses.has(row[3])) : 0));
      return { label, numbers: [...real, ...made] };
    });
  }

  // quiet: nothing was chosen anew, the numbers were read again.
  #table(quiet = false) {
    const rows = this.#rows();
    const heads = [...SPLITS.map((split) => t(`map.split_${split}`)), ...this.state.methods];
    const totals = heads.map((_, i) => rows.reduce((sum, row) => sum + row.numbers[i], 0));
    const all = totals.reduce((sum, n) => sum + n, 0);
    const cell = (n) => h("td", { class: n ? "" : "zero" }, window.kizu.number(n));
    const total = (numbers) => numbers.reduce((sum, n) => sum + n, 0);
    fill(this.table, h("h2", {}, t("export.rows", { n: window.kizu.number(all) }), h("small", {}, t("export.rows_note"))),
      h("table", {},
        h("thead", {}, h("tr", {}, h("th", {}, ""), h("th", { colspan: "3" }, t("export.real_short")), this.state.methods.length ? h("th", { colspan: String(this.state.methods.length) }, t("export.generated_short")) : null, h("th", {}, "")),
          h("tr", {}, h("th", {}, t("export.class")), heads.map((name) => h("th", {}, name)), h("th", {}, t("export.sum")))),
        h("tbody", {}, rows.map((row) => h("tr", {}, h("td", {}, h("i", { class: "dot", style: `background: var(--kizu-class-${this.state.slots[row.label]})` }), row.label), row.numbers.map(cell), h("td", {}, window.kizu.number(total(row.numbers))))),
          h("tr", { class: "sum" }, h("td", {}, t("export.sum")), totals.map((n) => h("td", {}, window.kizu.number(n))), h("td", {}, window.kizu.number(all))))));
    const warn = this.choices.statuses.has("candidate") && this.state.samples.some((row) => row[3] === "candidate");
    this.table.append(h("p", { class: "note warn" }, warn ? t("export.unreviewed") : ""));
    this.button.disabled = all === 0 || this.busy;
    this.preview.show(all === 0 ? null : this.#choice(), quiet);
    if (all === 0) this.#say(t("export.nothing"));
    else if (!this.busy && this.words.textContent === t("export.nothing")) this.#say("");
  }

  #say(words, bad = false) {
    this.words.textContent = words;
    this.words.className = bad ? "note bad" : "note";
  }

  #choice() {
    const { labels, methods, statuses } = this.choices;
    const choice = { format: this.format, include_real: this.real.checked, statuses: STATUSES.filter((name) => statuses.has(name)) };
    // An empty list means all methods; none of them is said by no status.
    if (!methods.size && this.state.methods.length) choice.statuses = [];
    // All of them is said by an empty list, so that what is new later is in too when the job is run again.
    choice.labels = labels.size === this.state.labels.length ? [] : [...labels];
    choice.methods = methods.size === this.state.methods.length ? [] : [...methods];
    return choice;
  }

  #config() {
    const config = { folder: this.folder.value, ...this.#choice() };
    if (this.repo.value.trim() && !this.state.demo) Object.assign(config, { push_to_hub: this.repo.value.trim(), token: this.token.value });
    return config;
  }

  async #start() {
    this.busy = this.button.disabled = true;
    try {
      const { job } = await postJson("kizu/export/start", this.#config());
      this.shown = job;
      this.preview.fold();
      this.named = false;
      this.#say("");
    } catch (error) {
      this.#say(error.message, true);
    }
    this.token.value = "";
    this.busy = false;
    await this.refresh();
  }

  #news(news) {
    const mine = (news.jobs ?? []).filter((job) => job.operation === "export");
    const seen = JSON.stringify([mine.map((job) => [job.id, job.state, job.step]), news.counts]);
    if (this.seen !== undefined && seen !== this.seen && isShown(this.element)) this.refresh();
    this.seen = seen;
  }

  // ---- what came of it

  #results() {
    const { jobs } = this.state;
    const job = jobs.find((one) => one.id === this.shown) ?? jobs[0];
    if (!job) return fill(this.result, h("p", { class: "note" }, t("export.none_yet")));
    const choose = jobs.length > 1 ? h("select", { "aria-label": t("export.earlier"), onchange: (event) => { this.shown = Number(event.target.value); this.#results(); } },
      jobs.map((one) => h("option", { value: String(one.id), selected: one.id === job.id }, `${one.id}: ${one.config.folder?.split("/").at(-1)}`))) : null;
    const head = h("div", { class: "head" }, h("h2", {}, t("export.check")), choose);
    const key = `${job.id} ${job.state}`;
    const card = this.cardOf === key ? this.card : null;
    fill(this.result, head, ACTIVE.includes(job.state) ? this.#progress(job) : job.state === "done" ? this.#done(job) : h("p", { class: "note bad" }, job.error ?? t(`export.state_${job.state}`)), card);
    if (job.state === "done" && this.cardOf !== key) this.#loadCard(job.id, key);
  }

  #progress(job) {
    const share = job.total ? job.step / job.total : 0;
    return h("div", { class: "running" }, h("progress", { value: share, max: 1 }), h("span", {}, t("export.running", { done: window.kizu.number(job.step), all: window.kizu.number(job.total) })));
  }

  #done(job) {
    const result = job.result ?? {};
    const sum = (made) => (result.counts ?? []).reduce((total, count) => total + (count.synthetic === made ? count.rows : 0), 0);
    const facts = [
      [t("export.fact_rows"), window.kizu.number(result.rows ?? 0)],
      [t("export.fact_real"), window.kizu.number(sum(false))],
      [t("export.fact_synthetic"), window.kizu.number(sum(true))],
      [t("export.fact_size"), `${((result.bytes_written ?? 0) / 1e6).toFixed(1)} MB`],
      [t("export.fact_labels"), (result.labels ?? []).map((label, i) => `${i} ${label}`).join(", ")],
    ];
    const folder = result.folder ?? job.config.folder;
    const inside = folder?.startsWith(this.state.exports);
    return h("div", { class: "done" },
      h("p", { class: "verdict" }, h("b", {}, "✓"), t("export.checked")),
      h("dl", {}, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      result.pull_request ? h("p", {}, h("a", { href: result.pull_request, target: "_blank", rel: "noopener" }, t("export.pull_request"))) : null,
      h("div", { class: "go" }, h("code", { title: folder }, folder),
        h("button", { type: "button", class: "plain", onclick: () => navigator.clipboard.writeText(folder).then(() => window.kizu.say(t("export.copied"))) }, t("export.copy")),
        inside ? h("a", { class: "plain", href: `kizu/export/${job.id}/download`, download: "" }, t("export.download")) : null));
  }

  async #loadCard(id, key) {
    this.cardOf = key;
    this.card = null;
    try {
      const { card } = await getJson(`kizu/export/${id}/card`);
      if (this.cardOf !== key) return;
      this.card = h("details", { class: "card", open: true }, h("summary", {}, t("export.card")), markdown(card));
    } catch (error) {
      this.card = h("p", { class: "note bad" }, error.message);
    }
    this.#results();
  }
}

/** Called once by gradio when the tab is first shown; `watch` tells when Python asks for a refresh. */
export function mount(element, watch) {
  const page = new ExportPage(element);
  page.refresh();
  watch("value", () => page.refresh());
  return page;
}
