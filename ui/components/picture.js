// A picture as large as its box allows, with its mask over it when wanted. Shared by the map's panel and the review.

import { fill, h } from "./dom.js";

const SMALL_PX = 48;

/** One picture: {url, maskUrl, width, height, alt}. Tiny ones are enlarged in whole pixels, not blurred. */
export function picture({ url, maskUrl = null, width = 1, height = 1, alt = "" }) {
  const image = h("img", { src: url, alt, draggable: false, class: Math.max(width, height) <= SMALL_PX ? "pixels" : "" });
  const frame = h("div", { class: "frame" }, image);
  const shape = (w, hgt) => frame.style.setProperty("--ratio", String(w / hgt));
  shape(width, height);
  // What the server draws is upright; a file's own numbers may not be.
  image.onload = () => {
    shape(image.naturalWidth, image.naturalHeight);
    image.classList.toggle("pixels", Math.max(image.naturalWidth, image.naturalHeight) <= SMALL_PX);
  };
  image.onerror = () => frame.classList.add("missing");
  if (maskUrl) frame.append(h("div", { class: "mask", style: `--mask: url("${new URL(maskUrl, document.baseURI)}")` }));
  return frame;
}

/** Puts one or two pictures side by side into `box`. */
export function showPictures(box, ...specs) {
  fill(box, specs.map((spec) => h("div", { class: "cell" }, picture(spec))));
}
