// The pointer and the wheel on the canvas: which of them draw, which move and zoom the view. It draws nothing itself.

const ZOOM_STEP = 400; // of the wheel, for a factor of e
const SIZE_STEP = 1.15;

export class Gestures {
  /** actions: {stage, tool(), commit(), resize(factor), changed(), ready()}. */
  constructor(canvas, actions) {
    this.canvas = canvas;
    this.actions = actions;
    this.space = false;
    this.pointer = null; // on the stage, for the brush's tip
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", () => this.cancel());
    canvas.addEventListener("pointerleave", () => {
      this.pointer = null;
      actions.stage.redraw();
    });
    canvas.addEventListener("dblclick", (event) => event.preventDefault());
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  #down(event) {
    if (!this.actions.ready() || this.drawing || this.panning || event.button > 2) return;
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
    if (event.button === 1 || this.space) this.panning = this.actions.stage.at(event);
    else {
      this.drawing = this.actions.tool();
      this.drawing.down(this.actions.stage.native(event), event);
      this.actions.changed();
    }
    this.#cursor();
  }

  #move(event) {
    const { stage } = this.actions;
    this.pointer = stage.at(event);
    if (this.panning) {
      stage.view.pan(this.pointer[0] - this.panning[0], this.pointer[1] - this.panning[1]);
      this.panning = this.pointer;
    } else if (this.actions.ready()) {
      // Where the browser gathered several moves into one event, all of them are drawn.
      const moves = event.getCoalescedEvents?.() ?? [];
      for (const one of moves.length ? moves : [event]) (this.drawing ?? this.actions.tool()).move(stage.native(one), event);
      if (this.drawing) this.actions.changed();
    }
    stage.redraw();
  }

  #up(event) {
    const { drawing } = this;
    this.drawing = this.panning = null;
    this.#cursor();
    if (!drawing) return;
    drawing.move(this.actions.stage.native(event), event);
    if (drawing.up()) this.actions.commit();
    this.actions.stage.redraw();
  }

  /** What is being drawn is given up. */
  cancel() {
    this.drawing?.cancel();
    this.drawing = this.panning = null;
    this.#cursor();
  }

  /** While Space is held, the pointer moves the photograph. */
  hold(space) {
    this.space = space;
    this.#cursor();
  }

  #cursor() {
    this.canvas.classList.toggle("moving", Boolean(this.panning));
    this.canvas.classList.toggle("holding", this.space);
  }

  #wheel(event) {
    event.preventDefault();
    const { stage } = this.actions;
    const turned = event.deltaY || event.deltaX, lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 : 1;
    if (event.altKey || event.ctrlKey) this.actions.resize(turned < 0 ? SIZE_STEP : 1 / SIZE_STEP);
    else stage.view.zoom(Math.exp((-turned * lines) / ZOOM_STEP), ...stage.at(event));
    stage.redraw();
  }
}
