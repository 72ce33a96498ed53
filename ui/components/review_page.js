// The review tab: the grid, the keys, the filters and what is saved. A verdict is drawn at once with a hollow mark;
// the mark becomes solid when the server has answered that it is on disk.

import { fill, fixed, getJson, h, isShown, isTyping, t } from "./dom.js";
import { GatePanel } from "./gate_panel.js";
import { Grid } from "./review_grid.js";
import { Large } from "./review_large.js";
import { DECISIONS, Pace, REASONS, ReviewModel, SIGNS } from "./review_model.js";
import { ReviewBar } from "./review_bar.js";
import { VerdictQueue } from "./verdict_queue.js";

const TILE_WIDTH_PX = 236;
const TILE_HEIGHT_PX = 152;

class ReviewPage {
  constructor(element) {
    this.element = element;
    this.model = new ReviewModel();
    this.pace = new Pace();
    this.queue = new VerdictQueue({
      url: "kizu/review/verdicts",
      onSaved: (answers, counts) => this.#saved(answers, counts),
      onRefused: (item, message) => this.#refused(item, message),
      onChange: () => this.#status(),
    });
    this.#layout();
    this.#listen();
  }

  #layout() {
    const [top, body, grid, gates, large, foot] = ["top", "body", "grid", "gates", "large", "foot"].map((name) => h("div", { class: name }));
    this.gridRoot = grid;
    grid.tabIndex = 0;
    this.none = h("div", { class: "none", hidden: true });
    fill(body, grid, gates, large, this.none);
    fill(this.element, top, body, foot);
    this.bar = new ReviewBar(top, foot, this.model, {
      onFilter: async () => {
        if (["foretold", "unsure"].includes(this.model.sort)) await this.#lookAhead();
        this.#arrange();
      },
      onGates: () => this.#openGates(),
      onDecide: (decision, reason) => this.decide(decision, reason),
      onDeselect: () => this.grid.deselect(),
      reasons: REASONS,
    });
    this.grid = new Grid(grid, { tileWidth: TILE_WIDTH_PX, tileHeight: TILE_HEIGHT_PX, paint: (tile, index) => this.#paint(tile, index), onMove: () => this.#moved() });
    this.gates = new GatePanel(gates, {
      book: this.model.book,
      candidates: () => this.model.samples.id.filter((_, row) => this.model.samples.status[row] === "candidate"),
      chosen: () => this.model.filters.gate,
      onFilter: (gate) => { this.model.filters.gate = gate; this.#arrange(); },
      onDiffer: (ids) => this.#differ(ids),
      onMoved: () => this.#arrange(),
      onReject: (failing) => this.#rejectAll(failing),
      onSay: (words, bad) => window.kizu.say(words, bad),
    });
    this.large = new Large(large, { colour: (label) => this.#colour(label), mark: (id) => this.#badge(id, true) });
  }

  #colour = (label) => `var(--kizu-class-${this.slots?.[label] ?? 11})`;

  // ---- loading

  /** Reads the list again; the cursor stays on its sample, and the selection on its samples. */
  async refresh() {
    if (this.loading) return void (this.again = true);
    this.loading = true;
    try {
      const [list, gates] = await Promise.all([getJson("kizu/review/list"), getJson("kizu/gates")]);
      this.model.book.load(gates);
      this.bar.sorts(gates.gates.map(({ name }) => name));
      this.slots = list.slots;
      const at = this.model.shown.length ? this.model.id(this.grid.cursor) : null;
      const selected = [...this.grid.selected].map((index) => this.model.id(index));
      this.model.load(list);
      this.bar.counts(list.counts);
      this.bar.options();
      this.#show(at);
      this.gates.draw();
      this.grid.select(selected.map((id) => this.indexOf.get(id)).filter((index) => index !== undefined));
      this.#takeKeys();
    } catch (error) {
      this.#nothing(error.message, null);
    } finally {
      this.loading = false;
      if (this.again) {
        this.again = false;
        this.refresh();
      }
    }
  }

  // What is learned from the verdicts so far; the order by it is that of the last look, so that nothing jumps while one decides.
  async #lookAhead() {
    try {
      const [foretold, people] = await Promise.all([getJson("kizu/review/foretold"), getJson("kizu/review/reviewers")]);
      this.model.foretold = new Map(foretold.ids.map((id, row) => [id, foretold.accept[row]]));
      this.gates.tell(foretold, people);
    } catch (error) {
      window.kizu.say(error.message, true);
    }
  }

  // After a click on the tab the keys belong to the grid, not to the tab; a field in use keeps them.
  #takeKeys() {
    const active = document.activeElement;
    if (isShown(this.element) && (active === document.body || active?.getAttribute("role") === "tab")) this.gridRoot.focus({ preventScroll: true });
  }

  #arrange() {
    const at = this.model.shown.length ? this.model.id(this.grid.cursor) : null;
    this.model.kept.clear();
    this.model.arrange();
    this.#show(at);
    this.gridRoot.focus({ preventScroll: true });
  }

  // Samples on which two reviewers differ, whatever else was chosen.
  #differ(ids) {
    const { model } = this;
    model.differ = new Set(ids);
    model.filters = { status: "", label: "", method: "", error: "", gate: "differ" };
    this.bar.show();
    this.#arrange();
  }

