// The tab Data: where images come from (left), what is there (right), how they are cut (below). It asks `ui/data_routes.py` for
// everything and submits jobs; it decides nothing about images itself.

import { ConfigForm } from "./config_form.js";
import { fill, getJson, h, postJson, t } from "./dom.js";
import { ImageGrid } from "./image_grid.js";
import { ViewPanel } from "./view_panel.js";

const SPLITS = ["train", "validation", "test"];
const MORE = ["layout", "groups_csv", "group_pattern", "image_column", "label_column", "keep_splits", "validation_share", "test_share", "seed"];

/** Table class x split from rows [{label, slot, train, validation, test, groups}]. */
export function splitTable(rows) {
  const number = (value) => (value ? kizu.number(value) : h("span", { class: "muted" }, "–"));
  const sum = (name) => rows.reduce((total, row) => total + (row[name] ?? 0), 0);
  const parts = rows.some((row) => row.groups !== undefined);
  const line = (name, row, slot) => h("tr", { class: slot === undefined ? "sum" : null },
    h("td", { title: name }, slot === undefined ? null : h("i", { class: "dot", style: `background:var(--kizu-class-${slot})` }), name),
    SPLITS.map((split) => h("td", {}, number(row[split]))),
    parts ? h("td", {}, number(row.groups)) : null);
  return h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, t("data.class")), SPLITS.map((split) => h("th", {}, t(`data.${split}`))), parts ? h("th", {}, t("data.parts")) : null)),
    h("tbody", {}, rows.map((row) => line(row.label, row, row.slot)),
      line(t("data.total"), { ...Object.fromEntries(SPLITS.map((split) => [split, sum(split)])), groups: sum("groups") })));
}

class Source {
  constructor(root, page) {
    this.page = page;
    this.kind = "folder";
    this.token = null;
    this.form = new ConfigForm("data.field", () => this.#forget());
    this.kinds = h("div", { class: "segments", role: "group", "aria-label": t("data.source") });
    this.input = h("div", { class: "source" });
    this.more = h("div", { class: "pair" });
    this.advanced = h("details", {}, h("summary", {}, t("data.more")), this.more);
    this.look = h("button", { type: "button", class: "plain", onclick: () => this.plan() }, t("data.look"));
    this.go = h("button", { type: "button", class: "primary", onclick: () => this.import() }, t("data.import"));
    this.words = h("p", { class: "note", role: "status" });
    this.table = h("div", { class: "plan" });
    fill(root, h("h2", {}, t("data.add")), this.kinds, this.input, this.advanced, h("div", { class: "actions" }, this.look, this.go), this.words, this.table);
  }

  /** What the import that was started here did, in words; "" while it runs. */
  #result() {
    const report = this.data.reports.find((one) => one.job === this.job);
    const job = kizu.state?.jobs.find((one) => one.id === this.job);
    if (!report && (!job || ["queued", "running", "done"].includes(job.state))) return;
    this.job = null;
    if (!report) return this.#say(job.error ?? t("data.import_stopped"), job.state === "failed");
    this.#say(t("data.imported", { n: kizu.number(report.imported), there: kizu.number(report.already_there), skipped: kizu.number(report.skipped.length) }));
  }

  configure(data) {
    const before = this.data;
    this.data = data;
    if (this.job) this.#result();
    if (!before) {
      this.form.draw(this.more, data.fields, MORE);
      this.kind = data.demo ? "zip" : "folder";
      this.#drawKinds();
    }
    if (!this.planned) this.#drawPresent();
    this.go.disabled = !this.planned;
  }

