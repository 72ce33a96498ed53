// The tab Inpaint: the canvas with its strip of images, the form and the results beside it, and the keys.

import { fill, getJson, h, isShown, isTyping, postJson, t } from "./dom.js";
import { Run } from "./generate_run.js";
import { ImageStrip } from "./image_strip.js";
import { MaskCanvas } from "./mask_canvas.js";
import { BatchStatus } from "./redraw_batch.js";
import { RedrawForm } from "./redraw_form.js";
import { RedrawResults } from "./redraw_results.js";

const LAST = "kizu-inpaint"; // the image that was open, through a reload
const STARTING_SECONDS = 1.5;

/** What is said while samples are made: steps of the network, and samples that are on the disk. */
function redrawWords({ step, total, made }, count, seconds) {
  if (!total) return seconds < STARTING_SECONDS ? t("inpaint.starting") : t("inpaint.waiting", { s: seconds.toFixed(0) });
  if (step >= total && made < count) return t("inpaint.pasting", { total });
  return t("inpaint.step_of", { step, total, made, n: count });
}

/** Answers with and without LoRAs as one: each seed with, then without. */
function withoutToo(answer, plain) {
  const named = (samples, key) => samples.map((sample) => ({ ...sample, note: t(key) }));
  const pairs = [named(answer.samples, "inpaint.with_lora"), named(plain.samples, "inpaint.without_lora")];
  return { ...answer, samples: pairs[0].flatMap((sample, i) => [sample, pairs[1][i]].filter(Boolean)), seconds: answer.seconds + plain.seconds };
}

class InpaintPage {
  constructor(element) {
    this.element = element;
    this.#layout();
    this.#listen();
  }

