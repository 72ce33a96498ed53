// The legend below the points: what the colours mean, how many points have each, and a click to show or hide them.

import { fill, h, t } from "./dom.js";
import { LANDING_STEPS } from "./scatter_landing.js";

const entry = ({ key, name, colour, count }, kind, hidden, toggle) =>
  h("button", { type: "button", class: "entry", "aria-pressed": String(!hidden.has(key)), title: t("map.toggle"), onclick: () => toggle(key) },
    h("i", { class: kind, style: `--c: ${colour}` }), h("span", {}, name), count === undefined ? null : h("b", {}, window.kizu.number(count)));

const scale = (colours, first, last) =>
  h("div", { class: "scale" }, h("span", {}, first), h("i", { style: `background: linear-gradient(90deg, ${colours})` }), h("span", {}, last));

function landingScale(groups) {
  const usual = LANDING_STEPS.indexOf(1);
  const ramp = (from, to) => h("i", { class: "half", style: `background: linear-gradient(90deg, ${groups.slice(from, to + 1).map((group) => group.colour)})` });
  const word = (text) => h("span", {}, text);
  return h("div", { class: "scale", title: t("map.landing_scale") }, word("0"), ramp(0, usual), word("1"), ramp(usual, LANDING_STEPS.length), word(`${LANDING_STEPS.at(-1)}+`));
}

/** Draws the legend; groups, sampleGroups, generated and shade are {key, name, colour, count?}. */
export function drawLegend(root, { mode, groups, sampleGroups, generated, shade, hidden, toggle }) {
  const some = (list, kind) => list.filter((group) => group.count).map((group) => entry(group, kind, hidden, toggle));
  if (mode === "margin") fill(root, scale(groups.map((group) => group.colour), groups[0].name, groups.at(-1).name));
  else if (mode === "landing") fill(root, landingScale(groups), some(groups.slice(-1), "dot"));
  else fill(root, some(groups, "dot"));
  if (mode === "origin") root.append(...some(sampleGroups, "diamond"));
  else root.append(...some([generated], "diamond"));
  root.append(entry(shade, "patch", hidden, toggle));
}
