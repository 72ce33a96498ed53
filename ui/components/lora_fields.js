// The LoRAs of a re-drawing: those trained in this workspace, each to be switched on with a weight, and files of other makers by name. Several
// are mixed. It knows no model: which one is chosen, the form tells.

import { fill, h, t } from "./dom.js";

export class LoraFields {
  /** onUse(lora or null): one trained here was switched on, or none is on any more; onChange(): anything else changed. */
  constructor(onUse, onChange) {
    this.onUse = onUse;
    this.onChange = onChange;
    this.rows = new Map();
    this.list = h("div", { class: "loras" });
    this.files = h("input", { type: "text", spellcheck: "false", placeholder: t("inpaint.loras_hint"), oninput: () => onChange() });
    this.compared = h("input", { type: "checkbox", onchange: () => onChange() });
    this.compare = h("label", { class: "check", title: t("inpaint.compare_long") }, this.compared, t("inpaint.compare"));
    this.summary = h("summary", {});
    this.root = h("details", {}, this.summary, this.list, h("label", { class: "field" }, h("span", {}, t("inpaint.loras")), this.files), this.compare);
    this.#told();
  }

  /** trained: {id, name, label, base, token, instance_prompt, class_prompt, images} each, as the server tells; what is on stays on. */
  configure(trained) {
    for (const lora of trained) if (!this.rows.has(lora.id)) this.rows.set(lora.id, this.#row(lora));
    for (const id of this.rows.keys()) if (!trained.some((lora) => lora.id === id)) this.rows.delete(id);
    fill(this.list, [...this.rows.values()].map(({ element }) => element));
  }

  #row(lora) {
    const on = h("input", { type: "checkbox" }), weight = h("input", { type: "number", min: "-4", max: "4", step: "0.1", value: "1", "aria-label": t("inpaint.lora_weight", { name: lora.name }) });
    const name = h("span", { class: "name" }, lora.name), base = h("small", {});
    on.onchange = () => {
      const others = [...this.rows.values()].some((row) => row.on.checked);
      this.onUse(on.checked ? lora : others ? undefined : null);
      this.#changed();
    };
    weight.oninput = () => this.#changed();
    return { lora, on, weight, base, element: h("div", { class: "lora" }, h("label", { class: "check", title: lora.name }, on, name, base), weight) };
  }

  /** Tells by each LoRA whether it was trained on another model than the chosen one. */
  suit(model) {
    for (const { lora, base, element } of this.rows.values()) {
      const other = lora.base !== model;
      element.classList.toggle("other", other);
      base.textContent = other ? t("inpaint.lora_base", { base: lora.base }) : "";
    }
  }

  #changed() {
    this.#told();
    this.onChange();
  }

  #told() {
    const on = this.values.length;
    this.summary.textContent = on ? t("inpaint.loras_on", { n: on }) : "LoRA";
    this.compare.hidden = !on;
  }

  /** As `RedrawSettings.loras` takes them. */
  get values() {
    const own = [...this.rows.values()].filter(({ on }) => on.checked).map(({ lora, weight }) => `lora:${lora.id}=${Number(weight.value) || 0}`);
    return [...own, ...this.files.value.split(",").map((part) => part.trim()).filter(Boolean)];
  }

  /** Whether the same seeds are to be drawn without them too. */
  get comparing() {
    return this.compared.checked && this.values.length > 0;
  }

  set wrong(on) {
    this.root.classList.toggle("wrong", on);
    this.files.classList.toggle("wrong", on);
    if (on) this.root.open = true;
  }
}