  #drawKinds() {
    const choose = (kind) => { this.kind = kind; this.token = null; this.#forget(); this.#drawKinds(); };
    const off = (kind) => this.data.demo && kind !== "zip";
    fill(this.kinds, ["folder", "zip", "hub"].map((kind) =>
      h("button", { type: "button", "aria-pressed": String(kind === this.kind), disabled: off(kind), title: off(kind) ? t("data.off_in_demo") : null, onclick: () => choose(kind) }, t(`data.${kind}`))));
    if (this.kind === "zip") this.#drawZip();
    else {
      this.path = h("input", { type: "text", spellcheck: "false", autocomplete: "off", placeholder: t(`data.${this.kind}_example`), "aria-label": t(`data.${this.kind}`), oninput: () => this.#forget(), onkeydown: (event) => { if (event.key === "Enter") this.plan(); } });
      fill(this.input, h("label", { class: "field" }, this.path));
    }
  }

  #drawZip() {
    const file = h("input", { type: "file", accept: ".zip,application/zip", hidden: true, onchange: () => file.files[0] && this.#upload(file.files[0]) });
    const name = h("span", {}, this.token ? this.fileName : t("data.drop"));
    const area = h("button", { type: "button", class: "drop", onclick: () => file.click(),
      ondragover: (event) => { event.preventDefault(); area.classList.add("over"); }, ondragleave: () => area.classList.remove("over"),
      ondrop: (event) => { event.preventDefault(); area.classList.remove("over"); if (event.dataTransfer.files[0]) this.#upload(event.dataTransfer.files[0]); } }, name);
    fill(this.input, file, area);
    this.dropName = name;
  }

  #upload(file) {
    const request = new XMLHttpRequest();
    request.open("POST", `kizu/data/upload?name=${encodeURIComponent(file.name)}`);
    request.upload.onprogress = (event) => { this.dropName.textContent = t("data.uploading", { percent: Math.floor((100 * event.loaded) / (event.total || 1)) }); };
    request.onerror = () => this.#say(t("shell.offline"), true);
    request.onload = () => {
      const answer = JSON.parse(request.responseText || "{}");
      if (request.status !== 200) { this.dropName.textContent = t("data.drop"); return this.#say(answer.error ?? request.statusText, true); }
      this.token = answer.source;
      this.fileName = file.name;
      this.dropName.textContent = file.name;
      this.plan();
    };
    this.#forget();
    request.send(file);
  }

  get config() {
    const typed = this.kind === "zip" ? this.token : this.path?.value.trim();
    return { kind: this.kind, source: typed ?? "", ...this.form.values };
  }

  #say(text, bad = false) {
    this.words.textContent = text;
    this.words.className = bad ? "note bad" : "note";
    this.form.blame(bad ? text : null);
  }

  /** Another source or field: what was recognised no longer holds. */
  #forget() {
    if (!this.planned) return this.#say("");
    this.planned = null;
    this.go.disabled = true;
    fill(this.go, t("data.import"));
    this.#say("");
    this.#drawPresent();
  }

  #drawPresent() {
    if (this.data.rows.length) fill(this.table, h("h2", {}, t("data.present"), h("small", {}, this.data.name)), splitTable(this.data.rows));
    else fill(this.table, h("p", { class: "note" }, t(this.data.demo ? "data.nothing_demo" : "data.nothing")));
  }

  /** The dry run: what would be imported, before anything is. */
  async plan() {
    const config = this.config;
    if (!config.source) return this.#say(t(`data.${this.kind}_missing`), true);
    this.look.disabled = true;
    this.#say(t("data.looking"));
    try {
      const plan = await postJson("kizu/data/plan", config);
      this.planned = config;
      this.#say("");
      this.#drawPlan(plan);
      fill(this.go, t("data.import_n", { n: kizu.number(plan.total) }));
      this.go.disabled = plan.total === 0;
    } catch (error) {
      this.#say(error.message, true);
    } finally {
      this.look.disabled = false;
    }
  }

  #drawPlan(plan) {
    const listed = (title, lines) => lines.length
      ? h("details", { open: lines.length < 6 }, h("summary", { class: "warn" }, title), h("ul", { class: "reasons" }, lines.slice(0, 200).map((line) => h("li", {}, line))))
      : null;
    fill(this.table, h("h2", {}, t("data.would")), h("p", { class: "note" }, plan.layout), splitTable(plan.rows),
      plan.masks ? h("p", { class: "note" }, t("data.masks_n", { n: kizu.number(plan.masks) })) : null,
      listed(t("data.problems", { n: plan.problems.length }), plan.problems),
      listed(t("data.skipped_n", { n: kizu.number(plan.skipped.length) }), plan.skipped.map(([name, reason]) => `${name}: ${reason}`)));
  }

  async import() {
    this.go.disabled = true;
    try {
      const { job } = await postJson("kizu/data/import", this.planned);
      this.#say(t("data.importing"));
      this.job = job;
      this.planned = null;
      fill(this.go, t("data.import"));
    } catch (error) {
      this.#say(error.message, true);
      this.go.disabled = false;
    }
  }
}

class Present {
  constructor(root, page) {
    this.label = h("select", { "aria-label": t("data.class"), onchange: () => this.#filter() });
    this.split = h("select", { "aria-label": t("data.split"), onchange: () => this.#filter() },
      h("option", { value: "" }, t("data.all_splits")), SPLITS.map((split) => h("option", { value: split }, t(`data.${split}`))));
    this.count = h("span", { class: "muted count" });
    this.skipped = h("button", { type: "button", class: "link", hidden: true, onclick: () => this.#reasons() });
    this.wall = h("div", { class: "wall-place" });
    this.empty = h("div", { class: "kizu-empty" });
    this.bar = h("div", { class: "bar" }, h("label", { class: "field" }, this.label), h("label", { class: "field" }, this.split), this.count, this.skipped);
    fill(root, this.bar, this.wall, this.empty);
    this.grid = new ImageGrid(this.wall);
  }

  set(data, listing) {
    this.reports = data.reports;
    const chosen = this.label.value;
    fill(this.label, h("option", { value: "" }, t("data.all_classes")), data.rows.map((row) => h("option", { value: row.label }, row.label)));
    this.label.value = data.rows.some((row) => row.label === chosen) ? chosen : "";
    const skipped = data.reports.reduce((total, report) => total + report.skipped.length, 0);
    this.skipped.hidden = !skipped;
    this.skipped.textContent = t("data.skipped_n", { n: kizu.number(skipped) });
    const none = !data.rows.length;
    this.bar.hidden = none;
    this.wall.hidden = none;
    this.empty.hidden = !none;
    this.empty.textContent = t("data.empty");
    this.grid.set(listing.images, listing.labels);
    this.#filter();
  }

  #filter() {
    const shown = this.grid.show({ label: this.label.value, split: this.split.value });
    this.count.textContent = t(shown === 1 ? "data.shown_one" : "data.shown", { n: kizu.number(shown) });
  }

  #reasons() {
    const byReason = new Map();
    for (const [name, reason] of this.reports.flatMap((report) => report.skipped)) byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
    // Rare reasons first: one damaged file matters more than hundreds that are only not there.
    const groups = [...byReason].sort((a, b) => a[1].length - b[1].length);
    const rows = groups.map(([reason, names]) => h("details", { open: groups.length < 8 && names.length < 8 }, h("summary", {}, h("b", {}, kizu.number(names.length)), " ", reason), h("ul", { class: "reasons" }, names.slice(0, 500).map((name) => h("li", {}, name)))));
    const box = h("div", { class: "lightbox", role: "dialog", "aria-modal": true, "aria-label": t("data.skipped"), tabindex: "-1" },
      h("div", { class: "reasons-box" }, h("h2", {}, t("data.skipped"), h("small", {}, t("data.skipped_why"))), h("div", { class: "reasons-list" }, rows),
        h("button", { type: "button", class: "plain", onclick: () => box.remove() }, t("shell.close"))));
    box.onclick = (event) => { if (event.target === box) box.remove(); };
    box.onkeydown = (event) => { if (event.key === "Escape") box.remove(); };
    this.wall.parentElement.append(box);
    box.focus();
  }
}

export function mount(root, watch) {
  const left = h("section", { class: "left", "aria-label": t("data.add") }), present = h("section", { class: "present", "aria-label": t("data.images") }), below = h("section", { class: "view", "aria-label": t("data.view") });
  fill(root, left, present, below);
  const source = new Source(left), grid = new Present(present), view = new ViewPanel(below);
  let seen = null;

  async function refresh() {
    try {
      const data = await getJson("kizu/data");
      source.configure(data);
      below.hidden = !data.rows.length;
      view.set(data);
      if (seen !== data.version) {
        seen = data.version;
        grid.set(data, await getJson("kizu/data/images"));
      }
    } catch (error) {
      kizu.say(error.message, true);
    }
  }
  watch("value", refresh);
  kizu.on("job_end", (job) => { if (["import", "embed", "train_encoder"].includes(job.operation)) refresh(); });
  refresh();
}
