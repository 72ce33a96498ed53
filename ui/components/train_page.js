// The tab Train. Left: kind, preset, the fields that matter, the rest, the preflight, the button. Right: the run (curve, previews by step)
// and the networks that are there. Fields come from the operation's config dataclass; the server checks them.

import { ConfigForm } from "./config_form.js";
import { fill, getJson, h, postJson, t } from "./dom.js";
import { LoraPreflight } from "./lora_preflight.js";

const ACTIVE = ["running", "queued"];
const RESUMABLE = ["interrupted", "cancelled", "failed"];
const METRICS = ["validation_balanced_accuracy", "held_out_loss", "copied", "loss", "images_per_second"];
const ALARM_SHARE = 0.25; // of the previews, as the training itself has it
const step = (name) => Number(/(\d+)\D*$/.exec(name)?.[1] ?? 0);
const when = (iso) => (iso ? new Date(iso).toLocaleString(kizu.lang, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }) : "");
const brief = (value) => (Math.abs(value) >= 100 ? Math.round(value).toString() : Number(value).toPrecision(3));

class Setup {
  constructor(root, onStart) {
    this.onStart = onStart;
    this.kind = "ddpm";
    this.kinds = h("div", { class: "segments wide kinds", role: "group", "aria-label": t("train.what") });
    this.about = h("p", { class: "note" });
    this.presets = h("div", { class: "presets" });
    this.main = h("div", { class: "pair" });
    this.rest = h("div", { class: "pair" });
    this.more = h("details", {}, h("summary", {}, t("train.more")), this.rest);
    this.preflight = h("div", { class: "preflight" });
    this.lora = new LoraPreflight(() => this.#ready());
    this.words = h("p", { class: "note", role: "status" });
    this.go = h("button", { type: "button", class: "primary", onclick: () => this.#start() }, t("train.start"));
    fill(root, h("h2", {}, t("train.what")), this.kinds, this.about, this.presets, this.main, this.more, this.preflight, h("div", { class: "start" }, this.go, this.words));
  }

  set(data) {
    const first = !this.data;
    this.data = data;
    const runs = (kind) => data.kinds[kind].runs.some((run) => ACTIVE.includes(run.state));
    if (first) this.choose(Object.keys(data.kinds).find(runs) ?? this.kind);
    else this.#preflight();
  }

  choose(kind) {
    this.kind = kind;
    const { fields, main } = this.data.kinds[kind];
    fill(this.kinds, Object.keys(this.data.kinds).map((name) => h("button", { type: "button", "aria-pressed": String(name === kind), onclick: () => { this.choose(name); this.onKind?.(name); } }, t(`train.${name}`))));
    this.about.textContent = t(`train.${kind}_about`);
    this.form = new ConfigForm("train.field", () => this.#preflight());
    this.form.draw(this.main, fields, main);
    this.form.draw(this.rest, fields, fields.map((field) => field.name).filter((name) => !main.includes(name)));
    if (this.data.demo) this.form.values = { images_seen: Math.min(this.form.values.images_seen, this.about_kind.demo_images) };
    this.words.textContent = "";
    this.#preflight();
  }

  get about_kind() { return this.data.kinds[this.kind]; }

  // A row of buttons for each group; one that is on has all its values in the fields.
  #presets() {
    const values = this.form.values, { presets, demo_images } = this.about_kind;
    fill(this.presets, Object.entries(presets).map(([group, members]) => h("div", { class: "labelled" }, h("span", { class: "muted" }, t(`train.preset_${group}`)),
      h("div", { class: "segments wide", role: "group", "aria-label": t(`train.preset_${group}`) }, Object.entries(members).map(([name, preset]) => {
        const on = Object.entries(preset).every(([field, value]) => values[field] === value);
        const off = this.data.demo && (preset.images_seen > demo_images || (group === "model" && name !== "built-in"));
        return h("button", { type: "button", "aria-pressed": String(on), disabled: off, title: off ? t("train.off_in_demo", { n: kizu.number(demo_images) }) : null,
          onclick: () => { this.form.values = preset; this.#preflight(); } }, t(`train.preset_${name}`), preset.images_seen ? h("small", {}, this.#long(preset.images_seen)) : null);
      })))));
  }

  /** A length in time where it is known, else in images. */
  #long(images) {
    return this.#time(images) || (images < 10_000 ? t("train.images_few", { n: kizu.number(images) }) : t("train.images_short", { n: kizu.number(images / 1000) }));
  }

  /** Length of a training in words, from the speed measured here with this width; "" where there is none. */
  #time(images) {
    const { width, side_px } = this.form.values, speed = this.about_kind.speeds[side_px === undefined ? width : `${width} ${side_px}`];
    if (!speed || !Number.isFinite(images)) return "";
    return kizu.duration(images / speed);
  }

  #preflight() {
    this.#presets();
    this.form.blame(null);
    if (this.kind === "lora") {
      fill(this.preflight, this.lora.root);
      this.lora.ask(this.form.values);
      return this.#ready();
    }
    const { classes, few, projection, masks } = this.data, { images_seen, batch_size, condition, side_px = this.data.side_px } = this.form.values;
    const total = classes.reduce((sum, row) => sum + row.train, 0);
    const most = Math.max(1, ...classes.map((row) => row.train));
    const bars = h("div", { class: "bars" }, classes.map((row) => h("div", { class: row.train < few ? "few" : null },
      h("span", {}, row.label), h("b", {}, h("i", { style: `width:${(100 * row.train) / most}%;background:var(--kizu-class-${row.slot})` })), h("span", { class: "n" }, kizu.number(row.train)))));
    const scarce = classes.filter((row) => row.train < few);
    const needsMap = this.kind === "ddpm" && condition !== "label" && !projection;
    const needsMasks = this.kind === "redraw" && !masks && total > 0;
    const link = (tab, text) => h("button", { type: "button", class: "link", onclick: () => kizu.tab(tab) }, text);
    const time = this.#time(images_seen);
    const facts = [];
    if (total) facts.push(t("train.facts", { images: kizu.number(total), side: side_px, steps: kizu.number(Math.ceil(images_seen / batch_size) || 0), times: kizu.number(images_seen / total >= 10 ? Math.round(images_seen / total) : (images_seen / total).toFixed(1)) }));
    facts.push(time ? t("train.about_time", { time }) : t("train.unmeasured"));
    fill(this.preflight, h("h2", {}, t("train.before"), h("small", {}, t("train.per_class"))), total ? bars : null,
      total ? null : h("p", { class: "note warn" }, t("train.no_images"), " ", link("data", t("train.go_data"))),
      needsMap ? h("p", { class: "note warn" }, t("train.needs_map"), " ", link("data", t("train.go_map"))) : null,
      needsMasks ? h("p", { class: "note warn" }, t("train.needs_masks"), " ", link("data", t("train.go_data"))) : null,
      scarce.length && total ? h("p", { class: "note warn" }, t("train.few", { labels: scarce.map((row) => row.label).join(", "), n: few })) : null,
      total ? h("p", { class: "note" }, facts.join(" ")) : null);
    this.missing = !total || needsMap || needsMasks;
    this.#ready();
  }

  #ready() {
    this.go.disabled = this.busy || (this.kind === "lora" ? this.lora.refused : this.missing);
  }

  async #start() {
    this.busy = true;
    this.#ready();
    try {
      const { job } = await postJson("kizu/train/start", { kind: this.kind, ...this.form.values });
      this.words.textContent = "";
      this.words.className = "note";
      this.onStart(job);
    } catch (error) {
      this.words.textContent = error.message;
      this.words.className = "note bad";
      this.form.blame(error.message);
    }
    this.busy = false;
    this.#ready();
  }
}

class Run {
  constructor(root) {
    this.select = h("select", { "aria-label": t("train.run"), onchange: () => this.show(Number(this.select.value)) });
    this.words = h("span", { class: "muted words" });
    this.act = h("button", { type: "button", class: "plain", onclick: () => this.#act() });
    this.bar = h("div", { class: "bar" }, h("label", { class: "field" }, this.select), this.act, this.words);
    this.trouble = h("p", { role: "alert", hidden: true });
    this.chart = h("div", { class: "chart" });
    this.previews = h("div", { class: "previews" });
    this.empty = h("div", { class: "kizu-empty" });
    this.models = h("div", { class: "models" });
    fill(root, this.bar, this.trouble, this.chart, this.previews, this.empty, this.models);
    new ResizeObserver(() => this.#curve()).observe(this.chart);
  }

  set(kind, about) {
    const changed = this.kind !== kind;
    this.kind = kind;
    this.about = about;
    const wanted = changed ? about.runs[0]?.id : this.id ?? about.runs[0]?.id;
    fill(this.select, about.runs.map((run) => h("option", { value: String(run.id) }, `${t("train.run_n", { n: run.id })}  ${when(run.created)}`)));
    this.#models();
    const none = !about.runs.length;
    for (const part of [this.bar, this.chart, this.previews]) part.hidden = none;
    this.empty.hidden = !none;
    this.empty.textContent = t(about.models.length ? "train.no_run" : `train.no_${kind}`);
    if (none) { this.#forget(); this.trouble.hidden = true; }
    else this.show(wanted);
  }

  show(id) {
    this.select.value = String(id);
    if (this.watched === id) return;
    this.#forget();
    this.id = this.watched = id;
    this.shown = "";
    this.series = [];
    fill(this.previews);
    fill(this.chart);
    this.leave = kizu.watchJob(id, (job) => this.#draw(job));
  }

  #forget() {
    this.leave?.();
    this.leave = this.id = this.watched = null;
  }

  #draw(job) {
    const config = this.about.runs.find((run) => run.id === job.id)?.config ?? {};
    // A step of a generator is a batch, one of the encoder an image; here all are told in images.
    const each = (this.kind !== "encoder" && config.batch_size) || 1;
    this.series = kizu.lossSeries(job.rows).map((one) => ({ ...one, points: one.points.map(([x, y]) => [x * each, y]) }));
    this.#curve();
    if (!this.chart.querySelector("svg")) fill(this.chart, ACTIVE.includes(job.state) ? h("p", { class: "note" }, t("train.starting")) : null);
    this.#button(job.state);
    const facts = [job.state ? t(`shell.state_${job.state}`) : "", job.total ? t("train.seen_of", { seen: kizu.number(job.step * each), total: kizu.number(job.total * each) }) : "",
      job.metrics?.images_per_second ? `${brief(job.metrics.images_per_second)} ${t("shell.rate")}` : "", job.eta ? t("shell.eta", { time: kizu.duration(job.eta) }) : "",
      config.condition ? t(`train.field_condition_${config.condition}`) : ""];
    this.words.textContent = facts.filter(Boolean).join("  ·  ");
    // Copies are no failure of the training, and worth knowing while it runs.
    const { copied = 0, copy_distance, copy_limit } = job.metrics ?? {}, alarm = copied >= ALARM_SHARE ? t("train.copies", { share: Math.round(100 * copied), distance: brief(copy_distance), limit: brief(copy_limit) }) : "";
    this.trouble.textContent = job.error ?? alarm;
    this.trouble.hidden = !this.trouble.textContent;
    this.trouble.className = !job.error || job.state === "interrupted" ? "note trouble warn" : "note trouble bad";
    const names = [...(job.previews ?? [])].sort((a, b) => step(b) - step(a)), key = names.join();
    this.previews.hidden = !names.length;
    if (key === this.shown) return;
    this.shown = key;
    fill(this.previews, names.slice(0, 16).map((name) => h("figure", { class: name.startsWith("nearest") ? "pair" : null }, h("figcaption", {}, name.startsWith("nearest") ? t("train.nearest") : kizu.number(step(name))), h("img", { src: `kizu/job/${job.id}/preview/${encodeURIComponent(name)}`, alt: t(name.startsWith("nearest") ? "train.nearest_at" : "train.preview_at", { n: step(name) }), loading: "lazy" }))));
  }

  #curve() {
    if (this.series?.some((one) => one.points.length)) kizu.curve(this.chart, this.series, { unit: t("train.images") });
  }

  /** The same command as in the strip, for the run that is shown. */
  #button(state) {
    if (state !== this.state) this.act.disabled = false;
    this.state = state;
    this.act.hidden = !ACTIVE.includes(state) && !RESUMABLE.includes(state);
    if (!this.act.disabled) this.act.textContent = t(ACTIVE.includes(state) ? "shell.stop" : "shell.resume");
  }

  async #act() {
    const what = ACTIVE.includes(this.state) ? "stop" : "resume";
    this.act.disabled = true;
    if (what === "stop") this.act.textContent = t("shell.stopping");
    try {
      await postJson(`kizu/job/${this.id}/${what}`, {});
    } catch (error) {
      kizu.say(error.message, true);
      this.act.disabled = false;
      this.#button(this.state);
    }
  }

