// Words of the tab Evaluate that several of its parts need: names of arms, verdicts, and what operations tell of them.

import { t, told } from "./dom.js";

/** The name of an arm in the visitor's language. */
export const armName = (arm) => t(`evaluate.arm_${arm}`);

/** The name of a training set: an arm with at most so many real images and samples of each label. */
export function pointName({ arm, real, beside }) {
  return [armName(arm), real ? t("evaluate.real_each", { n: real }) : "", beside ? t("evaluate.beside_each", { n: beside }) : ""].filter(Boolean).join(", ");
}

/** "helps", "hurts" or "cannot tell" in the visitor's language. */
export const verdictWord = (verdict) => t(`evaluate.verdict_${verdict.replace(" ", "_")}`);

/** A notice with what it names, an arm, a split or a method, in the visitor's language as well. */
export function said(notice) {
  const { arm, of, real, beside, split, method } = notice?.values ?? {};
  return told(notice, {
    ...(arm && { arm: pointName({ arm: of ?? arm, real, beside }) }),
    ...(split && { split: t(`map.split_${split}`) }),
    ...(method && { method: t(`plan.method_${method}`) }),
  });
}
