// What the map's classifier says of a sample, in words: the probability of its own label and the next likeliest one.

import { fixed, h, t } from "./dom.js";

/** [name, value] for a list of facts; null where the map kept no classifier when the sample was made. */
export function judgement(label, probability) {
  if (!probability) return null;
  const [rival] = Object.entries(probability).filter(([name]) => name !== label).sort((a, b) => b[1] - a[1]);
  const own = probability[label];
  const wrong = rival && !(own >= rival[1]);
  const words = rival && t(wrong ? "map.judged_wrong" : "map.judged_next", { label: rival[0], value: fixed(rival[1]) });
  const value = h("span", { class: "judgement", title: t("map.judged_long") }, h("b", {}, `${label} ${fixed(own)}`), words ? h("small", { class: wrong ? "warn" : "" }, words) : null);
  return [t("map.judged"), value];
}
