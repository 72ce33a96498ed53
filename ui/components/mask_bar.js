// The tools on the canvas's left edge and the line above it: buttons, sliders, what the mask measures and whether it is saved.

import { fill, h, t } from "./dom.js";
import { icon } from "./mask_icons.js";

const TOOLS = [["brush", "B"], ["eraser", "E"], ["line", "L"], ["polygon", "P"], ["fill", "F"]];
const ACTIONS = [["undo", "Ctrl+Z"], ["redo", "Ctrl+Y"], ["clear", "Del"]];
const SOURCES = [["library", "R"], ["own", ""], ["last", ""], ["upload", ""], ["download", ""]];

const named = (name, key) => `${t(`inpaint.tool_${name}`)}${key ? ` (${key})` : ""}`;

export class MaskBar {
  /** act(name, event): a button was pressed; set(name, value): "size" or "opacity" has another value. */
  constructor(tools, line, { act, set, least, most }) {
    const button = ([name, key]) =>
      h("button", { type: "button", title: named(name, key), "aria-label": named(name, key), data: { name }, onclick: (event) => act(name, event) }, icon(name));
    this.buttons = Object.fromEntries([...TOOLS, ...ACTIONS, ...SOURCES].map((one) => [one[0], button(one)]));
    fill(tools, [TOOLS, ACTIONS, SOURCES].map((group) => h("div", { class: "group" }, group.map(([name]) => this.buttons[name]))));
    tools.setAttribute("role", "toolbar");
    // A brush's size is felt by its ratio: the slider runs over the logarithm.
    this.toSlider = (px) => (100 * Math.log(px / least)) / Math.log(most / least);
    this.size = h("input", { type: "range", min: "0", max: "100", step: "1", "aria-label": t("inpaint.size"), oninput: () => set("size", least * (most / least) ** (Number(this.size.value) / 100)) });
    this.sizeWords = h("output", {});
    this.opacity = h("input", { type: "range", min: "5", max: "100", step: "5", value: "50", "aria-label": t("inpaint.opacity"), oninput: () => set("opacity", Number(this.opacity.value) / 100) });
    this.toggles = Object.fromEntries([["mask", "M"], ["contrast", "C"]].map(([name, key]) => [name, h("button", { type: "button", class: "quiet", title: t(`inpaint.${name}_long`), onclick: () => act(name) }, t(`inpaint.${name}`), h("kbd", {}, key))]));
    this.fit = h("button", { type: "button", class: "quiet", title: t("inpaint.fit_long"), onclick: () => act("fit") }, t("inpaint.fit"), h("kbd", {}, "0"));
    this.zoom = h("span", { class: "muted zoom" });
    this.facts = h("span", { class: "muted measure" });
    this.state = h("span", { class: "state", role: "status" });
    fill(line,
      h("label", { title: t("inpaint.size_long") }, t("inpaint.size"), this.size, this.sizeWords),
      h("label", {}, t("inpaint.opacity"), this.opacity),
      this.toggles.mask, this.toggles.contrast, this.fit, this.zoom, h("span", { class: "grow" }), this.facts, this.state);
  }

  choose(name) {
    for (const [tool] of TOOLS) this.buttons[tool].setAttribute("aria-pressed", String(tool === name));
  }

  /** {undo, redo, clear, own}: which of them have something to do. */
  enable(can) {
    for (const [name, on] of Object.entries(can)) this.buttons[name].disabled = !on;
  }

  toggle(name, on) {
    this.toggles[name].setAttribute("aria-pressed", String(on));
  }

  showSize(px) {
    this.size.value = String(this.toSlider(px));
    this.sizeWords.textContent = `${px < 10 ? px.toFixed(px % 1 ? 1 : 0) : Math.round(px)} px`;
  }

  showZoom(scale) {
    this.zoom.textContent = `${(100 * scale).toFixed(scale < 0.1 ? 1 : 0)} %`;
  }

  /** What is drawn: pixels, their share of the picture, and the box around them. */
  measure({ count, box, width, height }) {
    const size = `${window.kizu.number(width)} × ${window.kizu.number(height)} px`;
    const share = (100 * count) / (width * height);
    this.facts.textContent = count ? t("inpaint.measure", { n: window.kizu.number(count), share: share < 0.1 ? share.toPrecision(1) : share.toFixed(1), w: window.kizu.number(box.right - box.left), h: window.kizu.number(box.bottom - box.top) }) : t("inpaint.empty", { size });
    this.facts.title = t("inpaint.image_size", { size });
  }

  /** "saved", "saving" or "failed" with the reason. */
  saved(state, error) {
    this.state.className = `state ${{ saved: "done", saving: "busy", failed: "failed" }[state]}`;
    this.state.textContent = t(`inpaint.${state}`);
    this.state.title = error ?? "";
  }
}
