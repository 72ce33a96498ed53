// A dataset card as elements: headings, lists, tables, code and paragraphs, enough for the cards that Kizu writes. Text stays text:
// nothing of it is ever taken as HTML.

import { h } from "./dom.js";

const cells = (line) => line.replace(/^\s*\|/, "").replace(/\|\s*$/, "").split("|").map((cell) => cell.trim());
const inline = (text) => text.split(/(`[^`]+`)/).map((part) => (/^`[^`]+`$/.test(part) ? h("code", {}, part.slice(1, -1)) : part));

function table(lines) {
  const [head, , ...rows] = lines.map(cells);
  return h("table", {}, h("thead", {}, h("tr", {}, head.map((cell) => h("th", {}, ...inline(cell))))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, ...inline(cell)))))));
}

/** Lines as blocks: those that belong together are gathered by `test`. */
function take(lines, test) {
  const taken = [];
  while (lines.length && test(lines[0])) taken.push(lines.shift());
  return taken;
}

/** The text as one element. Front matter between `---` is shown as code. */
export function markdown(text) {
  const lines = text.split("\n");
  const root = h("div", { class: "markdown" });
  if (lines[0] === "---") {
    lines.shift();
    root.append(h("pre", { class: "front" }, take(lines, (line) => line !== "---").join("\n")));
    lines.shift();
  }
  while (lines.length) {
    const line = lines[0];
    if (!line.trim()) lines.shift();
    else if (line.startsWith("```")) {
      lines.shift();
      root.append(h("pre", {}, take(lines, (next) => !next.startsWith("```")).join("\n")));
      lines.shift();
    } else if (line.startsWith("#")) {
      const [, marks, words] = /^(#+)\s*(.*)$/.exec(lines.shift());
      root.append(h(`h${Math.min(6, marks.length + 2)}`, {}, ...inline(words)));
    } else if (line.startsWith("|")) root.append(table(take(lines, (next) => next.startsWith("|"))));
    else if (line.startsWith("- ")) root.append(h("ul", {}, take(lines, (next) => next.startsWith("- ")).map((item) => h("li", {}, ...inline(item.slice(2))))));
    else root.append(h("p", {}, ...inline(take(lines, (next) => next.trim() && !/^(#|\||- |```)/.test(next)).join(" "))));
  }
  return root;
}
