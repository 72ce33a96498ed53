// Arms as dots of balanced accuracy with the interval of what they add to the base, in plain SVG. A click chooses an arm.

import { fixed, t } from "./dom.js";
import { pointName, verdictWord } from "./evaluate_words.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const ROW_PX = 24, LEFT_PX = 230, RIGHT_PX = 110, TOP_PX = 8, BOTTOM_PX = 26, WIDTH_PX = 760;

/** An element of an SVG. */
export function shape(tag, attributes, words) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (words !== undefined) element.textContent = words;
  return element;
}

/** An SVG of a report's arms; the chosen point, as JSON, is drawn bold. */
export function dotPlot(report, chosen, onChoose) {
  const { arms } = report;
  const baseOf = (arm) => arms.find((one) => one.point.arm === arm.base && one.point.real === arm.point.real && !one.point.beside);
  const ends = arms.flatMap((arm) => {
    const base = arm.comparison && baseOf(arm);
    return base ? [arm.balanced_accuracy, base.balanced_accuracy + arm.comparison.low, base.balanced_accuracy + arm.comparison.high] : [arm.balanced_accuracy];
  });
  const [low, high] = [Math.max(0, Math.floor(Math.min(...ends) * 20) / 20), Math.min(1, Math.ceil(Math.max(...ends) * 20) / 20)];
  const x = (value) => LEFT_PX + ((Math.min(high, Math.max(low, value)) - low) / (high - low || 1)) * (WIDTH_PX - LEFT_PX - RIGHT_PX);
  const height = TOP_PX + arms.length * ROW_PX + BOTTOM_PX;
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH_PX} ${height}`, role: "img", "aria-label": t("evaluate.plot") });
  const bottom = height - BOTTOM_PX;
  const step = high - low > 0.4 ? 0.1 : high - low > 0.11 ? 0.05 : 0.01;
  for (let value = low; value <= high + 1e-9; value += step) {
    svg.append(shape("line", { class: "grid", x1: x(value), x2: x(value), y1: TOP_PX, y2: bottom }), shape("text", { class: "tick", x: x(value), y: height - 10, "text-anchor": "middle" }, value.toFixed(2)));
  }
  arms.forEach((arm, row) => {
    const y = TOP_PX + (row + 0.5) * ROW_PX;
    const base = arm.comparison && baseOf(arm);
    const group = shape("g", { class: `arm ${(arm.verdict ?? "base").replace(" ", "-")}${JSON.stringify(arm.point) === chosen ? " chosen" : ""}`, "data-arm": arm.point.arm, tabindex: 0, role: "button" });
    group.append(shape("rect", { class: "hit", x: 0, y: y - ROW_PX / 2, width: WIDTH_PX, height: ROW_PX }), shape("text", { x: LEFT_PX - 12, y: y + 4, "text-anchor": "end" }, pointName(arm.point)));
    if (base) {
      group.append(shape("line", { class: "base", x1: x(base.balanced_accuracy), x2: x(base.balanced_accuracy), y1: y - 9, y2: y + 9 }));
      group.append(shape("line", { class: "reach", x1: x(base.balanced_accuracy + arm.comparison.low), x2: x(base.balanced_accuracy + arm.comparison.high), y1: y, y2: y }));
    }
    group.append(shape("circle", { cx: x(arm.balanced_accuracy), cy: y, r: 5 }), shape("text", { class: "value", x: WIDTH_PX - RIGHT_PX + 10, y: y + 4 }, `${fixed(arm.balanced_accuracy)}${arm.verdict ? `  ${verdictWord(arm.verdict)}` : ""}`));
    group.onclick = () => onChoose(arm);
    group.onkeydown = (event) => event.key === "Enter" && onChoose(arm);
    svg.append(group);
  });
  return svg;
}
