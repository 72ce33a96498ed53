// The mask canvas: a photograph as a preview, and a mask of the photograph's own size drawn over it. It ties the raster, the tools, the
// stage and the keeper together. The photograph itself never comes here, and only the mask goes back.

import { fill, getBytes, h, postBytes, t } from "./dom.js";
import { MaskBar } from "./mask_bar.js";
import { Gestures } from "./mask_gestures.js";
import { History } from "./mask_history.js";
import { MaskKeeper } from "./mask_keeper.js";
import { Raster } from "./mask_raster.js";
import { Stage } from "./mask_stage.js";
import { tip, tools } from "./mask_tools.js";

const LEAST_PX = 1, MOST_PX = 1000;
const SIZE_STEP = 1.25;

export class MaskCanvas {
  /** options: onMask() when what is drawn has changed, onSaved() when it is on the server's disk, onContrast() when contrast has; libraryLabel(): whose masks the library gives, "" for everybody's. */
  constructor(root, options) {
    this.options = options;
    this.image = this.raster = null;
    this.diameter = 40;
    this.contrast = true;
    this.#layout(root);
    this.tools = tools(this);
    this.gestures = new Gestures(this.canvas, {
      stage: this.stage,
      ready: () => this.raster !== null,
      tool: () => this.tool,
      commit: () => this.commit(),
      changed: () => this.#redraw(),
      resize: (factor) => this.resize(this.diameter * factor),
    });
    this.stage.pending = (pen, view, tone) => this.#pending(pen, view, tone);
    this.keeper = new MaskKeeper({ onChange: () => this.#told(), onRefused: (message) => window.kizu.say(message, true) });
    this.choose("brush");
    this.resize(this.diameter);
    this.bar.toggle("mask", true);
    this.bar.toggle("contrast", true);
    this.bar.saved("saved");
    this.#changed();
  }

  #layout(root) {
    const edge = h("div", { class: "tools" }), line = h("div", { class: "bar" });
    this.canvas = h("canvas", { tabindex: "0", "aria-label": t("inpaint.canvas") });
    this.note = h("div", { class: "over", role: "status" });
    fill(root, line, edge, h("div", { class: "stage" }, this.canvas, this.note));
    this.root = root;
    this.stage = new Stage(this.canvas);
    this.bar = new MaskBar(edge, line, {
      act: (name, event) => this.act(name, event),
      set: (name, value) => (name === "size" ? this.resize(value) : this.#opaque(value)),
      least: LEAST_PX,
      most: MOST_PX,
    });
    this.file = h("input", { type: "file", accept: "image/*", hidden: true, onchange: () => this.#upload() });
    root.append(this.file);
  }

  get view() {
    return this.stage.view;
  }

  #told() {
    this.bar.saved(this.keeper.state, this.keeper.error);
    if (this.keeper.state === "saved") this.options.onSaved();
  }

  say(key) {
    window.kizu.say(t(key), true);
  }

  // ---- one image

  /** Opens an image {id, v, w, h, mask} of the workspace; resolves when its mask is there. What was drawn on the one before is kept. */
  async open(image) {
    if (this.image) this.keeper.detach(this.image.id);
    this.gestures.cancel();
    this.tool.cancel();
    this.image = image;
    this.raster = null;
    this.history = new History();
    this.stage.show({ width: image.w, height: image.h });
    this.#changed();
    fill(this.note, t("inpaint.opening"));
    try {
      const [bytes] = await Promise.all([this.#kept(image), this.#photograph(image)]);
      if (this.image !== image) return;
      this.raster = new Raster(image.w, image.h);
      this.raster.draw(bytes);
      this.raster.commit();
      fill(this.note);
      this.#changed();
      this.options.onMask();
    } catch (error) {
      if (this.image === image) fill(this.note, h("span", { class: "bad" }, error.message), h("button", { type: "button", class: "quiet", onclick: () => this.open(image) }, t("map.retry")));
    }
  }

  // What is on its way to the server is newer than what the server would answer.
  async #kept(image) {
    await this.keeper.settled();
    return getBytes(`kizu/inpaint/image/${image.id}/mask`);
  }

  async #photograph(image) {
    const shown = new Image();
    shown.src = `kizu/inpaint/image/${image.id}/preview?v=${image.v}&contrast=${Number(this.contrast)}`;
    await shown.decode().catch(() => { throw new Error(t("inpaint.no_preview")); });
    if (this.image !== image) return;
    this.stage.photograph = shown;
    this.stage.redraw();
  }

  // ---- drawing

  get tool() {
    return this.tools[this.chosen];
  }

  choose(name) {
    if (this.chosen && this.chosen !== name) this.tool.cancel();
    this.chosen = name;
    this.bar.choose(name);
    this.#redraw();
  }

  /** The brush's width in native pixels. */
  resize(px) {
    const held = Math.max(LEAST_PX, Math.min(MOST_PX, px));
    this.diameter = held < 10 ? Math.round(2 * held) / 2 : Math.round(held);
    this.bar.showSize(this.diameter);
    this.stage.redraw();
  }

  #opaque(value) {
    this.stage.opacity = value;
    this.stage.redraw();
  }

  /** What was drawn counts from now on: it can be undone, and it is saved. */
  commit() {
    const change = this.raster.commit();
    if (!change) return this.#redraw();
    this.history.push(change);
    this.#note();
  }

  #turn(change) {
    if (!change) return;
    this.raster.apply(change);
    this.#note();
  }

  #note() {
    const { raster } = this;
    this.keeper.note(this.image.id, () => raster.bytes);
    this.#changed();
    this.options.onMask();
  }

