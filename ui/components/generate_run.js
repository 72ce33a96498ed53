// One request for samples at a time: how far it is, how long it will take, and Stop. It knows nothing of places or results.

import { fill, getJson, h, postJson, t, told } from "./dom.js";

const FIRST_CALL_SECONDS = 4;
const ASK_MS = 500;
const NOTHING_YET = { step: 0, total: 0, made: 0 };

/** A notice of an operation, {key, values, text}, in the visitor's language. */
const warning = (notice) => h("span", { class: "warn" }, told(notice));

/** What the map says while it waits: the samples' share of all steps. */
function mapWords({ step, total }, count, seconds) {
  if (total > 0) return t("map.generating_of", { done: Math.floor((count * step) / total), n: count });
  return t(seconds > FIRST_CALL_SECONDS ? "map.generating_long" : "map.generating", { n: count, s: seconds.toFixed(0) });
}

export class Run {
  /** progress: the element it speaks in. onBusy(): called when it begins and when it ends. route: what answers the requests. words(state, count,
   * seconds): what is said meanwhile; state: {step, total, made}, total 0 until the first report. */
  constructor(progress, onBusy, route = "kizu/map/generate", words = mapWords) {
    this.route = route;
    this.words = words;
    this.progress = progress;
    this.onBusy = onBusy;
    this.busy = false;
  }

  /** Says words, elements and notices in place of what was said before. */
  say(content, notices = []) {
    fill(this.progress, content, notices.map(warning));
  }

  /** What went wrong. */
  fail(error) {
    this.say(h("span", { class: "bad" }, error.message));
  }

  /** Sends the config of `generate` and returns the answer; the next words are the caller's. count: samples in all. */
  async generate(config, count = config.count) {
    const start = performance.now();
    const click = `${start}-${Math.random()}`;
    this.#set(true);
    const ticker = this.#follow(click, count, start);
    try {
      const answer = await postJson(this.route, { ...config, click });
      performance.measure("kizu:generate", { start, end: performance.now() });
      return answer;
    } finally {
      clearInterval(ticker);
      this.#set(false);
    }
  }

  /** Follows what a page asked for before it was loaded anew, until it is answered: "done", "interrupted" or null. */
  async attach() {
    const open = await getJson(`${this.route}/open`).catch(() => null);
    if (!open || this.busy) return null;
    this.#set(true);
    try {
      return await new Promise((ended) => (this.ticker = this.#follow(open.click, open.count, performance.now() - 1000 * open.seconds, ended)));
    } finally {
      clearInterval(this.ticker);
      this.#set(false);
    }
  }

  #set(busy) {
    this.busy = busy;
    this.onBusy();
  }

  // onGone(how): called when the server no longer knows the request, "interrupted" if it did not answer for a while before.
  #follow(click, count, start, onGone = null) {
    const words = h("span", {}), bar = h("i"), line = h("i", { class: "line" }, bar);
    const stop = h("button", { type: "button", class: "quiet", onclick: () => halt() }, t("map.stop"));
    let state = null, silent = false;
    const draw = () => {
      const seconds = (performance.now() - start) / 1000;
      const known = state?.total > 0;
      line.classList.toggle("known", known);
      if (known) bar.style.width = `${(100 * state.step) / state.total}%`;
      if (stop.disabled) words.textContent = t("map.stopping");
      else words.textContent = [this.words(state ?? NOTHING_YET, count, seconds), known && state.eta !== null ? t("shell.eta", { time: window.kizu.duration(state.eta) }) : ""].filter(Boolean).join(", ");
    };
    const halt = async () => {
      stop.disabled = true;
      draw();
      try {
        const { stopping } = await postJson(`${this.route}/stop`, { click });
        // The server may not have begun with the request itself.
        if (!stopping && this.busy) setTimeout(halt, ASK_MS);
      } catch (error) {
        stop.disabled = false;
        window.kizu.say(error.message, true);
      }
    };
    this.say([words, line, stop]);
    draw();
    return setInterval(async () => {
      // A question that fails is asked again; the answer to the request itself tells what is wrong.
      const news = document.hidden ? undefined : await getJson(`${this.route}/progress?click=${encodeURIComponent(click)}`).catch(() => undefined);
      if (news === null && onGone) return onGone(silent ? "interrupted" : "done");
      silent ||= news === undefined && !document.hidden;
      state = news ?? state;
      draw();
    }, ASK_MS);
  }
}
