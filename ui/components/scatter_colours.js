// How the points are coloured: each mode sorts rows into a few groups of one colour, because a WebGL trace with one constant
// colour draws several times faster than one with a colour per point.

const MARGIN_STEPS = 8;
const STATUS_COLOURS = { candidate: "accent", accepted: "good", rejected: "bad" };

export const MODES = ["class", "margin", "split", "origin"];

/** Value of a `--kizu-*` variable as it is now, light or dark. */
export const variable = (name) => getComputedStyle(document.body).getPropertyValue(`--kizu-${name}`).trim();

function channels(hex) {
  const value = parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function between(from, to, fraction) {
  const [a, b] = [channels(from), channels(to)];
  return `rgb(${a.map((channel, i) => Math.round(channel + (b[i] - channel) * fraction)).join(", ")})`;
}

// Margin 0 (at a boundary) is the warm end. What is below 0 looks like another class and counts as 0.
function marginStep(byte) {
  const margin = Math.max(0, byte / 127.5 - 1);
  return Math.min(MARGIN_STEPS - 1, Math.floor(Math.sqrt(margin) * MARGIN_STEPS));
}

function marginColours() {
  const [near, far] = [variable("bad"), variable("line-strong")];
  return Array.from({ length: MARGIN_STEPS }, (_, step) => between(near, far, step / (MARGIN_STEPS - 1)));
}

/** Groups of the images for a mode: [{key, name, colour, of(row)}] where `of` says in one number which group a row is in. */
export function imageGroups(mode, points, state, t) {
  if (mode === "split") {
    const colours = [variable("class-0"), variable("class-4"), variable("class-1")];
    const groups = state.splits.map((name, i) => ({ key: name, name: t(`map.split_${name}`), colour: colours[i] }));
    return { groups, of: (row) => points.split[row] };
  }
  if (mode === "margin") {
    const colours = marginColours();
    const names = { 0: t("map.at_boundary"), [MARGIN_STEPS - 1]: t("map.inside_class") };
    const groups = colours.map((colour, step) => ({ key: `margin-${step}`, name: names[step] ?? "", colour }));
    return { groups, of: (row) => marginStep(points.margin[row]) };
  }
  if (mode === "origin") {
    return { groups: [{ key: "real", name: t("map.real"), colour: variable("faint") }], of: () => 0 };
  }
  const groups = state.labels.map((label) => ({ key: label, name: label, colour: labelColour(state, label) }));
  return { groups, of: (row) => points.label[row] };
}

/** Groups of the samples: by their class, or by their status where real and generated are told apart. */
export function sampleGroups(mode, state, t) {
  if (mode === "origin") {
    const statuses = Object.keys(STATUS_COLOURS);
    const groups = statuses.map((s) => ({ key: s, name: t(`map.status_${s}`), colour: variable(STATUS_COLOURS[s]) }));
    return { groups, of: (sample) => statuses.indexOf(sample.status) };
  }
  if (mode !== "class") {
    return { groups: [{ key: "sample", name: t("map.generated"), colour: variable("accent") }], of: () => 0 };
  }
  const groups = state.labels.map((label) => ({ key: label, name: label, colour: labelColour(state, label) }));
  return { groups, of: (sample) => Math.max(0, state.labels.indexOf(sample.label)) };
}

/** Colour of a class, the same everywhere in the app. */
export const labelColour = (state, label) => variable(`class-${state.slots[label] ?? 11}`);