  #show(at) {
    const { model } = this;
    this.indexOf = new Map(model.shown.map((row, index) => [model.samples.id[row], index]));
    this.grid.show(model.shown.length, this.indexOf.get(at) ?? 0);
    this.none.hidden = model.shown.length > 0;
    if (model.shown.length) return;
    if (!model.samples.id.length) this.#nothing(t("review.no_samples"), ["map", t("review.go_map")]);
    else if (model.filters.status === "candidate" && !model.filters.label && !model.filters.method) this.#nothing(t("review.all_done"), ["export", t("review.go_export")]);
    else this.#nothing(t("review.none_fit"), null);
  }

  #nothing(words, link) {
    const go = link && h("button", { type: "button", class: "primary", onclick: () => window.kizu.tab(link[0]) }, link[1]);
    fill(this.none, h("p", {}, words), go);
    this.none.hidden = false;
  }

  // ---- tiles

  #brief(index) {
    const { samples, shown } = this.model;
    const row = shown[index];
    if (row === undefined) return null;
    return {
      id: samples.id[row],
      version: samples.sha256[row],
      label: samples.label[row],
      method: samples.method[row],
      error: samples.landing_error[row],
      nearestId: samples.nearest_image_id[row],
      nearestUrl: this.#nearestUrl(samples.nearest_image_id[row]),
      distance: samples.nearest_real_distance[row],
      probability: samples.label_probability[row],
      takenFor: samples.taken_for[row],
    };
  }

  // The nearest real image cut as the sample is, so that like is seen beside like.
  #nearestUrl(id) {
    const version = this.model.nearest[id];
    return version ? `kizu/crop/${id}?v=${version}` : null;
  }

  #paint(tile, index) {
    const brief = this.#brief(index);
    const { decision, saved } = this.model.standing(brief.id);
    if (tile.dataset.id !== String(brief.id)) {
      tile.dataset.id = brief.id;
      const real = brief.nearestUrl ? h("img", { src: brief.nearestUrl, alt: "", draggable: false }) : h("span", { class: "noreal" });
      fill(tile,
        h("div", { class: "two" }, h("img", { src: `kizu/thumb/sample/${brief.id}?v=${brief.version}`, alt: brief.label, draggable: false }), real, this.#doubt(brief), h("span", { class: "stopped" }), h("span", { class: "badge" })),
        h("div", { class: "line" }, h("i", { style: `--c: ${this.#colour(brief.label)}` }), h("span", {}, brief.label), h("small", {}, this.model.methods.length > 1 ? brief.method : ""),
          h("b", { title: t("review.landing_long") }, t("review.tile_landing", { v: fixed(brief.error, 1) })), h("b", { title: t("review.distance_long") }, t("review.tile_distance", { v: fixed(brief.distance) }))));
    }
    for (const name of DECISIONS) tile.classList.toggle(name, decision === name);
    tile.classList.toggle("unsaved", decision !== null && !saved);
    tile.querySelector(".badge").textContent = SIGNS[decision] ?? "";
    const failed = this.model.book.isMeasured(brief.id) ? this.model.book.failed(brief.id).map((name) => t(`gates.name_${name}`)) : [];
    const stopped = tile.querySelector(".stopped");
    stopped.textContent = failed.length > 1 ? t("gates.and_more", { gate: failed[0], n: failed.length - 1 }) : (failed[0] ?? "");
    stopped.title = failed.length ? t("gates.failed", { gates: failed.join(", ") }) : "";
  }

  // A sample that the classifier takes for another class says so on its picture.
  #doubt({ label, takenFor, probability }) {
    if (takenFor === null || takenFor === label) return null;
    return h("span", { class: "taken", title: t("review.taken_for", { label: takenFor, value: fixed(probability) }) }, h("i", { style: `--c: ${this.#colour(takenFor)}` }), `${takenFor}?`);
  }

  #badge(id, words = false) {
    const { decision, saved, reason } = this.model.standing(id);
    const state = decision ? (saved ? t("review.saved") : t("review.saving_one")) : "";
    return h("span", { class: `big ${decision ?? ""} ${saved ? "" : "unsaved"}` },
      h("span", { class: "badge" }, SIGNS[decision] ?? ""), words ? `${t(`review.did_${decision ?? "nothing"}`)}${reason ? ` (${this.#reasonText(reason)})` : ""}` : "", h("small", {}, state));
  }

  #reasonText(reason) {
    const index = REASONS.indexOf(reason);
    return index < 0 ? reason : t(`review.reason_${index + 1}`);
  }

  #repaint(id) {
    const index = this.indexOf?.get(id);
    if (index !== undefined) this.grid.repaint(index);
    if (this.model.shown.length && this.model.id(this.grid.cursor) === id) this.large.mark(id);
  }

  #moved() {
    this.bar.place(this.grid.cursor, this.grid.count, this.grid.selected.size);
    this.large.show(this.#brief(this.grid.cursor));
  }

  // ---- verdicts

  /** Decides on the selection, or on the sample at the cursor, which then moves on. */
  decide(decision, reason = "") {
    const { grid } = this;
    if (!grid.count) return;
    const many = grid.selected.size > 0;
    const indexes = many ? [...grid.selected].sort((a, b) => a - b) : [grid.cursor];
    const group = [];
    // What was decided together is undone together, also after a reload.
    const batch = many ? this.queue.newKey() : "";
    for (const index of indexes) {
      const id = this.model.id(index);
      const now = this.model.standing(id);
      // A key that is still held at the end of the list must not decide the last sample again and again.
      if (now.decision === decision && (now.reason ?? "") === reason) continue;
      const item = this.queue.add({ sample: id, decision, reason, batch });
      this.model.decide(id, decision, reason, item.key);
      this.pace.add();
      group.push(id);
      this.#repaint(id);
    }
    if (group.length) this.model.undoable.push(group);
    if (many) {
      grid.deselect();
      grid.move(indexes.at(-1) + 1);
    } else grid.move(grid.cursor + 1);
    this.#status();
  }

  // What the gates would reject is rejected as one action, which one key takes back.
  #rejectAll(failing) {
    const batch = this.queue.newKey();
    for (const { id, failed } of failing) {
      const reason = `gates: ${failed.join(", ")}`;
      this.model.decide(id, "rejected", reason, this.queue.add({ sample: id, decision: "rejected", reason, batch }).key);
      this.#repaint(id);
    }
    this.model.undoable.push(failing.map(({ id }) => id));
    this.#status();
  }

  #openGates() {
    const open = this.gates.toggle();
    this.element.classList.toggle("gated", open);
    if (open) this.#lookAhead();
    this.bar.gates.setAttribute("aria-pressed", String(!this.gates.root.hidden));
  }

  /** Takes back the last action, one verdict or many; after a reload the newest that the store knows. */
  undo() {
    const group = this.model.undoable.pop() ?? [null];
    for (const id of [...group].reverse()) {
      const item = this.queue.add({ decision: "undone", sample: id });
      if (id === null) continue;
      this.model.decide(id, null, "", item.key);
      this.#repaint(id);
    }
    const index = this.indexOf.get(group[0]);
    if (index !== undefined) this.grid.move(index);
    this.#status();
  }

  #saved(answers, counts) {
    for (const { item, sample, decision, status, reason, also = [] } of answers) {
      if (decision === "nothing") this.#nothingUndone(item);
      else if (decision === "undone") this.#undone(item, [{ sample, status, reason }, ...also]);
      else this.model.saved(sample, item.key, decision);
      if (sample !== null) this.#repaint(sample);
    }
    this.bar.counts(counts);
    this.gates.draw();
  }

  // Another window of the same reviewer may have taken it back already.
  #nothingUndone(item) {
    window.kizu.say(t("review.nothing_to_undo"));
    if (item.sample === null) return;
    this.model.marks.delete(item.sample);
    this.#repaint(item.sample);
  }

  #undone(item, taken) {
    for (const { sample, status, reason } of taken) {
      const mark = this.model.marks.get(sample);
      if (mark && mark.key !== item.key && !mark.saved) continue;
      this.model.takenBack(sample, status, reason);
      this.#repaint(sample);
    }
    if (item.sample !== null) return;
    // The page did not know which ones they were: show them, even where the filters hid them.
    const { sample } = taken.at(-1);
    if (taken.some((one) => !this.indexOf.has(one.sample))) {
      this.model.arrange();
      this.#show(sample);
    }
    const index = this.indexOf.get(sample);
    if (index !== undefined) this.grid.move(index);
    window.kizu.say(taken.length > 1 ? t("review.undone_many", { n: window.kizu.number(taken.length) }) : t("review.undone", { id: sample }));
  }

  #refused(item, message) {
    if (item.sample) this.model.marks.delete(item.sample);
    if (item.sample) this.#repaint(item.sample);
    window.kizu.say(message, true);
  }

  #status() {
    this.bar.saving(this.queue.pending, this.queue.error);
    this.bar.pace(this.pace.perMinute);
  }

  // ---- keys

  #listen() {
    document.addEventListener("keydown", (event) => {
      if (!isShown(this.element) || isTyping(event) || event.defaultPrevented || event.altKey) return;
      const act = this.#action(event);
      if (!act) return;
      event.preventDefault();
      act();
    });
    this.gridRoot.addEventListener("dblclick", () => this.#zoom());
    window.kizu.on("tab", (name) => {
      if (name !== "review") return;
      this.model.settle();
      this.#takeKeys();
    });
    let known = "";
    window.kizu.on("state", ({ counts, jobs }) => {
      const gating = jobs.filter((job) => job.operation === "gate");
      this.gates.atWork(gating.some((job) => ["queued", "running"].includes(job.state)));
      const seen = `${counts.samples} ${gating.find((job) => job.state === "done")?.id}`;
      if (known && known !== seen && isShown(this.element)) this.refresh();
      known = seen;
    });
    setInterval(() => isShown(this.element) && this.bar.pace(this.pace.perMinute), 2000);
  }

  #action(event) {
    const { grid } = this;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) return { z: () => this.undo(), a: () => grid.selectAll() }[key];
    if (/^[1-9]$/.test(event.key)) return () => this.decide("rejected", REASONS[Number(event.key) - 1]);
    const go = (to) => () => grid.move(to, { extend: event.shiftKey });
    const page = grid.columns * Math.max(1, Math.floor(this.gridRoot.clientHeight / TILE_HEIGHT_PX));
    return {
      a: () => this.decide("accepted"),
      r: () => this.decide("rejected"),
      s: () => this.decide("skipped"),
      u: () => this.undo(),
      z: () => event.repeat || this.#zoom(),
      m: () => event.repeat || this.large.toggleMask(),
      " ": () => grid.toggle(),
      escape: () => (this.large.open ? this.#zoom() : grid.deselect()),
      arrowright: go(grid.cursor + 1),
      arrowleft: go(grid.cursor - 1),
      arrowdown: go(grid.cursor + (this.large.open ? 1 : grid.columns)),
      arrowup: go(grid.cursor - (this.large.open ? 1 : grid.columns)),
      home: go(0),
      end: go(grid.count - 1),
      pagedown: go(grid.cursor + page),
      pageup: go(grid.cursor - page),
    }[key];
  }

  #zoom() {
    this.element.classList.toggle("zoomed", this.large.toggle());
    this.large.shownId = null;
    this.#moved();
  }
}

/** Called once by gradio when the tab is first shown; `watch` tells when Python asks for a refresh. */
export function mount(element, watch) {
  const page = new ReviewPage(element);
  page.refresh();
  watch("value", () => page.refresh());
  return page;
}
