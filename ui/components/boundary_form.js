// The part of the form that asks where two classes meet: proposes places, shows them on the map, and generates there.

import { fill, h, postJson, t } from "./dom.js";

const PLACES = 4, MOST_PLACES = 16;

export class BoundaryForm {
  /** run: of the whole form. options: onPlaces(places), missing() -> what must be done first, in words, generate(config) -> Promise. */
  constructor(root, run, options) {
    this.root = root;
    this.run = run;
    this.options = options;
    this.places = [];
    this.count = 0;
    this.ready = false;
    const select = (name, onchange) => h("select", { "aria-label": name, onchange });
    [this.first, this.second] = [t("way.first_class"), t("way.second_class")].map((name) => select(name, () => this.#changed()));
    this.as = select(t("way.as_label"), null);
    this.many = h("input", { type: "number", value: String(PLACES), min: "1", max: String(MOST_PLACES), step: "1", oninput: () => this.#changed() });
    this.propose = h("button", { type: "button", class: "quiet", onclick: () => this.look() }, t("way.propose"));
    this.button = h("button", { type: "button", class: "quiet strong", onclick: () => this.generate() });
    const field = (name, ...inputs) => h("label", { class: "field" }, h("span", {}, name), ...inputs);
    this.fields = h("div", { class: "boundary" },
      h("div", { class: "row meet" }, field(t("way.first_class"), this.first), field(t("way.second_class"), this.second), field(t("way.as_label"), this.as), field(t("way.places"), this.many)),
      h("div", { class: "row go" }, this.propose, this.button));
    fill(root, h("summary", {}, t("way.boundary")), this.fields);
  }

  /** The labels to choose from, whether there is a generator, and two labels to begin with. */
  configure(labels, ready, pair = []) {
    this.ready = ready;
    if (labels.join("\n") !== this.labels?.join("\n")) {
      const [first, second] = [this.first.value, this.second.value];
      this.labels = labels;
      for (const select of [this.first, this.second]) fill(select, labels.map((label) => h("option", { value: label }, label)));
      const [one, other] = pair.length && pair.every((label) => labels.includes(label)) ? pair : labels;
      const kept = labels.includes(first) && labels.includes(second);
      this.#choose(...(kept ? [first, second] : [one, other]));
    }
    this.caption(this.count);
  }

  /** Two classes that the visitor is looking at; another pair's places go. */
  between(first, second) {
    if (!this.labels?.includes(first) || !this.labels.includes(second)) return;
    if ([first, second].sort().join("\n") === [this.first.value, this.second.value].sort().join("\n")) return;
    this.#choose(first, second);
  }

  #choose(first, second) {
    if (first !== undefined) this.first.value = first;
    if (second !== undefined) this.second.value = second;
    this.#changed();
  }

  #changed() {
    const chosen = this.as.value;
    const names = [["auto", t("way.both")], [this.first.value, this.first.value], [this.second.value, this.second.value]];
    fill(this.as, names.map(([value, name]) => h("option", { value }, name)));
    this.as.value = names.some(([value]) => value === chosen) ? chosen : "auto";
    this.forget();
    this.caption(this.count);
  }

  // Whoever draws the places forgets what was chosen on the map, and with it the places there were.
  #show(places) {
    this.options.onPlaces(places);
    this.places = places;
  }

  /** Takes the places off the map. */
  forget() {
    if (this.places.length) this.#show([]);
  }

  /** What the buttons say and whether they can be pressed; `count` samples are asked for. */
  caption(count) {
    this.count = count;
    const two = Boolean(this.second.value) && this.first.value !== this.second.value;
    fill(this.button, h("span", {}, this.labels?.length > 1 ? t("way.generate_boundary", { n: count }) : t("way.one_class")), h("kbd", {}, "B"));
    this.propose.disabled = this.run.busy || !two;
    this.button.disabled = this.propose.disabled || !this.ready || count < 1;
  }

  #many() {
    return Math.max(1, Math.min(MOST_PLACES, Math.round(Number(this.many.value)) || PLACES));
  }

  /** Asks for places and shows them; true if there are any. */
  async look() {
    if (this.propose.disabled) return false;
    this.root.open = true;
    const labels = [this.first.value, this.second.value];
    this.run.say(t("way.proposing"));
    try {
      const { places, warnings } = await postJson("kizu/map/propose", { labels, count: this.#many() });
      this.#show(places);
      this.run.say([places.length ? h("span", {}, t(places.length > 1 ? "way.proposed" : "way.proposed_one", { n: places.length })) : [], this.options.missing()].flat(), warnings);
      return places.length > 0;
    } catch (error) {
      this.run.fail(error);
      return false;
    }
  }

  /** Generates at the places on the map, or finds some first; without a generator it only shows them and says so. */
  async generate() {
    if (!this.ready) return void this.look();
    if (this.button.disabled) return;
    if (this.places.length) this.#show(this.places);
    else if (!(await this.look())) return;
    const labels = [this.first.value, this.second.value];
    await this.options.generate({ label: this.as.value, boundary: [...labels, this.places.length] }, this.places);
  }
}