  #changed() {
    const { raster, history, image } = this;
    this.bar.enable({ undo: history?.done.length > 0, redo: history?.undone.length > 0, clear: raster?.count > 0, download: raster?.count > 0, own: Boolean(image?.mask), library: Boolean(raster), last: Boolean(raster), upload: Boolean(raster) });
    if (image) this.bar.measure({ count: raster?.count ?? 0, box: raster?.box, width: image.w, height: image.h });
    this.#redraw();
  }

  #redraw() {
    if (this.raster) this.stage.update(this.raster.takeFresh(), this.raster.pixels);
    else this.stage.redraw();
  }

  #pending(pen, view, tone) {
    this.bar.showZoom(view.scale);
    this.tool.show?.(pen, view, tone);
    const { pointer, panning, space } = this.gestures;
    if (this.raster && pointer && !panning && !space && this.chosen !== "fill" && this.chosen !== "polygon") tip(pen, pointer, (this.diameter * view.scale) / 2, tone);
  }

  // ---- what buttons and keys do

  act(name, event) {
    if (this.tools[name]) return this.choose(name);
    const done = { fit: () => this.#fit(), mask: () => this.#toggleMask(), contrast: () => this.#toggleContrast() }[name];
    if (done) return done();
    if (!this.raster || this.gestures.drawing) return;
    const actions = {
      undo: () => this.tool.back?.() || this.#turn(this.history.undo()),
      redo: () => this.#turn(this.history.redo()),
      clear: () => {
        this.raster.clear();
        this.commit();
      },
      library: () => this.#fetch(`library?label=${encodeURIComponent(this.options.libraryLabel())}&seed=${Math.floor(Math.random() * 2 ** 31)}`, event?.shiftKey),
      own: () => this.#fetch("own", event?.shiftKey),
      last: () => this.#fetch("last", event?.shiftKey),
      upload: () => this.file.click(),
      download: () => this.#download(),
    };
    actions[name]();
    this.#redraw();
  }

  /** True where Escape gave something up. */
  escape() {
    const open = Boolean(this.gestures.drawing || this.tool.open);
    this.gestures.cancel();
    this.tool.cancel();
    this.raster?.revert();
    this.#redraw();
    return open;
  }

  /** True where Enter closed a polygon. */
  enter() {
    if (!this.tool.finish || !this.tool.open) return false;
    if (this.tool.finish()) this.commit();
    this.#redraw();
    return true;
  }

  step(larger) {
    this.resize(larger ? Math.max(this.diameter * SIZE_STEP, this.diameter + 0.5) : this.diameter / SIZE_STEP);
  }

  #fit() {
    this.view.fit();
    this.stage.redraw();
  }

  /** Shows a box of the photograph large, with some of what is around it; what is large already stays where it is. */
  look(box) {
    const { view } = this, { scale, x, y, whole } = view, air = 0.4 * Math.max(box.right - box.left, box.bottom - box.top);
    view.fit({ left: box.left - air, top: box.top - air, right: box.right + air, bottom: box.bottom + air });
    if (view.scale < 1.3 * scale) Object.assign(view, { scale, x, y, whole });
    this.stage.redraw();
  }

  #toggleMask() {
    this.stage.masked = !this.stage.masked;
    this.bar.toggle("mask", this.stage.masked);
    this.stage.redraw();
  }

  #toggleContrast() {
    this.contrast = !this.contrast;
    this.bar.toggle("contrast", this.contrast);
    if (this.image) this.#photograph(this.image).catch((error) => window.kizu.say(error.message, true));
    this.options.onContrast();
  }

  // ---- masks from elsewhere: they replace what is drawn, or with Shift come over it

  async #take(promise, add) {
    const { raster } = this;
    try {
      const bytes = await promise;
      if (raster !== this.raster) return;
      raster.draw(bytes, add);
      this.commit();
    } catch (error) {
      window.kizu.say(error.message, true);
    }
  }

  #fetch(source, add) {
    return this.#take(getBytes(`kizu/inpaint/image/${this.image.id}/mask/${source}`), add);
  }

  async #upload() {
    const [file] = this.file.files;
    this.file.value = "";
    if (file && this.raster) await this.#take(postBytes(`kizu/inpaint/image/${this.image.id}/mask/upload`, await file.arrayBuffer(), { bytes: true }), false);
  }

  async #download() {
    const { image } = this;
    await this.keeper.settled();
    h("a", { href: `kizu/inpaint/image/${image.id}/mask.png`, download: "" }).click();
  }
}
