// How much is drawn anew, said in three ways: sigma of the noise, the step t of 1000, and denoising strength t / 1000. The schedule is
// Stable Diffusion's: betas from 0.00085 to 0.012, linear in their square roots.

const STEPS = 1000, FIRST = Math.sqrt(0.00085), LAST = Math.sqrt(0.012);

const SIGMAS = (() => {
  let kept = 1;
  return Float64Array.from({ length: STEPS }, (_, i) => {
    kept *= 1 - (FIRST + ((LAST - FIRST) * i) / (STEPS - 1)) ** 2;
    return Math.sqrt((1 - kept) / kept);
  });
})();

/** Sigma of denoising strength, 0.001 to 1. */
export const sigmaOf = (strength) => SIGMAS[Math.max(0, Math.min(STEPS, Math.round(strength * STEPS)) - 1)];

/** The step 1 to 1000 whose sigma is nearest in ratio. */
export function stepOf(sigma) {
  let step = 0;
  while (step < STEPS - 1 && Math.sqrt(SIGMAS[step] * SIGMAS[step + 1]) < sigma) step++;
  return step + 1;
}
