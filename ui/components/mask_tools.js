// The tools: what a press, a move and a release of the pointer draw. Each gets places in native pixels and a raster; none knows the screen
// but for what it shows while it is used.

const CLOSE_PX = 9; // on the screen: a click this near the first corner closes a polygon
const TWICE_MS = 350;
const TAU = 2 * Math.PI;

/** A line, or a line and a dot at each corner, drawn twice so that it is seen on any ground. */
function trace(pen, points, tone, width = 1.5) {
  pen.lineJoin = pen.lineCap = "round";
  for (const [colour, extra] of [["panel", 2], ["mask", 0]]) {
    pen.beginPath();
    points.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.lineWidth = width + extra;
    pen.strokeStyle = tone(colour);
    pen.stroke();
  }
}

/** Brush and eraser. With Shift a straight line goes on from where the last stroke ended. */
class Brush {
  constructor(desk, value) {
    this.desk = desk;
    this.value = value;
  }

  down(at, { shiftKey, button }) {
    this.ink = button === 2 ? 1 - this.value : this.value; // the right button does the opposite
    this.last = (shiftKey && this.desk.raster.lastStroke) || at;
    this.move(at);
  }

  move(at) {
    if (!this.last) return;
    this.desk.raster.stroke(...this.last, ...at, this.desk.diameter / 2, this.ink);
    this.last = at;
  }

  up() {
    this.desk.raster.lastStroke = this.last;
    this.last = null;
    return true;
  }

  cancel() {
    this.last = null;
  }
}

/** A straight line as thick as the brush; with Shift in steps of 45 degrees. */
class Line {
  constructor(desk) {
    this.desk = desk;
  }

  down(at) {
    this.from = this.to = at;
  }

  move(at, { shiftKey }) {
    if (!this.from) return;
    const [dx, dy] = [at[0] - this.from[0], at[1] - this.from[1]], step = TAU / 8;
    const angle = Math.round(Math.atan2(dy, dx) / step) * step, length = dx * Math.cos(angle) + dy * Math.sin(angle);
    this.to = shiftKey ? [this.from[0] + length * Math.cos(angle), this.from[1] + length * Math.sin(angle)] : at;
  }

  up() {
    if (!this.from) return false;
    this.desk.raster.stroke(...this.from, ...this.to, this.desk.diameter / 2, 1);
    this.from = null;
    return true;
  }

  cancel() {
    this.from = null;
  }

  show(pen, view, tone) {
    if (this.from) trace(pen, [view.placed(...this.from), view.placed(...this.to)], tone, Math.max(1.5, this.desk.diameter * view.scale));
  }
}

/** Corners by clicks; the first corner, a double click or Enter closes it. */
class Polygon {
  constructor(desk) {
    this.desk = desk;
    this.points = [];
  }

  down(at, event) {
    if (event.button === 2) return;
    const near = (point) => point && distance(this.desk.view.placed(...at), this.desk.view.placed(...point)) < CLOSE_PX;
    const twice = event.timeStamp - this.pressed < TWICE_MS && near(this.points.at(-1));
    if (this.points.length > 2 && (twice || near(this.points[0]))) this.closing = true;
    else if (!twice) this.points.push(at);
    this.pressed = event.timeStamp;
    this.at = at;
  }

  move(at) {
    this.at = at;
  }

  up() {
    return this.closing ? this.finish() : false;
  }

  /** Fills it; true where something was drawn. */
  finish() {
    const { points } = this;
    this.cancel();
    if (points.length < 3) return false;
    this.desk.raster.polygon(points, 1);
    return true;
  }

  /** Takes back the last corner; false where there is none. */
  back() {
    return this.points.pop() !== undefined;
  }

  cancel() {
    this.points = [];
    this.closing = false;
  }

  get open() {
    return this.points.length > 0;
  }

  show(pen, view, tone) {
    if (!this.points.length) return;
    const shown = this.points.map((point) => view.placed(...point));
    trace(pen, [...shown, view.placed(...this.at)], tone);
    const near = this.points.length > 2 && distance(view.placed(...this.at), shown[0]) < CLOSE_PX;
    pen.beginPath();
    pen.arc(...shown[0], near ? 6 : 4, 0, TAU);
    pen.fillStyle = tone("panel");
    pen.fill();
    pen.stroke();
  }
}

const distance = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

/** Fills the enclosed area around a click; on a marked area takes that away. */
class Fill {
  constructor(desk) {
    this.desk = desk;
  }

  down(at) {
    this.at = at;
  }

  move() {}

  up() {
    const at = this.at;
    this.at = null;
    if (!at) return false;
    if (this.desk.raster.flood(...at)) return true;
    this.desk.say("inpaint.open_area");
    return false;
  }

  cancel() {
    this.at = null;
  }
}

/** All tools by name. desk: {raster, view, diameter, say(key)}, asked anew at each use. */
export const tools = (desk) => ({ brush: new Brush(desk, 1), eraser: new Brush(desk, 0), line: new Line(desk), polygon: new Polygon(desk), fill: new Fill(desk) });

/** The round tip of the brush around the pointer. */
export function tip(pen, [x, y], radius, tone) {
  for (const [colour, width] of [["panel", 3], ["text", 1]]) {
    pen.beginPath();
    pen.arc(x, y, Math.max(1, radius), 0, TAU);
    pen.lineWidth = width;
    pen.strokeStyle = tone(colour);
    pen.stroke();
  }
}
