// How images are cut for the networks: the view's few settings, six examples with the cut square drawn on the picture, and the button
// that builds the map. The view can be changed until something is trained on it; afterwards it is shown as it is.

import { fill, fixed, getJson, h, postJson, t } from "./dom.js";

const WHOLE = { width: 82, height: 56 };
const SIDES = [28, 32, 48, 64, 96, 128];

/** Size of a picture inside the place for it, with its aspect. */
function fit({ width, height }) {
  const scale = Math.min(WHOLE.width / width, WHOLE.height / height);
  return `width:${width * scale}px;height:${height * scale}px`;
}

export class ViewPanel {
  constructor(root) {
    this.controls = h("div", { class: "controls" });
    this.examples = h("div", { class: "examples" });
    this.build = h("button", { type: "button", class: "primary", onclick: () => this.#embed() }, t("data.build"));
    this.words = h("p", { class: "note", role: "status" });
    this.open = h("button", { type: "button", class: "link", hidden: true, onclick: () => kizu.tab("map") }, t("data.open_map"));
    fill(root, h("div", { class: "how" }, h("h2", {}, t("data.view"), h("small", {}, t("data.view_why"))), this.controls), this.examples,
      h("div", { class: "next" }, this.build, this.words, this.open));
    kizu.on("state", (state) => this.#state(state));
  }

  set(data) {
    this.data = data;
    this.view = data.view;
    this.enlarged = data.enlarged;
    this.#drawControls();
    this.#drawExamples(data.examples);
    this.#state(kizu.state);
  }

  #drawControls() {
    const { view } = this, locked = this.data.locked || !this.data.rows.length;
    const segment = (name, values) => h("div", { class: "segments", role: "group", "aria-label": t(`data.view_${name}`) }, values.map((value) =>
      h("button", { type: "button", disabled: locked, "aria-pressed": String(view[name] === value), onclick: () => this.#change({ [name]: value }) }, t(`data.view_${name}_${value}`))));
    const side = h("select", { disabled: locked, onchange: () => this.#change({ side_px: Number(side.value) }) }, [...new Set([...SIDES, view.side_px, this.enlarged?.choose_px ?? view.side_px])].sort((a, b) => a - b).map((px) => h("option", { value: String(px) }, `${px} px`)));
    side.value = String(view.side_px);
    const out = h("span", {}, fixed(view.margin, 2));
    const margin = h("input", { type: "range", min: "1", max: "4", step: "0.25", value: String(view.margin), disabled: locked || view.kind !== "mask", oninput: () => (out.textContent = fixed(Number(margin.value), 2)), onchange: () => this.#change({ margin: Number(margin.value) }) });
    const note = this.data.locked ? h("p", { class: "note" }, t("data.view_locked")) : null;
    const soft = this.enlarged ? h("p", { class: "note", role: "status" }, t(this.#enlargedText(), { n: kizu.number(this.enlarged.count), total: kizu.number(this.enlarged.total), side: this.enlarged.side_px, choose: this.enlarged.choose_px })) : null;
    fill(this.controls, segment("kind", ["whole", "centre", "mask"]), segment("colour", ["grey", "rgb"]),
      h("div", { class: "pair" }, h("label", { class: "field" }, h("span", {}, t("data.view_side")), side), h("label", { class: "field" }, h("span", {}, t("data.view_margin"), out), margin)), note, soft);
  }

  #enlargedText() {
    // Once something was trained the side cannot be chosen any more.
    return this.data.locked || !this.enlarged.choose_px ? "data.enlarged" : "data.enlarged_choose";
  }

  async #change(part) {
    this.view = { ...this.view, ...part };
    this.#drawControls();
    this.controls.ariaBusy = "true";
    try {
      // Who leaves or reloads the page at once has chosen all the same.
      const { view, enlarged, examples } = await postJson("kizu/data/view", this.view, { keepalive: true });
      this.view = view;
      this.enlarged = enlarged;
      this.#drawControls();
      this.#drawExamples(examples);
    } catch (error) {
      kizu.say(error.message, true);
      this.view = this.data.view;
      this.#drawControls();
    }
    this.controls.ariaBusy = "false";
  }

  #drawExamples(examples) {
    const view = encodeURIComponent(JSON.stringify(this.view));
    fill(this.examples, examples.map((one) => h("figure", {},
      h("div", { class: "whole" }, h("span", { style: fit(one) },
        h("img", { src: `kizu/thumb/image/${one.id}?v=${one.v}&side=256`, alt: one.label }),
        h("i", { style: `left:${one.square[0]}%;top:${one.square[1]}%;width:${one.square[2]}%;height:${one.square[3]}%` }))),
      h("img", { class: "cut", src: `kizu/crop/${one.id}?view=${view}`, alt: t("data.cut_of", { label: one.label }) }),
      h("figcaption", {}, h("i", { style: `background:var(--kizu-class-${one.slot})` }), one.label))));
  }

  async #embed() {
    this.build.disabled = true;
    try {
      await postJson("kizu/data/embed", {});
    } catch (error) {
      kizu.say(error.message, true);
    }
    this.#state(kizu.state);
  }

  #state(state) {
    if (!state || !this.data) return;
    const job = state.jobs.find((one) => one.operation === "embed" && ["running", "queued"].includes(one.state));
    const built = Boolean(state.projection), none = !state.counts.images;
    this.build.disabled = Boolean(job) || none;
    // A built map only takes in what is new; fitting it anew would cut it off from the generator that was trained on it.
    // A newer encoder has other features: only a new map shows them, and the user must have asked for it.
    const anew = built && this.data.newer_encoder;
    this.build.hidden = built && !this.data.unplaced && !anew && !job;
    this.build.textContent = t(anew ? "data.build_anew" : built ? "data.rebuild" : "data.build");
    this.open.hidden = !built || Boolean(job);
    if (job) this.words.textContent = t(job.state === "queued" ? "data.waiting" : "data.building");
    else if (none) this.words.textContent = "";
    else if (anew) this.words.textContent = t("data.newer_encoder");
    else if (built && this.data.unplaced) this.words.textContent = t("data.unplaced", { n: kizu.number(this.data.unplaced) });
    else if (built) this.words.textContent = t("data.built");
    else if (this.data.embed_seconds) this.words.textContent = t("data.about", { time: kizu.duration(this.data.embed_seconds) });
    else this.words.textContent = t("data.unmeasured");
  }
}
