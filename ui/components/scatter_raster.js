// Draws the points as pixels. A million of them take some hundredths of a second on one processor core; WebGL without a
// graphics card, which is what many offices have, takes seconds for the same picture and again for every frame of a pan.
// It knows pixels and colours, nothing of classes or modes.

const OPAQUE = 255;
const SUBPIXELS = 4;
const PALE = 0.16;
const PALE_DIAMOND = 0.25;
const RIM_PX = 8;
// While the view moves only as many points of a large map are drawn as take this long, every n-th of each place.
const FRAME_MS = 12;
const LARGE = 50000;
const DIAMOND_PX = 6;

function channels(colour) {
  const hex = /^#([0-9a-f]{6})$/i.exec(colour);
  if (hex) return [0, 2, 4].map((i) => parseInt(hex[1].slice(i, i + 2), 16));
  return colour.match(/\d+(\.\d+)?/g).slice(0, 3).map(Number);
}

/** A disc of `size` pixels as {dx, dy, cover}, with smooth edges from 3 pixels on. */
function disc(size) {
  const pixels = [];
  const radius = size / 2;
  for (let dy = 0; dy < size; dy++) {
    for (let dx = 0; dx < size; dx++) {
      let inside = 0;
      for (let s = 0; s < SUBPIXELS ** 2; s++) {
        const x = dx + ((s % SUBPIXELS) + 0.5) / SUBPIXELS - radius;
        const y = dy + (Math.floor(s / SUBPIXELS) + 0.5) / SUBPIXELS - radius;
        if (x * x + y * y <= radius * radius) inside++;
      }
      if (inside) pixels.push({ dx, dy, cover: size < 3 ? 1 : inside / SUBPIXELS ** 2 });
    }
  }
  return pixels;
}

/** What happens to a pixel of each opacity when one of opacity `alpha` is laid over it: its new opacity, and the new colour's share. */
function over(alpha) {
  const [opacity, share] = [new Int32Array(256), new Int32Array(256)];
  for (let under = 0; under < 256; under++) {
    const sum = alpha + (under * (OPAQUE - alpha)) / OPAQUE;
    opacity[under] = Math.round(sum) << 24;
    share[under] = sum ? Math.round((256 * alpha) / sum) : 256;
  }
  return { opacity, share };
}

/** A diamond with a rim, drawn once for all of its colour: a path for each would take a frame's time for some thousands. */
function diamond(colour, rim, ratio) {
  const canvas = document.createElement("canvas");
  const middle = DIAMOND_PX + 2;
  canvas.width = canvas.height = 2 * middle * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  Object.assign(context, { fillStyle: colour, strokeStyle: rim, lineWidth: 1.5 });
  const path = new Path2D(`M${middle},2L${2 * middle - 2},${middle}L${middle},${2 * middle - 2}L2,${middle}Z`);
  context.fill(path);
  context.stroke(path);
  return canvas;
}

