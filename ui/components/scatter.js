// The map of images: points drawn as pixels under plotly's axes, which pan and zoom, with an own hit test, hover card, legend and
// marks. It tells what was chosen through `options.onChoose` and knows nothing of panels, forms or requests.

import { fill, h, isShown, t } from "./dom.js";
import { imageGroups, labelColour, MODES, sampleGroups, SIDES, variable } from "./scatter_colours.js";
import { Gestures } from "./scatter_gestures.js";
import { drawLegend } from "./scatter_legend.js";
import { Overlay } from "./scatter_overlay.js";
import { Grid } from "./scatter_points.js";
import { Raster } from "./scatter_raster.js";
import { Shade } from "./scatter_shade.js";

const HIT_RADIUS_PX = 9;
const HOVER_DELAY_MS = 45;
const REST_MS = 160;
const PADDING = 0.06;
// Room around what must be in sight: the legend covers the lowest part.
const HOLD_SPACE = 1.3;
const plotOptions = { scrollZoom: true, displayModeBar: false, doubleClick: false, responsive: false };

// By how many points the whole map would have, were it as dense as the part in sight.
const pointSize = (n) => (n > 300000 ? 2 : n > 60000 ? 3 : n > 12000 ? 4 : n > 3000 ? 5 : 7);

export class Scatter {
  /** options: onChoose({image | sample | place | path | lasso}), onClear(), onRecolour(). Draws into `root`. */
  constructor(root, options) {
    this.options = options;
    this.mode = "class";
    this.hidden = new Set();
    this.state = null;
    this.points = null;
    this.samples = [];
    this.chosen = null;
    this.legend = h("div", { class: "legend" });
    this.modes = h("div", { class: "modes", role: "radiogroup", "aria-label": t("map.colour") });
    const [tone, dots] = ["shade", "points"].map((name) => h("canvas", { class: name, "aria-hidden": "true" }));
    this.plot = h("div", { class: "plot", tabIndex: 0, role: "application", "aria-label": t("map.plot") });
    this.card = h("div", { class: "card", hidden: true });
    this.stage = h("div", { class: "stage" }, h("div", { class: "ground" }, tone, dots), this.plot);
    this.lassoButton = h("button", { type: "button", class: "quiet", title: t("map.lasso_long"), "aria-pressed": "false", onclick: () => this.lasso() }, t("map.lasso"));
    const fit = h("button", { type: "button", class: "quiet", title: t("map.fit_long"), onclick: () => this.fit() }, t("map.fit"));
    const bar = h("div", { class: "bar" }, h("span", { class: "muted" }, t("map.colour")), this.modes, this.lassoButton, h("span", { class: "grow" }), fit);
    fill(root, bar, this.stage);
    this.raster = new Raster(dots);
    this.shade = new Shade(tone);
    this.overlay = new Overlay(this.stage, { toPixel: (x, y) => this.toPixel(x, y) });
    this.stage.append(this.legend, this.card);
    this.#drawModes();
    this.#listen();
  }

  /** Draws points and state of /kizu/map/state, the whole map in sight. */
  async show(points, state) {
    await points.side(SIDES[this.mode]);
    [this.points, this.state, this.chosen] = [points, state, null];
    this.raster.load(points);
    this.shade.load(points.grid, state.nearRadius);
    this.#keepSamples(state.samples);
    await this.#draw(false);
  }

  /** Replaces the samples; the view stays where it is. */
  async setSamples(samples) {
    this.#keepSamples(samples);
    await this.#draw(true);
  }

