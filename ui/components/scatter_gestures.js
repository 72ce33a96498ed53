// The pointer on the map: a click, a free-hand outline while the lasso is on, or a line drawn with Shift. Everything else,
// panning and zooming, is left to plotly.

const CLICK_SLACK_PX = 4;
const STEP_PX = 3;

export class Gestures {
  /** on: click(event), outline(events, done), line(from, to, done), each with pointer events; hover(event), leave(). */
  constructor(stage, plot, on) {
    this.stage = stage;
    this.on = on;
    this.lasso = false;
    this.pressed = null;
    stage.addEventListener("pointerdown", (event) => this.#down(event, plot), true);
    // Plotly listens to these; what it does not hear it does not take for a drag of its own.
    for (const name of ["mousedown", "touchstart"]) stage.addEventListener(name, (event) => this.#drawing && event.stopPropagation(), true);
    // Plotly covers the page while dragging, so moves and the release are heard on the window.
    window.addEventListener("pointermove", (event) => this.#move(event), true);
    window.addEventListener("pointerup", (event) => this.#up(event), true);
    window.addEventListener("pointercancel", () => this.cancel(), true);
    stage.addEventListener("pointermove", (event) => (this.pressed ? null : on.hover(event)));
    stage.addEventListener("pointerleave", () => on.leave());
  }

  get #drawing() {
    return this.pressed !== null && this.pressed.kind !== "click";
  }

  /** Forgets what is being drawn. */
  cancel() {
    this.pressed = null;
  }

  #down(event, plot) {
    this.pressed = null;
    this.on.leave();
    if (event.button !== 0 || !event.isPrimary || !plot.contains(event.target)) return;
    const kind = this.lasso ? "outline" : event.shiftKey ? "line" : "click";
    this.pressed = { kind, from: event, trail: [event] };
    if (this.#drawing) event.preventDefault();
  }

  #far = (a, b, least) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) > least;

  #move(event) {
    if (!this.#drawing || !event.isPrimary) return;
    const { kind, from, trail } = this.pressed;
    if (kind === "line") return this.on.line(from, event, false);
    if (!this.#far(event, trail.at(-1), STEP_PX)) return;
    trail.push(event);
    this.on.outline(trail, false);
  }

  #up(event) {
    const { pressed } = this;
    this.pressed = null;
    if (!pressed || !event.isPrimary) return;
    const { kind, from, trail } = pressed;
    if (kind === "outline") {
      this.on.outline(trail, true);
    } else if (!this.#far(event, from, CLICK_SLACK_PX)) this.on.click(event);
    else if (kind === "line") this.on.line(from, event, true);
  }
}
