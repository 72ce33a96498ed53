// Forms drawn from a config dataclass: the server describes its fields (name, type, default, help, choices), this makes the inputs and
// gives back the values. Data and Train share it; it knows no operation.

import { fill, h, t } from "./dom.js";

/** Text of a key, or a fallback where the table has none: a field added to a dataclass needs no new text to be usable. */
const or = (key, fallback) => { const found = t(key); return found === key ? fallback : found; };

export class ConfigForm {
  /** prefix: of the text keys, "train.field". */
  constructor(prefix, onChange) {
    this.prefix = prefix;
    this.onChange = onChange;
    this.inputs = new Map();
    this.fields = [];
  }

  /** Draws `names` of `fields` into `root`. May be called for several places with parts of one config. */
  draw(root, fields, names) {
    const wanted = names.map((name) => fields.find((field) => field.name === name)).filter(Boolean);
    this.fields.push(...wanted);
    fill(root, wanted.map((field) => this.#field(field)));
  }

  clear() {
    this.inputs.clear();
    this.fields = [];
  }

  #field(field) {
    const name = or(`${this.prefix}_${field.name}`, field.name.replaceAll("_", " "));
    const help = or(`${this.prefix}_${field.name}_help`, field.help ?? "");
    const changed = () => this.onChange?.(field.name);
    let input;
    if (field.kind === "bool") {
      input = h("input", { type: "checkbox", checked: Boolean(field.default), onchange: changed });
      this.inputs.set(field.name, { field, read: () => input.checked, write: (value) => (input.checked = Boolean(value)), input });
      return h("label", { class: "check", title: help }, input, name);
    }
    if (field.kind === "choice") {
      input = h("select", { onchange: changed }, field.choices.map((choice) => h("option", { value: choice }, or(`${this.prefix}_${field.name}_${choice}`, field.words?.[choice] ?? String(choice)))));
      input.value = field.default ?? "";
    } else {
      const number = field.kind === "int" || field.kind === "float";
      input = h("input", { type: number ? "text" : "text", inputmode: number ? "decimal" : null, class: number ? "number" : null, spellcheck: "false", autocomplete: "off", placeholder: field.optional ? t("shell.none") : "", oninput: changed });
      input.value = field.default ?? "";
    }
    this.inputs.set(field.name, { field, input, read: () => this.#read(field, input), write: (value) => (input.value = value ?? "") });
    return h("label", { class: "field", title: help }, h("span", {}, name, field.unit ? h("small", {}, field.unit) : null), input);
  }

  #read(field, input) {
    const text = input.value.trim();
    if (field.kind === "choice") return input.value;
    if (text === "") return field.optional ? null : field.kind === "str" ? "" : field.default;
    if (field.kind === "int" || field.kind === "float") {
      const value = Number(text.replaceAll(",", ""));
      // What is no number goes to the server as it is, so that its error can name it.
      return Number.isNaN(value) ? text : value;
    }
    if (field.kind === "list") return text.split(",").map((part) => part.trim()).filter(Boolean);
    return text;
  }

  /** The values of all drawn fields. */
  get values() {
    return Object.fromEntries([...this.inputs].map(([name, { read }]) => [name, read()]));
  }

  set values(values) {
    for (const [name, value] of Object.entries(values)) this.inputs.get(name)?.write(value);
  }

  /** Marks the field an error begins with ("batch_size 0: ..."), and none other. */
  blame(message) {
    for (const [name, { input }] of this.inputs) input.classList.toggle("wrong", Boolean(message) && new RegExp(`^${name}\\b`).test(message));
  }
}
