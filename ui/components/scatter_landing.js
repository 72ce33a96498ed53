// How reliable the generator is around each real image: the median landing error of the samples asked for nearest to it.
// 1 is as far as a real image of the class is from its nearest real neighbour.

import { Grid } from "./scatter_points.js";

const NEAREST = 8;

/** Upper ends of the steps in which errors are shown; what is above the last one is a step of its own. */
export const LANDING_STEPS = [0.25, 0.5, 0.75, 1, 1.5, 2, 3];

export const landingStep = (error) => LANDING_STEPS.findIndex((end) => error <= end) + (error > LANDING_STEPS.at(-1) ? LANDING_STEPS.length + 1 : 0);

/** The middle of some numbers, or null. */
export function median(values) {
  if (!values.length) return null;
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** For each point the step of the samples asked for within `radius` of it, or LANDING_STEPS.length + 1 where none was. */
export function landingSteps(points, samples, radius) {
  const steps = new Uint8Array(points.n).fill(LANDING_STEPS.length + 1);
  const asked = samples.filter((sample) => Number.isFinite(sample.fromX) && Number.isFinite(sample.error));
  if (!asked.length) return steps;
  const grid = new Grid(Float32Array.from(asked, (sample) => sample.fromX), Float32Array.from(asked, (sample) => sample.fromY));
  for (let row = 0; row < points.n; row++) {
    const [x, y] = [points.x[row], points.y[row]];
    if (grid.nearest(x, y, radius, null, radius) < 0) continue;
    const away = (i) => Math.hypot(grid.x[i] - x, grid.y[i] - y);
    const near = [];
    grid.lines([x - radius, x + radius, y - radius, y + radius], (from, to) => {
      for (let k = from; k < to; k++) if (away(grid.order[k]) <= radius) near.push(grid.order[k]);
    });
    near.sort((a, b) => away(a) - away(b));
    steps[row] = landingStep(median(near.slice(0, NEAREST).map((i) => asked[i].error)));
  }
  return steps;
}

/** [{label, count, error}] by label: how many samples with a landing error there are, and their median. */
export function landingByLabel(labels, samples) {
  const errors = new Map(labels.map((label) => [label, []]));
  for (const sample of samples) if (Number.isFinite(sample.error)) errors.get(sample.label)?.push(sample.error);
  return [...errors].map(([label, found]) => ({ label, count: found.length, error: median(found) }));
}
