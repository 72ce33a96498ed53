// What a LoRA's training would come to, before it begins: photographs, steps, seconds and memory once they were measured here, and what looks
// wrong. Asked anew when a field changes; it knows no form.

import { fill, h, postJson, t, told } from "./dom.js";

const WAIT_MS = 300;

export class LoraPreflight {
  /** onReady(): called when `refused` may have changed. */
  constructor(onReady) {
    this.onReady = onReady;
    this.refused = false;
    this.facts = h("div", { class: "facts", role: "status" });
    this.measure = h("button", { type: "button", class: "quiet", title: t("train.measure_long"), onclick: () => this.#measure() }, t("train.measure"));
    this.root = h("div", { class: "preflight" }, h("h2", {}, t("train.before")), this.facts);
  }

  ask(values) {
    this.values = values;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#ask(), WAIT_MS);
  }

  async #ask() {
    const asked = this.values;
    let lines;
    try {
      const told = await postJson("kizu/train/lora", asked);
      if (asked !== this.values) return;
      this.refused = false;
      lines = this.#lines(told);
    } catch (error) {
      if (asked !== this.values) return;
      this.refused = true;
      lines = [h("p", { class: "note bad" }, error.message)];
    }
    fill(this.facts, lines);
    this.onReady();
  }

  #lines({ images, held_out, good_images, steps, steps_per_image, seconds_per_step, preview_seconds, seconds, memory_bytes, notes }) {
    const rounded = (value, digits = 1) => kizu.number(Number(value.toFixed(digits)));
    const cost = seconds === null ? [t("train.lora_unmeasured"), " ", this.measure] : [
      t(preview_seconds === null ? "train.lora_steps_time" : "train.lora_time", { step: rounded(seconds_per_step, 2), time: kizu.duration(seconds) }),
      memory_bytes === null ? null : ` ${t("train.lora_memory", { gb: rounded(memory_bytes / 1e9) })}`,
      memory_bytes === null ? [" ", this.measure] : null];
    return [
      h("p", { class: "note" }, t("train.lora_images", { images, held_out, good: good_images })),
      h("p", { class: "note" }, t("train.lora_steps", { steps: kizu.number(steps), times: rounded(steps_per_image) })),
      h("p", { class: "note" }, cost.flat()),
      ...notes.map((note) => h("p", { class: "note warn" }, told(note))),
    ];
  }

  async #measure() {
    this.measure.disabled = true;
    try {
      await postJson("kizu/train/lora/measure", this.values);
      this.measure.textContent = t("train.measuring");
      const ended = kizu.on("job_end", ({ operation }) => {
        if (operation !== "preflight_lora") return;
        ended();
        this.measure.textContent = t("train.measure");
        this.measure.disabled = false;
        this.ask(this.values);
      });
    } catch (error) {
      kizu.say(error.message, true);
      this.measure.disabled = false;
    }
  }
}
