// The map of images: a plotly WebGL scatter with its own hit test, hover card, legend and marks.
// It tells what was chosen through `options.onChoose` and knows nothing of panels, forms or requests.

import { fill, h, isShown, t } from "./dom.js";
import { imageGroups, labelColour, MODES, sampleGroups, variable } from "./scatter_colours.js";
import { Overlay } from "./scatter_overlay.js";
import { Grid, split } from "./scatter_points.js";

const HIT_RADIUS_PX = 9;
const CLICK_SLACK_PX = 4;
const HOVER_DELAY_MS = 45;
const PADDING = 0.06;
// Room around what must be in sight: the legend covers the lowest part.
const HOLD_SPACE = 1.3;
// Plotly would draw twice as many pixels each way as the screen shows, four times the work.
const plotOptions = () => ({
  scrollZoom: true,
  displayModeBar: false,
  doubleClick: false,
  responsive: false,
  plotGlPixelRatio: Math.min(4, Math.max(1, window.devicePixelRatio)),
});

const pointSize = (n) => (n > 60000 ? 3 : n > 12000 ? 4 : n > 3000 ? 5 : 7);

export class Scatter {
  /** options: onChoose({image | sample | place}), onClear(). Draws into `root`. */
  constructor(root, options) {
    this.options = options;
    this.mode = "class";
    this.hidden = new Set();
    this.state = null;
    this.points = null;
    this.samples = [];
    this.legend = h("div", { class: "legend" });
    this.modes = h("div", { class: "modes", role: "radiogroup", "aria-label": t("map.colour") });
    this.plot = h("div", { class: "plot", tabIndex: 0, role: "application", "aria-label": t("map.plot") });
    this.card = h("div", { class: "card", hidden: true });
    this.stage = h("div", { class: "stage" }, this.plot);
    const fit = h("button", { type: "button", class: "quiet", title: t("map.fit_long"), onclick: () => this.fit() }, t("map.fit"));
    fill(root, h("div", { class: "bar" }, h("span", { class: "muted" }, t("map.colour")), this.modes, h("span", { class: "grow" }), fit), this.stage);
    this.overlay = new Overlay(this.stage, { toPixel: (x, y) => this.toPixel(x, y) });
    this.stage.append(this.legend, this.card);
    this.#drawModes();
    this.#listen();
  }

  /** Draws points and state of /kizu/map/state; the view stays where it is when `keepView`. */
  async show(points, state, { keepView = false } = {}) {
    [this.points, this.state] = [points, state];
    this.#keepSamples(state.samples);
    await this.#draw(keepView && this.plot._fullLayout !== undefined);
  }

  /** Replaces the samples, without touching the images' traces more than needed. */
  async setSamples(samples) {
    this.#keepSamples(samples);
    await this.#draw(true);
  }

