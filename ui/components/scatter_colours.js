// How the points are coloured: each mode sorts rows into at most 256 groups of one colour each.

import { LANDING_STEPS, landingStep, landingSteps } from "./scatter_landing.js";

const MARGIN_STEPS = 8;
const STATUS_COLOURS = { candidate: "accent", accepted: "good", rejected: "bad" };

export const MODES = ["class", "margin", "split", "origin", "landing"];

/** What a mode needs to be fetched first, of `Points.side`. */
export const SIDES = { margin: "margin", split: "split" };

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

// Blue to yellow up to 1, which is as good as the data itself is dense; on to red. Told apart by colour-blind people too.
function landingColours() {
  const [good, usual, bad] = [variable("class-0"), variable("class-4"), variable("bad")];
  const usualStep = LANDING_STEPS.indexOf(1);
  const colour = (step) => (step <= usualStep ? between(good, usual, step / usualStep) : between(usual, bad, (step - usualStep) / (LANDING_STEPS.length - usualStep)));
  return Array.from({ length: LANDING_STEPS.length + 1 }, (_, step) => colour(step));
}

function landingGroups(t) {
  const steps = landingColours().map((colour, step) => ({ key: `landing-${step}`, name: "", colour }));
  return [...steps, { key: "unasked", name: t("map.unasked"), colour: variable("line-strong") }];
}

const byLabel = (state) => state.labels.map((label) => ({ key: label, name: label, colour: labelColour(state, label) }));

/** Groups of the images for a mode: {groups: [{key, name, colour}], of: the group of each row}. */
export function imageGroups(mode, points, state, t) {
  if (mode === "split") {
    const colours = [variable("class-0"), variable("class-4"), variable("class-1")];
    const groups = state.splits.map((name, i) => ({ key: name, name: t(`map.split_${name}`), colour: colours[i] }));
    return { groups, of: points.split };
  }
  if (mode === "margin") {
    const names = { 0: t("map.at_boundary"), [MARGIN_STEPS - 1]: t("map.inside_class") };
    const groups = marginColours().map((colour, step) => ({ key: `margin-${step}`, name: names[step] ?? "", colour }));
    return { groups, of: points.margin.map(marginStep) };
  }
  if (mode === "landing") return { groups: landingGroups(t), of: landingSteps(points, state.samples, state.nearRadius) };
  if (mode === "origin") return { groups: [{ key: "real", name: t("map.real"), colour: variable("faint") }], of: new Uint8Array(points.n) };
  return { groups: byLabel(state), of: points.label };
}

/** Groups of the samples: {groups, of(sample)}. By class, by status where real and generated are told apart, by landing error. */
export function sampleGroups(mode, state, t) {
  if (mode === "origin") {
    const statuses = Object.keys(STATUS_COLOURS);
    const groups = statuses.map((s) => ({ key: s, name: t(`map.status_${s}`), colour: variable(STATUS_COLOURS[s]) }));
    return { groups, of: (sample) => statuses.indexOf(sample.status) };
  }
  if (mode === "landing") {
    const groups = landingGroups(t);
    return { groups, of: (sample) => (Number.isFinite(sample.error) ? landingStep(sample.error) : groups.length - 1) };
  }
  if (mode !== "class") {
    return { groups: [{ key: "sample", name: t("map.generated"), colour: variable("accent") }], of: () => 0 };
  }
  return { groups: byLabel(state), of: (sample) => Math.max(0, state.labels.indexOf(sample.label)) };
}

/** Colour of a class, the same everywhere in the app. */
export const labelColour = (state, label) => variable(`class-${state.slots[label] ?? 11}`);