export class Raster {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.tables = new Map();
    this.milliseconds = 0;
    this.canvas.width = this.canvas.height = 0;
  }

  /** Takes the points; their order is that of the grid's cells, so that neighbours in memory are neighbours on the screen. */
  load(points) {
    const { order } = points.grid;
    this.grid = points.grid;
    [this.x, this.y] = [new Float32Array(points.n), new Float32Array(points.n)];
    for (let k = 0; k < points.n; k++) {
      this.x[k] = points.x[order[k]];
      this.y[k] = points.y[order[k]];
    }
    this.group = new Uint8Array(points.n);
    this.colours = [];
    this.bright = null;
  }

  /** The group of each row, and each group's colour, null where it is hidden. */
  paint(groupOf, colours) {
    const { order } = this.grid;
    for (let k = 0; k < order.length; k++) this.group[k] = groupOf[order[k]];
    this.colours = colours.map((colour) => colour && channels(colour));
  }

  /** Only these rows stay bright; null brightens all. */
  brighten(rows) {
    this.bright = null;
    if (!rows) return;
    const { order } = this.grid;
    const chosen = new Uint8Array(order.length);
    for (const row of rows) chosen[row] = 1;
    this.bright = new Uint8Array(order.length);
    for (let k = 0; k < order.length; k++) this.bright[k] = chosen[order[k]];
  }

  #table(alpha) {
    if (!this.tables.has(alpha)) this.tables.set(alpha, over(alpha));
    return this.tables.get(alpha);
  }

  /**
   * view: {width, height} in pixels of the screen, {left, right, bottom, top} in data, `size` in pixels and `opacity` of a
   * point. `moving`: the next view will follow at once.
   */
  draw({ width, height, left, right, bottom, top, size, opacity }, moving = false) {
    const start = performance.now();
    const ratio = Math.max(1, window.devicePixelRatio);
    const [w, hgt] = [Math.round(width * ratio), Math.round(height * ratio)];
    // A rim around what is shown takes in the dots that its edges cut.
    const rim = Math.ceil(RIM_PX * ratio);
    this.#fit(w, hgt, rim);
    if (!this.image) return;
    this.pixels.fill(0);
    const every = moving && this.group.length > LARGE ? Math.max(1, Math.ceil(this.milliseconds / FRAME_MS)) : 1;
    const at = { every, left, top, x: w / (right - left), y: hgt / (top - bottom), dot: Math.max(1, Math.round(size * ratio)), rim };
    // What is pale lies under what is bright; it pales as a whole, for many pale dots upon one another would be bright again.
    if (this.bright) {
      this.#pass([left, right, bottom, top], at, opacity, 0);
      this.#fade();
    }
    this.#pass([left, right, bottom, top], at, opacity, 1);
    this.context.putImageData(this.image, -rim, -rim);
    if (!moving) this.milliseconds = performance.now() - start;
  }

  /** Draws diamonds over the points: groups of {colour, members}, placed by toPixel(member); those not `bright(member)` are pale. */
  drawDiamonds(groups, rim, toPixel, bright) {
    const ratio = Math.max(1, window.devicePixelRatio);
    for (const { colour, members } of groups) {
      if (!members.length) continue;
      const stamp = diamond(colour, rim, ratio);
      for (const member of members) {
        const [x, y] = toPixel(member);
        this.context.globalAlpha = bright(member) ? 1 : PALE_DIAMOND;
        this.context.drawImage(stamp, Math.round(x * ratio - stamp.width / 2), Math.round(y * ratio - stamp.width / 2));
      }
    }
    this.context.globalAlpha = 1;
  }

  #fit(w, hgt, rim) {
    if (this.canvas.width === w && this.canvas.height === hgt) return;
    [this.canvas.width, this.canvas.height] = [w, hgt];
    this.image = w && hgt ? this.context.createImageData(w + 2 * rim, hgt + 2 * rim) : null;
    this.pixels = this.image && new Int32Array(this.image.data.buffer);
  }

  #fade() {
    const { pixels } = this;
    for (let i = 0; i < pixels.length; i++) if (pixels[i]) pixels[i] = (pixels[i] & 0xffffff) | (((pixels[i] >>> 24) * PALE) << 24);
  }

  #stamp(dot, opacity, width) {
    return disc(dot).map(({ dx, dy, cover }) => ({ at: dy * width + dx, ...this.#table(Math.max(1, Math.round(OPAQUE * opacity * cover))) }));
  }

  #pass(box, { every, left, top, x: sx, y: sy, dot, rim }, alpha, wanted) {
    const { x, y, group, bright, pixels } = this;
    const { width, height } = this.image;
    const stamp = this.#stamp(dot, alpha, width);
    const places = Int32Array.from(stamp, (one) => one.at);
    // What hides all that is under it need not look at it, three times as quick.
    const solid = stamp.every((one) => one.share[0] === 256 && one.share[OPAQUE] === 256) ? OPAQUE << 24 : 0;
    // Colours as the pixels hold them; -1 where a group is hidden.
    const palette = Int32Array.from(this.colours, (colour) => (colour ? (colour[2] << 16) | (colour[1] << 8) | colour[0] : -1));
    const [shiftX, shiftY] = [rim - left * sx - dot / 2 + 0.5, rim + top * sy - dot / 2 + 0.5];
    this.grid.lines(box, (from, to) => {
      for (let k = from; k < to; k += every) {
        const colour = palette[group[k]];
        if (colour < 0 || (bright && bright[k] !== wanted)) continue;
        const px = Math.floor(x[k] * sx + shiftX);
        const py = Math.floor(shiftY - y[k] * sy);
        if (px < 0 || py < 0 || px + dot > width || py + dot > height) continue;
        const base = py * width + px;
        if (solid) {
          for (let i = 0; i < places.length; i++) pixels[base + places[i]] = solid | colour;
          continue;
        }
        for (let i = 0; i < stamp.length; i++) {
          const { at, opacity, share } = stamp[i];
          const under = pixels[base + at];
          const a = under >>> 24;
          const part = share[a];
          if (part === 256) {
            pixels[base + at] = opacity[a] | colour;
            continue;
          }
          // Red and blue together, green beside them: two multiplications for three channels.
          const [rb, g] = [under & 0xff00ff, under & 0x00ff00];
          const redBlue = (rb + (Math.imul((colour & 0xff00ff) - rb, part) >> 8)) & 0xff00ff;
          const green = (g + (Math.imul((colour & 0x00ff00) - g, part) >> 8)) & 0x00ff00;
          pixels[base + at] = opacity[a] | redBlue | green;
        }
      }
    });
  }
}