  #keepSamples(samples) {
    this.samples = samples;
    this.sampleGrid = new Grid(Float32Array.from(samples, (s) => s.x), Float32Array.from(samples, (s) => s.y));
  }

  // ---- drawing

  #traces() {
    const { points, state } = this;
    const { groups, of } = imageGroups(this.mode, points, state, t);
    const places = split(points, groups.length, of);
    const size = pointSize(points.n);
    this.imageGroup = (row) => groups[of(row)]?.key;
    this.counts = groups.map((group, i) => ({ ...group, count: places[i].x.length }));
    const images = groups.map((group, i) => places[i].x.length && {
      type: "scattergl",
      mode: "markers",
      x: places[i].x,
      y: places[i].y,
      marker: { size, color: group.colour, opacity: points.n > 12000 ? 0.75 : 0.85, line: { width: 0 } },
      hoverinfo: "skip",
      visible: !this.hidden.has(group.key),
    });
    return [...images, ...this.#sampleTraces()].filter(Boolean);
  }

  #sampleTraces() {
    const { groups, of } = sampleGroups(this.mode, this.state, t);
    const members = groups.map(() => []);
    for (const sample of this.samples) members[of(sample)]?.push(sample);
    this.sampleGroup = (sample) => groups[of(sample)]?.key;
    this.sampleCounts = groups.map((group, i) => ({ ...group, count: members[i].length }));
    return groups.map((group, i) => members[i].length && {
      type: "scattergl",
      mode: "markers",
      x: members[i].map((sample) => sample.x),
      y: members[i].map((sample) => sample.y),
      marker: { symbol: "diamond", size: 10, color: group.colour, line: { width: 1.5, color: variable("panel") } },
      hoverinfo: "skip",
      visible: !this.#isHidden(group.key),
    });
  }

  #isHidden = (key) => this.hidden.has(key) || this.hidden.has("generated");

  #layout(range) {
    const axis = { showgrid: false, zeroline: false, showticklabels: false, ticks: "", showline: false };
    return {
      margin: { l: 0, r: 0, t: 0, b: 0 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      showlegend: false,
      hovermode: false,
      dragmode: "pan",
      xaxis: { ...axis, range: range.x },
      yaxis: { ...axis, range: range.y, scaleanchor: "x" },
    };
  }

  async #draw(keepView) {
    const start = performance.now();
    const full = keepView ? this.plot._fullLayout : null;
    const range = full ? { x: [...full.xaxis.range], y: [...full.yaxis.range] } : this.#wholeRange();
    const draw = this.plot._fullLayout ? "react" : "newPlot";
    await window.Plotly[draw](this.plot, this.#traces(), this.#layout(range), plotOptions());
    if (draw === "newPlot") {
      for (const name of ["plotly_relayouting", "plotly_relayout"]) this.plot.on(name, () => this.overlay.redraw());
    }
    this.#drawLegend();
    this.overlay.redraw();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    performance.measure("kizu:scatter-draw", { start, end: performance.now(), detail: { points: this.points.n } });
  }

  #wholeRange() {
    const [left, right, bottom, top] = this.points.bounds;
    const [width, height] = [Math.max(right - left, 1e-3), Math.max(top - bottom, 1e-3)];
    return {
      x: [left - PADDING * width, right + PADDING * width],
      y: [bottom - PADDING * height, top + PADDING * height],
    };
  }

  /** Shows everything. */
  fit() {
    if (!this.points) return;
    const range = this.#wholeRange();
    window.Plotly.relayout(this.plot, { "xaxis.range": range.x, "yaxis.range": range.y });
  }

  /** Moves the view so that (x, y) is in sight; with `holding` it zooms so that all within that distance is in sight too. */
  async goTo(x, y, { holding = null } = {}) {
    const close = holding !== null;
    const { xaxis, yaxis } = this.plot._fullLayout;
    const whole = this.#wholeRange();
    let [w, hgt] = [xaxis.range[1] - xaxis.range[0], yaxis.range[1] - yaxis.range[0]];
    if (close) {
      const least = 2 * holding * Math.max(1, w / hgt) * HOLD_SPACE;
      const limit = Math.max((whole.x[1] - whole.x[0]) * 0.45, least);
      if (w > limit || w < least) [w, hgt] = [limit, (hgt * limit) / w];
    }
    const away = x < xaxis.range[0] + w * 0.1 || x > xaxis.range[1] - w * 0.1 || y < yaxis.range[0] + hgt * 0.1 || y > yaxis.range[1] - hgt * 0.1;
    if (!away && !close) return;
    await window.Plotly.relayout(this.plot, { "xaxis.range": [x - w / 2, x + w / 2], "yaxis.range": [y - hgt / 2, y + hgt / 2] });
  }

  /** Widens the view, if it must, until all points {x, y} are in sight; what was in sight stays so. */
  async include(points) {
    const { xaxis, yaxis } = this.plot._fullLayout;
    const widened = ([low, high], values) => {
      const [least, most] = [Math.min(low, ...values), Math.max(high, ...values)];
      const space = PADDING * (most - least);
      return [least < low ? least - space : low, most > high ? most + space : high];
    };
    const x = widened(xaxis.range, points.map((point) => point.x));
    const y = widened(yaxis.range, points.map((point) => point.y));
    const same = [...x, ...y].every((value, i) => value === [...xaxis.range, ...yaxis.range][i]);
    if (!same) await window.Plotly.relayout(this.plot, { "xaxis.range": x, "yaxis.range": y });
  }

  toPixel(x, y) {
    const { xaxis, yaxis } = this.plot._fullLayout ?? {};
    if (!xaxis) return [-99, -99];
    const [left, right] = xaxis.range;
    const [bottom, top] = yaxis.range;
    return [((x - left) / (right - left)) * xaxis._length, ((top - y) / (top - bottom)) * yaxis._length];
  }

  #toData(event) {
    const box = this.stage.getBoundingClientRect();
    const { xaxis, yaxis } = this.plot._fullLayout;
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const scale = (xaxis.range[1] - xaxis.range[0]) / xaxis._length;
    return { x: xaxis.range[0] + px * scale, y: yaxis.range[1] - (py * (yaxis.range[1] - yaxis.range[0])) / yaxis._length, scale, px, py };
  }

  // ---- legend and modes

  #drawModes() {
    const button = (mode) =>
      h("button", { type: "button", role: "radio", "aria-checked": String(mode === this.mode), onclick: () => this.setMode(mode) }, t(`map.mode_${mode}`));
    fill(this.modes, MODES.map(button));
  }

  /** Colours by "class", "margin", "split" or "origin". */
  async setMode(mode) {
    this.mode = mode;
    this.hidden.clear();
    this.#drawModes();
    if (this.points) await this.#draw(true);
    this.options.onRecolour?.();
  }

  #drawLegend() {
    const entry = (group, kind) =>
      h(
        "button",
        { type: "button", class: "entry", "aria-pressed": String(!this.hidden.has(group.key)), title: t("map.toggle"), onclick: () => this.#toggle(group.key) },
        h("i", { class: kind, style: `--c: ${group.colour}` }),
        h("span", {}, group.name),
        h("b", {}, window.kizu.number(group.count)),
      );
    if (this.mode === "margin") fill(this.legend, this.#marginScale());
    else fill(this.legend, this.counts.filter((g) => g.count).map((group) => entry(group, "dot")));
    const generated = { key: "generated", name: t("map.generated"), colour: variable("muted"), count: this.samples.length };
    if (this.mode === "origin") this.legend.append(...this.sampleCounts.filter((g) => g.count).map((g) => entry(g, "diamond")));
    else if (this.samples.length) this.legend.append(entry(generated, "diamond"));
  }

  #marginScale() {
    const colours = this.counts.map((group) => group.colour);
    return h("div", { class: "scale" }, h("span", {}, this.counts[0].name), h("i", { style: `background: linear-gradient(90deg, ${colours})` }), h("span", {}, this.counts.at(-1).name));
  }

  #toggle(key) {
    if (!this.hidden.delete(key)) this.hidden.add(key);
    this.#draw(true);
  }

  // ---- pointer and keys

  #hit(event) {
    if (!this.points || !this.plot._fullLayout) return null;
    const at = this.#toData(event);
    const radius = HIT_RADIUS_PX * at.scale;
    const { samples } = this;
    const found = this.sampleGrid.nearest(at.x, at.y, radius, (i) => !this.#isHidden(this.sampleGroup(samples[i])));
    if (found >= 0) return { sample: samples[found], at };
    const row = this.points.grid.nearest(at.x, at.y, radius, (r) => !this.hidden.has(this.imageGroup(r)));
    return row >= 0 ? { image: this.points.ids[row], row, at } : { at };
  }

  #listen() {
    let pressed = null;
    this.stage.addEventListener("pointerdown", (event) => {
      pressed = event.button === 0 && this.plot.contains(event.target) ? [event.clientX, event.clientY] : null;
      this.#hideCard();
    }, true);
    // Plotly covers the page while dragging, so the release is heard on the window.
    window.addEventListener("pointerup", (event) => {
      const from = pressed;
      pressed = null;
      if (!from || Math.hypot(event.clientX - from[0], event.clientY - from[1]) > CLICK_SLACK_PX) return;
      this.#choose(this.#hit(event));
    }, true);
    this.stage.addEventListener("pointermove", (event) => (pressed ? null : this.#hover(event)));
    this.stage.addEventListener("pointerleave", () => this.#hideCard());
    new ResizeObserver(() => this.#resize()).observe(this.stage);
    new MutationObserver(() => this.#retheme()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  #choose(hit) {
    if (!hit) return;
    // Plotly keeps the press to itself, so a field would stay focused and swallow the keys.
    document.activeElement?.blur();
    if (hit.sample) this.options.onChoose({ sample: hit.sample });
    else if (hit.image !== undefined) this.options.onChoose({ image: hit.image });
    else {
      const empty = this.points.grid.nearest(hit.at.x, hit.at.y, this.state.nearRadius) < 0;
      this.options.onChoose({ place: { x: hit.at.x, y: hit.at.y, empty } });
    }
  }

  #resize() {
    if (!this.plot._fullLayout || !isShown(this.stage)) return;
    window.Plotly.Plots.resize(this.plot).then(() => this.overlay.redraw());
  }

  #retheme() {
    const theme = document.body.classList.contains("dark");
    if (theme === this.theme) return;
    this.theme = theme;
    if (this.points) this.#draw(true);
    this.options.onRecolour?.();
  }

  // ---- hover card

  #hover(event) {
    clearTimeout(this.hoverTimer);
    const hit = event.target.closest(".legend") ? null : this.#hit(event);
    const over = hit && (hit.sample || hit.image !== undefined);
    this.stage.classList.toggle("over", Boolean(over));
    if (!over) return void this.#hideCard();
    this.hoverTimer = setTimeout(() => this.#showCard(hit), HOVER_DELAY_MS);
  }

  #showCard({ sample, image, row, at }) {
    const label = sample ? sample.label : this.state.labels[this.points.label[row]];
    const url = sample ? `kizu/thumb/sample/${sample.id}?v=${sample.version}` : `kizu/thumb/image/${image}`;
    const key = `${sample ? "s" : "i"}${sample?.id ?? image}`;
    if (this.card.dataset.key !== key) {
      this.card.dataset.key = key;
      const small = sample ? t("map.generated_one") : t(`map.split_${this.state.splits[this.points.split[row]]}`);
      fill(this.card, h("img", { src: url, alt: "", width: 128, height: 128 }),
        h("div", {}, h("i", { class: sample ? "diamond" : "dot", style: `--c: ${labelColour(this.state, label)}` }), h("span", {}, label), h("small", {}, small)));
    }
    const [width, height] = [146, 172];
    const left = at.px + 18 + width > this.stage.clientWidth ? at.px - 18 - width : at.px + 18;
    const top = Math.min(Math.max(6, at.py - height / 2), this.stage.clientHeight - height - 6);
    this.card.style.transform = `translate(${left}px, ${top}px)`;
    this.card.hidden = false;
  }

  #hideCard() {
    clearTimeout(this.hoverTimer);
    this.card.hidden = true;
    this.stage.classList.remove("over");
  }
}
