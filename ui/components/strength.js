// How much is drawn anew, said in three ways: sigma of the noise, the step t of 1000, and denoising strength t / 1000. `sigmaOf` and `stepOf` speak
// of Stable Diffusion's schedule, betas from 0.00085 to 0.012, linear in their square roots; `sigmaOfStep` of the published DDPM's, linear from 0.0001 to 0.02.

const STEPS = 1000, FIRST = Math.sqrt(0.00085), LAST = Math.sqrt(0.012);

function sigmas(beta) {
  let kept = 1;
  return Float64Array.from({ length: STEPS }, (_, i) => {
    kept *= 1 - beta(i / (STEPS - 1));
    return Math.sqrt((1 - kept) / kept);
  });
}

const SIGMAS = sigmas((share) => (FIRST + (LAST - FIRST) * share) ** 2);
const LINEAR = sigmas((share) => 1e-4 + (0.02 - 1e-4) * share);

/** Sigma of step t, 0 to 1000, of the published DDPM; 0 at 0. */
export const sigmaOfStep = (t) => (t < 1 ? 0 : LINEAR[Math.min(STEPS, Math.round(t)) - 1]);

/** Sigma of denoising strength, 0.001 to 1. */
export const sigmaOf = (strength) => SIGMAS[Math.max(0, Math.min(STEPS, Math.round(strength * STEPS)) - 1)];

/** The step 1 to 1000 whose sigma is nearest in ratio. */
export function stepOf(sigma) {
  let step = 0;
  while (step < STEPS - 1 && Math.sqrt(SIGMAS[step] * SIGMAS[step + 1]) < sigma) step++;
  return step + 1;
}
