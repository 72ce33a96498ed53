// Curves of an evaluation with their intervals, in plain SVG: balanced accuracy over numbers of images, recall over the severity of defects.

import { h, t } from "./dom.js";
import { shape } from "./evaluate_plot.js";
import { armName, said } from "./evaluate_words.js";

const WIDTH_PX = 760, HEIGHT_PX = 240, LEFT_PX = 44, RIGHT_PX = 200, TOP_PX = 10, BOTTOM_PX = 40, LINE_PX = 16;

/** A section for each curve that a report has; empty where it has none. */
export function curveSections(report) {
  const over = ["real", "beside"].map((axis) => overNumbers(report, axis));
  const detected = Object.entries(report.severities ?? {}).sort().map(([name, words]) => overSeverity(report, name, words));
  return [...over, ...detected].filter((plot) => plot.curves.length || plot.why || plot.table).map((plot) =>
    h("section", { class: "curve" }, h("h2", {}, plot.title), plot.curves.length ? chart(plot) : null, plot.why ? h("p", { class: "note" }, plot.why) : null, plot.told ? h("p", { class: "note" }, plot.told) : null, plot.table));
}

// Arms that differ in this number alone are one curve; 0, for all, stands last.
function overNumbers({ arms }, axis) {
  const other = axis === "real" ? "beside" : "real";
  const values = [...new Set(arms.map((arm) => arm.point[axis]))].sort((a, b) => (a || Infinity) - (b || Infinity));
  const families = Map.groupBy(values.length > 1 ? arms : [], ({ point }) => [armName(point.arm), point[other] && t(`evaluate.${other}_each`, { n: point[other] })].filter(Boolean).join(", "));
  const curves = [...families].filter(([, own]) => own.length > 1).map(([name, own]) => {
    const ordered = own.toSorted((a, b) => values.indexOf(a.point[axis]) - values.indexOf(b.point[axis]));
    return { name, points: ordered.map((arm) => ({ x: values.indexOf(arm.point[axis]), y: arm.interval.value, low: arm.interval.low, high: arm.interval.high })) };
  });
  const ticks = values.map((value, i) => [i, value ? String(value) : t("evaluate.all")]);
  return { title: t(`evaluate.curve_${axis}`), curves, ticks, place: (x) => x };
}

function overSeverity({ arms, good }, name, words) {
  const whole = arms.filter(({ point, detected }) => !point.real && !point.beside && detected?.[name]);
  const found = whole.filter((arm) => arm.detected[name].curve);
  const curves = found.map(({ point, detected: { [name]: { curve } } }) => ({ name: armName(point.arm), points: curve.severity.map((x, i) => ({ x, y: curve.recall[i], low: curve.low[i], high: curve.high[i] })) }));
  // Who takes all for defects finds them all: what is found says nothing without the second number.
  const extreme = ({ detected: { [name]: { why } } }) => ["defects_all_found", "defects_none_found"].includes(why?.key);
  const smallest = ({ curve, why }) => {
    if (!curve) return h("td", {}, said(why));
    const one = curve.smallest;
    return h("td", { title: one ? "" : t("evaluate.smallest_none") }, one ? `${brief(one.value)} (${brief(one.low)} – ${brief(one.high)})` : t("evaluate.not_reached"));
  };
  const rows = whole.filter((arm) => arm.detected[name].curve || extreme(arm)).map(({ point, recall, detected }) => h("tr", {},
    h("td", {}, armName(point.arm)), smallest(detected[name]), h("td", {}, recall[good] ? `${((1 - recall[good].value) * 100).toFixed(0)} %` : "–")));
  const heads = ["arm", "smallest", "false_alarms"].map((one) => h("th", {}, t(`evaluate.column_${one}`)));
  const measure = window.kizu.has(`evaluate.severity_${name}`) ? t(`evaluate.severity_${name}`) : words;
  const counted = good ? t("evaluate.found_not", { good }) : t("evaluate.found_named");
  const all = curves.flatMap((curve) => curve.points.map(({ x }) => x));
  const without = Map.groupBy(whole.filter((arm) => arm.detected[name].why && !extreme(arm)), (arm) => said(arm.detected[name].why));
  const whys = [...without].map(([why, own]) => t("evaluate.of_arms", { arms: own.map(({ point }) => armName(point.arm)).join(t("evaluate.comma")), why }));
  return {
    title: t(`evaluate.curve_${name}`), curves, ticks: all.length ? logTicks(Math.min(...all), Math.max(...all)) : [], place: Math.log, why: whys.join(" "),
    table: rows.length ? h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)) : null,
    told: curves.length ? `${measure}${t("evaluate.stop")}${counted}` : "",
  };
}

const brief = (value) => String(+value.toPrecision(3));

function logTicks(low, high) {
  const within = (steps) => {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) for (const step of steps) found.push(step * 10 ** power);
    return found.filter((value) => value >= low && value <= high);
  };
  const few = within([1, 2, 5]);
  // One or two ticks do not tell a scale.
  return (few.length < 3 ? within([1, 1.5, 2, 2.5, 3, 4, 5, 7]) : few).map((value) => [value, brief(value)]);
}

function chart({ title, curves, ticks, place }) {
  const all = curves.flatMap(({ points }) => points.map(({ x }) => place(x)));
  const [first, last] = [Math.min(...all), Math.max(...all)];
  const x = (value) => LEFT_PX + 14 + ((place(value) - first) / (last - first || 1)) * (WIDTH_PX - LEFT_PX - RIGHT_PX - 28);
  const y = (value) => HEIGHT_PX - BOTTOM_PX - value * (HEIGHT_PX - TOP_PX - BOTTOM_PX);
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH_PX} ${HEIGHT_PX}`, role: "img", "aria-label": title });
  for (const value of [0, 0.25, 0.5, 0.75, 1]) svg.append(shape("line", { class: "grid", x1: LEFT_PX, x2: WIDTH_PX - RIGHT_PX, y1: y(value), y2: y(value) }), shape("text", { class: "tick", x: LEFT_PX - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(2)));
  for (const [value, words] of ticks) svg.append(shape("text", { class: "tick", x: x(value), y: HEIGHT_PX - BOTTOM_PX + 18, "text-anchor": "middle" }, words));
  curves.forEach(({ name, points }, i) => {
    const colour = `--c: var(--kizu-class-${i % 11})`;
    const way = (list, of) => list.map((point) => `${x(point.x).toFixed(1)} ${y(of(point)).toFixed(1)}`).join("L");
    svg.append(shape("path", { class: "band", style: colour, d: `M${way(points, ({ high }) => high)}L${way(points.toReversed(), ({ low }) => low)}Z` }));
    svg.append(shape("path", { class: "way", style: colour, d: `M${way(points, (point) => point.y)}` }));
    svg.append(shape("text", { class: "name", style: colour, x: WIDTH_PX - RIGHT_PX + 12, y: TOP_PX + 10 + i * LINE_PX }, name));
  });
  return svg;
}
