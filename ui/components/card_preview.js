// The dataset card as an export with the present choices would write it. Asked for when choices rest; the newest question counts.

import { fill, h, postJson, t } from "./dom.js";
import { markdown } from "./markdown.js";

const REST_MS = 350;

export class CardPreview {
  constructor(root) {
    this.text = h("div", { class: "text" });
    this.box = h("details", { class: "card", open: true, ontoggle: () => this.box.open && this.#soon() }, h("summary", {}, t("export.card_preview")), this.text);
    fill(root, this.box);
    this.root = root;
    root.hidden = true;
  }

  /** What would be exported; null where nothing is chosen. A choice opens the card; `quiet`: only the numbers may be new. */
  show(config, quiet = false) {
    this.root.hidden = config === null;
    if (!quiet) this.box.open = true;
    this.config = config;
    this.#soon();
  }

  /** The card of a finished export is there: this one waits until something is changed. */
  fold() {
    this.box.open = false;
  }

  #soon() {
    clearTimeout(this.timer);
    if (this.config && this.box.open) this.timer = setTimeout(() => this.#load(), REST_MS);
  }

  async #load() {
    const { config } = this;
    let content;
    try {
      content = markdown((await postJson("kizu/export/card", config)).card);
    } catch (error) {
      content = h("p", { class: "note bad" }, error.message);
    }
    if (config === this.config) fill(this.text, content);
  }
}
