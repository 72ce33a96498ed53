// Runs before gradio's own scripts, on every page: language, texts, the one event stream, keys, tabs.
// Everything for components hangs on window.kizu; see each function's comment.
(() => {
  "use strict";
  // From the page's loading to the fetching of what is not shown yet: gradio draws its first tab in that time.
  const REST_MS = 1500;
  // The help's sections: the name of each, and its rows of keys and text. Here, for the tabs are loaded when first shown.
  const KEYS = [
    ["shell.everywhere", [["Alt+1…9", "shell.key_tabs"], ["?", "shell.key_help"], ["Ctrl+Z", "shell.key_undo"], ["Esc", "shell.key_close"]]],
    ["shell.data", [["← →", "data.key_next"], ["M", "data.key_mask"]]],
    ["shell.map", [["G", "map.key_generate"], ["B", "way.key_boundary"], ["L", "map.key_lasso"], ["Shift+↗", "map.key_path"], ["M", "map.key_mask"], ["0", "map.key_fit"], ["Esc", "map.key_clear"]]],
    ["shell.inpaint", [["B", "inpaint.tool_brush"], ["E", "inpaint.tool_eraser"], ["L", "inpaint.tool_line"], ["P", "inpaint.tool_polygon"], ["F", "inpaint.tool_fill"], ["[ ]", "inpaint.key_size"], ["Alt+↕", "inpaint.key_size_wheel"],
      ["↕", "inpaint.key_zoom"], ["Space+↗", "inpaint.key_pan"], ["0", "inpaint.key_fit"], ["R", "inpaint.tool_library"], ["Del", "inpaint.tool_clear"], ["Ctrl+Z", "inpaint.tool_undo"], ["Ctrl+Y", "inpaint.tool_redo"],
      ["Enter", "inpaint.key_close"], ["M", "inpaint.key_mask"], ["C", "inpaint.key_contrast"], ["X", "inpaint.key_after"], ["↑ ↓", "inpaint.key_result"], ["A R S", "inpaint.key_verdict"], ["1…9", "review.key_reason"], ["U", "review.key_undo"], ["← →", "inpaint.key_next"], ["Ctrl+Enter", "inpaint.key_generate"]]],
    ["shell.variations", [["G", "variations.key_generate"], ["S", "variations.key_strip"], ["A", "variations.key_mark"], ["+ -", "paste.scale"], [", .", "paste.turn"], ["F", "paste.mirrored"], ["← →", "inpaint.key_next"]]],
    ["shell.factors", [["1…9", "factors.key_dimension"], ["0", "factors.key_reset"], ["G", "factors.key_series"], ["← →", "inpaint.key_next"]]],
    ["shell.review", [["A", "review.key_accept"], ["R", "review.key_reject"], ["S", "review.key_skip"], ["U", "review.key_undo"], ["1…9", "review.key_reason"], ["Space", "review.key_select"],
      ["Shift+→", "review.key_range"], ["Ctrl+A", "review.key_all"], ["Z", "review.key_zoom"], ["M", "review.key_mask"]]],
  ];
  const cookie = (name) => document.cookie.split("; ").find((part) => part.startsWith(name + "="))?.split("=")[1];
  const stored = cookie("kizu-lang");
  const lang = stored === "ja" || stored === "en" ? stored : (navigator.language || "").toLowerCase().startsWith("ja") ? "ja" : "en";
  // gradio takes its language from the navigator alone.
  Object.defineProperty(navigator, "language", { get: () => lang });
  Object.defineProperty(navigator, "languages", { get: () => [lang] });
  document.documentElement.lang = lang;
  const keepCookie = (value) => {
    const secure = location.protocol === "https:" ? "; SameSite=None; Secure; Partitioned" : "; SameSite=Lax";
    document.cookie = `kizu-lang=${value}; Path=/; Max-Age=31536000${secure}`;
  };
  if (!stored) keepCookie(lang);

  const listeners = new Map();
  const texts = window.kizuTexts[lang];

  const kizu = (window.kizu = {
    lang,
    state: null,

    // Text of a key in the visitor's language, {name} filled from values.
    t: (key, values = {}) =>
      (texts[key] ?? key).replace(/\{(\w+)(?::[^}]*)?\}/g, (whole, name) => (name in values ? String(values[name]) : whole)),

    // Whether there is such a text.
    has: (key) => key in texts,

    // Text made safe to stand in HTML, in attributes too.
    escape: (value) => String(value).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`),

    // Calls fn(detail) whenever `name` happens; "state" also at once with the latest. Returns the unsubscriber.
    on(name, fn) {
      if (!listeners.has(name)) listeners.set(name, new Set());
      listeners.get(name).add(fn);
      if (name === "state" && kizu.state) fn(kizu.state);
      return () => listeners.get(name).delete(fn);
    },
    emit: (name, detail) => [...(listeners.get(name) ?? [])].forEach((fn) => fn(detail)),

    // GET or POST to an own route; the JSON answer, or an Error with the server's words.
    async get(path) { return kizu.answer(await fetch(path)); },
    async post(path, body = {}) {
      return kizu.answer(await fetch(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }));
    },
    async answer(response) {
      const value = await response.json().catch(() => ({ error: `${response.status} ${response.statusText}` }));
      if (!response.ok) throw new Error(value.error ?? response.statusText);
      return value;
    },

    // One line at the bottom, for a few seconds: what was done or why not.
    say(text, bad = false) {
      let line = document.getElementById("kizu-say");
      if (!line) {
        line = document.createElement("div");
        line.id = "kizu-say";
        line.setAttribute("role", "status");
        document.body.append(line);
      }
      line.textContent = text;
      line.classList.toggle("bad", bad);
      line.classList.add("shown");
      clearTimeout(line.timer);
      line.timer = setTimeout(() => line.classList.remove("shown"), bad ? 9000 : 4000);
    },

    // True while the visitor types in a field: no key may fire then.
    typing: (event) => !!event.target?.closest?.("input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]"),

    // Choose a tab by its name ("map").
    tab(name) { document.getElementById(`tab-${name}-button`)?.click(); },
    currentTab: () => document.querySelector("#kizu-tabs [role=tab][aria-selected=true]")?.id.replace(/^tab-|-button$/g, "") ?? "",

    // Opens an image of the workspace on the tab Inpaint.
    inpaint(id) {
      sessionStorage.setItem("kizu-inpaint", String(id));
      kizu.tab("inpaint");
      kizu.emit("inpaint", id);
    },

    // Width-keeping number: 1234 -> "1,234".
    number: (value) => Number(value).toLocaleString("en-US"),
    // Seconds as "40 s", "3 min", "1 h 5 min".
    duration(seconds) {
      if (seconds === null || seconds === undefined || !isFinite(seconds)) return "";
      const s = Math.max(0, Math.round(seconds));
      if (s < 90) return kizu.t("shell.seconds", { n: s });
      if (s < 5400) return kizu.t("shell.minutes", { n: Math.round(s / 60) });
      return kizu.t("shell.hours", { h: Math.floor(s / 3600), m: Math.round((s % 3600) / 60) });
    },
    language(value) { keepCookie(value); location.reload(); },

    // The class's colour now, light or dark, from its slot.
    colour: (slot) => getComputedStyle(document.body).getPropertyValue(`--kizu-class-${slot}`).trim(),
  });

  // The stream. The browser reconnects by itself; while it cannot, the page says so.
  function listen() {
    const source = new EventSource("kizu/events");
    source.onmessage = (event) => {
      document.documentElement.classList.remove("kizu-offline");
      kizu.state = JSON.parse(event.data);
      kizu.emit("state", kizu.state);
    };
    source.onerror = () => {
      document.documentElement.classList.add("kizu-offline");
      kizu.emit("offline");
      if (source.readyState === EventSource.CLOSED) setTimeout(again, 2000);
    };
  }

  // The server refused the stream: the login or the demo's cookie is of another server. A reload gets a new one; once a minute at most.
  async function again() {
    const status = await fetch("kizu/state").then((answer) => answer.status, () => 0);
    const last = Number(sessionStorage.getItem("kizu-reloaded") ?? 0);
    if ((status === 401 || status === 403) && Date.now() - last > 60_000) {
      sessionStorage.setItem("kizu-reloaded", String(Date.now()));
      location.reload();
    } else listen();
  }

  // Keys of the whole page.
  document.addEventListener("keydown", (event) => {
    if (event.altKey && !event.ctrlKey && !event.metaKey && /^Digit[1-9]$/.test(event.code)) {
      const tabs = [...document.querySelectorAll("#kizu-tabs > .tab-wrapper [role=tab], #kizu-tabs .tab-container [role=tab]")];
      const unique = [...new Set(tabs)].filter((tab) => tab.id);
      unique[Number(event.code.slice(5)) - 1]?.click();
      event.preventDefault();
    } else if (event.key === "?" && !kizu.typing(event)) {
      kizu.toggleHelp();
      event.preventDefault();
    } else if (event.key === "Escape") kizu.closeHelp?.();
  });

  // The chosen tab stays in the address, so that a reload and a link come back to it.
  function followTabs() {
    const wanted = new URLSearchParams(location.search).get("tab");
    const bar = document.querySelector("#kizu-tabs [role=tablist]");
    if (!bar) return void requestAnimationFrame(followTabs);
    if (wanted && wanted !== kizu.currentTab()) kizu.tab(wanted);
    let last = "";
    new MutationObserver(() => {
      const now = kizu.currentTab();
      if (!now || now === last) return;
      last = now;
      const address = new URL(location.href);
      address.searchParams.set("tab", now);
      history.replaceState(null, "", address);
      kizu.emit("tab", now);
    }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ["aria-selected"] });
  }

  kizu.toggleHelp = () => {
    if (document.getElementById("kizu-help")) return kizu.closeHelp();
    const rows = (list) => list.map(([key, text]) => `<dt>${key.split(" ").map((k) => `<kbd>${kizu.escape(k)}</kbd>`).join(" ")}</dt><dd>${kizu.escape(kizu.t(text))}</dd>`).join("");
    const sections = KEYS.map(([name, list]) => `<section><h2>${kizu.escape(kizu.t(name))}</h2><dl>${rows(list)}</dl></section>`).join("");
    const shade = document.createElement("div");
    shade.id = "kizu-help";
    shade.innerHTML = `<div role="dialog" aria-modal="true" aria-label="${kizu.escape(kizu.t("shell.help"))}" tabindex="-1"><header><h1>${kizu.escape(kizu.t("shell.help"))}</h1><button type="button" aria-label="${kizu.escape(kizu.t("shell.close"))}">×</button></header><div class="columns">${sections}</div></div>`;
    shade.onclick = (event) => { if (event.target === shade || event.target.closest("button")) kizu.closeHelp(); };
    document.body.append(shade);
    shade.firstChild.focus();
  };
  kizu.closeHelp = () => document.getElementById("kizu-help")?.remove();

  // The server's first tab is the map where there is one. The tab that the address names comes before it: gradio would
  // otherwise draw one and then the other.
  function beginWithTab() {
    const parts = window.gradio_config?.components ?? [];
    const tabs = parts.find((part) => part.props?.elem_id === "kizu-tabs")?.props;
    if (!tabs) return;
    const hasMap = tabs.selected === "map";
    const wanted = new URLSearchParams(location.search).get("tab");
    if (parts.some((part) => part.props?.elem_id === `tab-${wanted}`)) tabs.selected = wanted;
    if (hasMap) prepareMap(tabs.selected === "map");
  }

  // The map is the heaviest tab. Where it is shown first, its parts are fetched while gradio starts; otherwise plotly is fetched
  // meanwhile and the rest once the page rests.
  function prepareMap(shown) {
    const plotly = { rel: "preload", as: "script", href: "kizu/plotly.min.js", fetchPriority: shown ? "auto" : "low" };
    document.head.append(Object.assign(document.createElement("link"), plotly));
    const prepare = () => import("./modules/map_page.js").then((page) => page.prepare(), () => null);
    if (shown) return void prepare();
    addEventListener("load", () => setTimeout(() => (window.requestIdleCallback ?? setTimeout)(prepare), REST_MS));
  }

  if (!window.gradio_config?.auth_required) beginWithTab();

  document.addEventListener("DOMContentLoaded", () => {
    if (window.gradio_config?.auth_required) return;
    listen();
    followTabs();
  });
})();