  #layout() {
    const [canvas, strip, form, progress, batch, results] = ["canvas", "images", "form", "progress", "progress job", "results"].map((name) => h("section", { class: name }));
    progress.setAttribute("role", "status");
    this.empty = h("div", { class: "none", role: "status" }, h("p", {}, t("inpaint.loading")));
    fill(this.element, h("div", { class: "left" }, canvas, strip), h("div", { class: "right" }, form, progress, batch, results), this.empty);
    this.canvas = new MaskCanvas(canvas, { onMask: () => this.#masked(), onSaved: () => this.#crop(), onContrast: () => this.results.look(), libraryLabel: () => this.form.label.value });
    this.strip = new ImageStrip(strip, { onChoose: (image) => this.#open(image) });
    this.form = new RedrawForm(form, { onCrop: () => this.#crop(), onAim: () => this.#aim(), onGenerate: () => this.generate(), image: () => this.image });
    this.run = new Run(progress, () => (this.form.busy = this.run.busy), "kizu/inpaint/redraw", redrawWords);
    this.batch = new BatchStatus(batch);
    this.results = new RedrawResults(results, { onShow: (sample) => this.#show(sample), contrast: () => this.canvas.contrast, onReview: () => window.kizu.tab("review") });
  }

  #listen() {
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("keyup", (event) => event.key === " " && this.canvas.gestures.hold(false));
    addEventListener("blur", () => this.canvas.gestures.hold(false));
    window.kizu.on("inpaint", (id) => this.strip.choose(id));
    window.kizu.on("state", (news) => {
      this.batch.update(news.jobs);
      const seen = `${news.counts?.images} ${news.counts?.samples} ${news.models}`;
      if (this.seen !== undefined && this.seen !== seen && isShown(this.element)) this.refresh();
      this.seen = seen;
    });
  }

  // ---- loading

  /** Reads what there is: images, models, drafts. What is drawn and typed stays. */
  async refresh() {
    if (this.loading) return void (this.again = true);
    this.loading = true;
    try {
      await this.#load();
    } catch (error) {
      this.#nothing(error.message, h("button", { type: "button", class: "quiet", onclick: () => this.refresh() }, t("map.retry")));
    } finally {
      this.loading = false;
      if (this.again) {
        this.again = false;
        this.refresh();
      }
    }
  }

  async #load() {
    const [{ images, labels }, state, batch] = await Promise.all([getJson("kizu/data/images"), getJson("kizu/inpaint/state"), getJson("kizu/inpaint/batch"), this.results.refresh()]);
    if (!images.length) return this.#nothing(t("inpaint.no_images"), h("button", { type: "button", class: "primary", onclick: () => window.kizu.tab("data") }, t("map.go_data")));
    this.state = state;
    this.strip.set(images, labels);
    this.strip.showDrafts(state.drafts);
    this.form.configure({ ...state, batch, labels: labels.map(({ name }) => name) });
    this.empty.hidden = true;
    const wanted = Number(sessionStorage.getItem(LAST));
    if (!this.image) this.strip.choose(this.strip.get(wanted) ? wanted : state.drafts[0] ?? images[0].id);
    this.#crop();
    this.#ready();
    if (this.attached) return;
    this.attached = true;
    await this.#restore();
  }

  // What was asked for before the page was loaded anew: it is waited for, and its samples stand here again.
  async #restore() {
    const how = await this.run.attach(), { samples } = await getJson("kizu/inpaint/samples");
    if (this.run.busy) return;
    if (how) this.run.say(h("span", {}, t(how === "done" ? "inpaint.made_reloaded" : "inpaint.interrupted")));
    if (!this.results.samples.length) this.results.show(samples);
  }

  #nothing(words, button) {
    fill(this.empty, h("p", {}, words), button);
    this.empty.hidden = false;
  }

  async #open(image) {
    if (this.image?.id === image.id) return;
    this.image = image;
    sessionStorage.setItem(LAST, String(image.id));
    this.results.choose(null);
    this.form.aim(this.strip.labels[image.label].name);
    await this.canvas.open(image);
  }

  // ---- what is drawn, and the crop around it

  #masked() {
    this.results.choose(null);
    const { drafts } = this.strip, { id } = this.image;
    if (this.canvas.raster.count > 0 !== drafts.has(id)) this.strip.showDrafts(drafts.has(id) ? [...drafts].filter((other) => other !== id) : [id, ...drafts]);
    this.#crop();
    if (this.form.mode === "batch") this.#count();
  }

  // The rectangle that the model will see; a newer mask makes the answer to an older one worthless.
  async #crop() {
    const { stage, raster } = this.canvas ?? {}, { form } = this;
    if (!raster || !form) return;
    const { box } = raster, asked = !form.whole && form.chosen && box && `kizu/inpaint/image/${this.image.id}/crop?box=${box.left},${box.top},${box.right},${box.bottom}&padding=${form.padding.value}&feather=${form.feather_px.value}&side=${form.chosen.side_px}&most=${form.chosen.most_px}&grid=${form.chosen.grid_px}`;
    this.asked = asked;
    const whole = form.whole ? { left: 0, top: 0, right: raster.width, bottom: raster.height } : null;
    const crop = asked ? await getJson(asked).catch(() => null) : whole;
    if (this.asked !== asked) return;
    stage.crop = crop;
    stage.cropWords = crop?.seen ? t("inpaint.crop_seen", { w: crop.right - crop.left, h: crop.bottom - crop.top, sw: crop.seen[0], sh: crop.seen[1] }) : "";
    stage.redraw();
    this.#ready();
  }