  #models() {
    const { models } = this.about;
    const names = METRICS.filter((name) => models.some((model) => name in model.metrics));
    fill(this.models, h("h2", {}, t(`train.models_${this.kind}`), h("small", {}, t("train.models_why"))),
      models.length
        ? h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, t("train.name")), names.map((name) => h("th", {}, t(`train.metric_${name}`))), h("th", {}, t("train.made")), h("th", {}, "SHA-256"), h("th", {}, ""))),
            h("tbody", {}, models.map((model) => h("tr", {}, h("td", { title: model.advice || model.name }, model.name, model.advice ? h("small", {}, model.advice) : null), names.map((name) => h("td", {}, name in model.metrics ? brief(model.metrics[name]) : "–")), h("td", {}, when(model.created)), h("td", { class: "sha" }, model.sha256), h("td", {}, model.used ? h("span", { class: "used" }, t("train.used")) : "")))))
        : h("p", { class: "note" }, t(`train.none_${this.kind}`)));
  }
}

export function mount(root, watch) {
  const left = h("section", { class: "left", "aria-label": t("train.what") }), right = h("section", { class: "right", "aria-label": t("train.run") });
  fill(root, left, right);
  const run = new Run(right);
  const setup = new Setup(left, async (job) => { run.id = job; await refresh(); });
  setup.onKind = (kind) => run.set(kind, setup.data.kinds[kind]);

  async function refresh() {
    try {
      const data = await getJson("kizu/train");
      setup.set(data);
      run.set(setup.kind, data.kinds[setup.kind]);
    } catch (error) {
      kizu.say(error.message, true);
    }
  }
  watch("value", refresh);
  kizu.on("job_end", refresh);
  // A training that was begun elsewhere: by the command line, or in another window.
  kizu.on("state", ({ jobs }) => {
    if (!setup.data) return;
    const kinds = Object.values(setup.data.kinds), newest = Math.max(0, ...kinds.flatMap((kind) => kind.runs.map((run) => run.id)));
    if (jobs.some((job) => job.id > newest && kinds.some((kind) => kind.operation === job.operation))) refresh();
  });
  refresh();
}
