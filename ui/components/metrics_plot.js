// One number as a dot with its interval, on the band of what real images get in its place, in plain SVG.

const NAMESPACE = "http://www.w3.org/2000/svg";
const WIDTH_PX = 100, HEIGHT_PX = 16, EDGE_PX = 5;
const SHARES = ["precision", "coverage"];

/** Ends of the axis that all figures of a metric share; null without any. What lies far beyond the bands of real images is left
 * off it, so that one poor set does not press all others into a corner. */
export function axisOf(figures, name) {
  const known = figures.filter((one) => one?.value);
  if (!known.length) return null;
  if (SHARES.includes(name)) return [0, 1];
  const bands = known.map((one) => one.floor).filter(Boolean);
  const ends = (list) => [Math.min(...list.map((one) => one.low)), Math.max(...list.map((one) => one.high))];
  const every = ends([...known.map((one) => one.value), ...bands]);
  if (!bands.length) return every;
  const [low, high] = ends(bands);
  const room = 2 * (high - low);
  return [Math.max(every[0], low - room), Math.min(every[1], high + room)];
}

function shape(tag, attributes) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** An SVG of a figure {value, floor} on an axis [low, high]. */
export function dotOnBand({ value, floor }, [low, high], words) {
  const middle = HEIGHT_PX / 2;
  const x = (at) => EDGE_PX + (Math.min(high, Math.max(low, at)) - low) / (high - low || 1) * (WIDTH_PX - 2 * EDGE_PX);
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH_PX} ${HEIGHT_PX}`, role: "img", "aria-label": words });
  svg.append(shape("line", { class: "axis", x1: EDGE_PX, x2: WIDTH_PX - EDGE_PX, y1: middle, y2: middle }));
  if (floor) {
    svg.append(shape("rect", { class: "band", x: x(floor.low), y: 1, width: Math.max(1, x(floor.high) - x(floor.low)), height: HEIGHT_PX - 2 }));
    svg.append(shape("line", { class: "real", x1: x(floor.value), x2: x(floor.value), y1: 1, y2: HEIGHT_PX - 1 }));
  }
  svg.append(shape("line", { class: "reach", x1: x(value.low), x2: x(value.high), y1: middle, y2: middle }));
  const beyond = value.value > high ? 1 : value.value < low ? -1 : 0;
  if (beyond) {
    const tip = beyond > 0 ? WIDTH_PX : 0;
    svg.append(shape("path", { class: "dot", d: `M${tip} ${middle}l${-beyond * 7} -4v8z` }));
  } else {
    svg.append(shape("circle", { class: "dot", cx: x(value.value), cy: middle, r: 3.5 }));
  }
  return svg;
}