  // Why the button waits, if it does.
  #ready() {
    const { raster } = this.canvas, { form } = this;
    const go = (tab) => h("button", { type: "button", class: "link", onclick: () => window.kizu.tab(tab) }, t(`map.go_${tab}`));
    const missing = form.mode === "batch" ? form.batch.missing(form.label.value) : raster && !raster.count && !form.whole ? [t("inpaint.draw_first"), null] : null;
    if (this.state && !this.state.models.length && !form.chosen) form.missing = [h("span", {}, t("inpaint.no_model")), " ", go("train")];
    else form.missing = missing && [h("span", {}, missing[0]), " ", missing[1] && go(missing[1])];
  }

  // This image, or many: the newest batch stands only where batches are made.
  #aim() {
    if (!this.form) return;
    this.element.classList.toggle("many", this.form.mode === "batch");
    if (this.form.mode === "batch") this.#count();
    this.#crop();
    this.#ready();
  }

  // What is drawn on now counts for a batch under drawn masks.
  async #count() {
    await this.canvas.keeper.settled();
    const batch = await getJson("kizu/inpaint/batch").catch(() => null);
    if (!batch) return;
    this.form.batch.configure(batch);
    this.#ready();
  }

  // ---- generating

  async generate() {
    if (this.form.button.disabled || !this.canvas.raster) return;
    this.form.blame("");
    if (this.form.mode === "batch") return this.#start();
    const config = { ...this.form.config, image_id: this.image.id };
    this.results.forget();
    try {
      await this.canvas.keeper.settled();
      const { comparing } = this.form, answer = await this.run.generate(config);
      const plain = comparing && !answer.stopped ? await this.run.generate({ ...config, loras: [] }) : null;
      this.form.advance(config.seed, answer.samples.length);
      this.#answer(plain ? withoutToo(answer, plain) : answer);
    } catch (error) {
      this.#fail(error);
    }
  }

  // A batch is a job: the strip shows it, and so does this page.
  async #start() {
    const { form } = this, { config } = form;
    form.starting = true;
    form.busy = this.run.busy;
    try {
      await this.canvas.keeper.settled();
      await postJson("kizu/inpaint/batch/start", config);
      this.run.say(null);
      form.advance(config.seed, config.count);
    } catch (error) {
      this.#fail(error);
    }
    form.starting = false;
    form.busy = this.run.busy;
  }

  // In words under the button, in sight, and at the field it speaks of.
  #fail(error) {
    this.run.fail(error);
    this.form.blame(error.message);
    this.run.progress.scrollIntoView({ block: "nearest" });
  }

  #answer({ samples, seconds, warnings, stopped }) {
    const many = { n: samples.length, s: seconds.toFixed(1) };
    this.run.say(h("span", {}, t(stopped ? (samples.length ? "inpaint.stopped" : "map.stopped_empty") : "inpaint.made", many)), warnings);
    this.results.show(samples);
  }

  // A result in its place on the photograph, or the photograph itself again.
  #show(sample) {
    const { stage } = this.canvas;
    stage.result = sample && sample.image_id === this.image.id ? { image: sample.picture, box: sample.box } : null;
    if (stage.result && !sample.seen) this.canvas.look(sample.box);
    if (sample) sample.seen = true;
    stage.redraw();
  }

  // ---- keys

  #key(event) {
    if (!isShown(this.element) || event.defaultPrevented) return;
    const key = event.key.toLowerCase(), command = event.ctrlKey || event.metaKey;
    if (command && key === "enter") {
      event.preventDefault();
      return void this.generate();
    }
    if (isTyping(event) || event.altKey) return;
    if (key === " " && !event.target.closest("button, summary, input")) {
      event.preventDefault();
      return this.canvas.gestures.hold(true);
    }
    const act = command ? { z: () => this.canvas.act(event.shiftKey ? "redo" : "undo"), y: () => this.canvas.act("redo") }[key] : this.#action(key, event);
    if (!act || (event.repeat && !command && !"[]".includes(key) && !key.startsWith("arrow"))) return;
    event.preventDefault();
    act();
  }

  #action(key, event) {
    const { canvas, results } = this, verdict = results.action(key, document.activeElement === canvas.canvas);
    if (verdict) return verdict;
    const tool = { b: "brush", e: "eraser", l: "line", p: "polygon", f: "fill", r: "library", m: "mask", c: "contrast", 0: "fit", delete: "clear" }[key];
    if (tool) return () => canvas.act(tool, event);
    // A list that has the focus keeps its arrows.
    const arrows = !event.target.closest("input, [role=radiogroup]");
    return {
      "[": () => canvas.step(false),
      "]": () => canvas.step(true),
      x: () => results.toggle(),
      arrowup: results.samples.length && arrows && (() => results.step(-1)),
      arrowdown: results.samples.length && arrows && (() => results.step(1)),
      backspace: () => canvas.tool.back?.() && canvas.stage.redraw(),
      arrowleft: arrows && (() => this.strip.step(-1)),
      arrowright: arrows && (() => this.strip.step(1)),
      enter: event.target.closest("button, summary") ? null : () => canvas.enter(),
      escape: () => canvas.escape() || results.choose(null),
    }[key];
  }
}

/** Called once by gradio when the tab is first shown; `watch` tells when Python asks for a refresh. */
export function mount(element, watch) {
  const page = new InpaintPage(element);
  page.refresh();
  watch("value", () => page.refresh());
  return page;
}