  #keepSamples(samples) {
    this.samples = samples;
    this.sampleGrid = new Grid(Float32Array.from(samples, (s) => s.x), Float32Array.from(samples, (s) => s.y));
  }

  // ---- drawing

  /** What each point's colour is, and how many have it. */
  #colour() {
    const { points, state, hidden } = this;
    const { groups, of } = imageGroups(this.mode, points, state, t);
    this.imageGroup = (row) => groups[of[row]]?.key;
    const counts = new Uint32Array(256);
    for (let row = 0; row < points.n; row++) counts[of[row]]++;
    this.groups = groups.map((group, i) => ({ ...group, count: counts[i] }));
    this.raster.paint(of, groups.map((group) => (hidden.has(group.key) ? null : group.colour)));
    const drawn = sampleGroups(this.mode, state, t);
    const members = drawn.groups.map(() => []);
    for (const sample of this.samples) members[drawn.of(sample)]?.push(sample);
    this.sampleGroup = (sample) => drawn.groups[drawn.of(sample)]?.key;
    this.sampleGroups = drawn.groups.map((group, i) => ({ ...group, count: members[i].length, members: members[i] }));
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
    this.#colour();
    if (!keepView || !this.plot._fullLayout) {
      const draw = this.plot._fullLayout ? "react" : "newPlot";
      await window.Plotly[draw](this.plot, [], this.#layout(this.#wholeRange()), plotOptions);
      if (draw === "newPlot") for (const name of ["plotly_relayouting", "plotly_relayout"]) this.plot.on(name, () => this.#moved());
    }
    this.#drawLegend();
    this.#redraw();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    performance.measure("kizu:scatter-draw", { start, end: performance.now(), detail: { points: this.points.n } });
  }

  // Many moves of the pointer may come between two frames; only the last one counts.
  #moved() {
    clearTimeout(this.rest);
    this.rest = setTimeout(() => (this.gestures.pressed ? this.#moved() : this.#redraw()), REST_MS);
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#redraw(true);
    });
  }

  #redraw(moving = false) {
    const { xaxis, yaxis } = this.plot._fullLayout;
    const [[left, right], [bottom, top]] = [xaxis.range, yaxis.range];
    const view = { width: xaxis._length, height: yaxis._length, left, right, bottom, top };
    const whole = this.#wholeRange();
    const zoom = Math.max(1, (whole.x[1] - whole.x[0]) / (right - left));
    const size = pointSize(this.points.n / zoom ** 2);
    this.shade.draw(view, variable("line"), moving);
    this.raster.draw({ ...view, size, opacity: size > 4 ? 0.85 : size > 2 ? 0.75 : 1 }, moving);
    const shown = this.sampleGroups.filter(({ key }) => !this.#isHidden(key));
    this.raster.drawDiamonds(shown, variable("panel"), (sample) => this.toPixel(sample.x, sample.y), (sample) => !this.chosen || this.chosen.has(sample.id));
    this.overlay.redraw();
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
    const hidden = (hgt * this.legend.offsetHeight) / yaxis._length;
    const away = x < xaxis.range[0] || x > xaxis.range[1] || y < yaxis.range[0] + hidden || y > yaxis.range[1];
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

  /** Colours by one of MODES. */
  async setMode(mode) {
    this.wanted = mode;
    try {
      await this.points?.side(SIDES[mode]);
    } catch (error) {
      return window.kizu.say(error.message, true);
    }
    // Another one may have been chosen while this one's bytes were on their way.
    if (this.wanted !== mode) return;
    this.mode = mode;
    for (const key of [...this.hidden]) if (key !== "shade") this.hidden.delete(key);
    this.#drawModes();
    if (this.points) await this.#draw(true);
  }

  #drawLegend() {
    const generated = { key: "generated", name: t("map.generated"), colour: variable("muted"), count: this.samples.length };
    const shade = { key: "shade", name: t("map.shade"), colour: variable("line") };
    const { mode, groups, sampleGroups, hidden } = this;
    drawLegend(this.legend, { mode, groups, sampleGroups, generated, shade, hidden, toggle: (key) => this.#toggle(key) });
  }

  #toggle(key) {
    if (!this.hidden.delete(key)) this.hidden.add(key);
    this.shade.shown = !this.hidden.has("shade");
    this.#draw(true);
  }

  // ---- lasso: an outline around points

  /** Turns the lasso on or off. */
  lasso(on = !this.gestures.lasso) {
    this.gestures.lasso = on && this.points !== null;
    this.gestures.cancel();
    this.lassoButton.setAttribute("aria-pressed", String(this.gestures.lasso));
    this.stage.classList.toggle("lassoing", this.gestures.lasso);
  }

  #outline(events, done) {
    if (events.length < 3) return this.options.onClear();
    const outline = events.map((event) => this.#toData(event)).map(({ x, y }) => [x, y]);
    this.overlay.circle(outline);
    if (!done) return;
    this.lasso(false);
    const start = performance.now();
    const rows = this.points.grid.within(outline, (row) => !this.hidden.has(this.imageGroup(row)));
    const samples = this.sampleGrid.within(outline, (i) => !this.#isHidden(this.sampleGroup(this.samples[i]))).map((i) => this.samples[i]);
    this.choose({ rows, samples });
    this.options.onChoose({ lasso: { rows, samples } });
    performance.measure("kizu:lasso", { start, end: performance.now(), detail: { rows: rows.length } });
  }

  /** Keeps only these points {rows, samples} bright; null all of them. */
  choose(chosen) {
    if (!chosen && !this.chosen) return;
    this.chosen = chosen && new Set(chosen.samples.map((sample) => sample.id));
    this.raster.brighten(chosen?.rows ?? null);
    this.#redraw();
  }

  // ---- pointer

  #hit(event) {
    if (!this.points || !this.plot._fullLayout) return null;
    const at = this.#toData(event);
    const radius = HIT_RADIUS_PX * at.scale;
    const { samples } = this;
    const found = this.sampleGrid.nearest(at.x, at.y, radius, (i) => !this.#isHidden(this.sampleGroup(samples[i])));
    if (found >= 0) return { sample: samples[found], at };
    const row = this.points.grid.nearest(at.x, at.y, radius, (r) => !this.hidden.has(this.imageGroup(r)));
    return row >= 0 ? { image: this.points.idOf(row), row, at } : { at };
  }

  #listen() {
    this.gestures = new Gestures(this.stage, this.plot, {
      click: (event) => this.#choose(this.#hit(event)),
      outline: (events, done) => this.#outline(events, done),
      line: (from, to, done) => this.#line(this.#end(from), this.#end(to), done),
      hover: (event) => this.#hover(event),
      leave: () => this.#hideCard(),
    });
    new ResizeObserver(() => this.#resize()).observe(this.stage);
    new MutationObserver(() => this.#retheme()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  #place = ({ x, y }) => ({ x, y, empty: this.points.grid.nearest(x, y, this.state.nearRadius) < 0 });

  #choose(hit) {
    if (!hit) return;
    // Plotly keeps the press to itself, so a field would stay focused and swallow the keys.
    document.activeElement?.blur();
    if (hit.sample) this.options.onChoose({ sample: hit.sample });
    else if (hit.image !== undefined) this.options.onChoose({ image: hit.image });
    else this.options.onChoose({ place: this.#place(hit.at) });
  }

  /** One end of a line, {image} or {place}, each with its {x, y}. A sample's end is the place where it landed. */
  #end(event) {
    const { image, row, sample, at } = this.#hit(event);
    if (row !== undefined) return { image, x: this.points.x[row], y: this.points.y[row] };
    const place = this.#place(sample ?? at);
    return { place, x: place.x, y: place.y };
  }

  #line(from, to, done) {
    this.overlay.way(from, to);
    if (!done) return;
    document.activeElement?.blur();
    this.options.onChoose({ path: { from, to } });
  }

  #resize() {
    if (!this.plot._fullLayout || !isShown(this.stage)) return;
    window.Plotly.Plots.resize(this.plot).then(() => this.#redraw());
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
    const hit = this.gestures.lasso || event.target.closest(".legend") ? null : this.#hit(event);
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
      fill(this.card, h("img", { src: url, alt: "", width: 128, height: 128 }),
        h("div", {}, h("i", { class: sample ? "diamond" : "dot", style: `--c: ${labelColour(this.state, label)}` }), h("span", {}, label), sample ? h("small", {}, t("map.generated_one")) : null));
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
