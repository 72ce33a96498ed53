// Small helpers that every component shares: elements, texts, requests, keys. They know nothing of maps or reviews.

/** Element with properties and children: h("button", {class: "go", onclick: f}, "Go"). A null child is left out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    // False is left out, but for what an element may be by itself: an image is draggable unless told otherwise.
    if (value === null || value === undefined || (value === false && typeof element[name] !== "boolean")) continue;
    if (name === "class") element.className = value;
    else if (name === "style") element.style.cssText = value;
    else if (name.startsWith("on")) element[name] = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined));
  return element;
}

/** Replaces all children of `parent`. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat(2).filter((child) => child !== null && child !== undefined));
}

/** The options of a select, [[value, words]]; the chosen one stays chosen. */
export function choices(select, pairs) {
  const chosen = select.value;
  fill(select, pairs.map(([value, words]) => h("option", { value: String(value) }, words)));
  if (pairs.some(([value]) => String(value) === chosen)) select.value = chosen;
}

/** Text of the table in ui/texts, in the visitor's language. */
export const t = (key, values) => window.kizu.t(key, values);

/** What an operation tells, in the visitor's language: a notice, or a sentence as it is, which reports of earlier versions have. */
export function told(notice, values = {}) {
  if (!notice || typeof notice === "string") return notice ?? "";
  return window.kizu.has(`notices.${notice.key}`) ? t(`notices.${notice.key}`, { ...notice.values, ...values }) : notice.text;
}

/** A number with a fixed count of decimals, or a dash. */
export const fixed = (value, digits = 2) => (Number.isFinite(value) ? value.toFixed(digits) : "–");

export const isShown = (element) => element.isConnected && element.offsetParent !== null;

/** True while the keyboard belongs to a field, a menu or a dialog, so that no shortcut may fire. */
export function isTyping(event) {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  if (target.closest("[role=dialog], [role=listbox]")) return true;
  if (target instanceof HTMLInputElement) return !["button", "checkbox", "radio", "range"].includes(target.type);
  return target.closest("textarea, select, [contenteditable=true]") !== null;
}

/** A request that failed, in words for the visitor. `retry` says whether sending it again may help. */
export class RequestError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
    this.retry = status === 0 || status === 429 || status >= 500;
  }
}

async function answer(promise) {
  let response;
  try {
    response = await promise;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestError(t("map.offline"), 0);
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  throw new RequestError(body?.error ?? `${response.status} ${response.statusText}`, response.status);
}

/** Parsed JSON of a GET. */
export const getJson = async (url, signal) => (await answer(fetch(url, { signal }))).json();

/** Bytes of a GET. */
export const getBytes = async (url) => (await answer(fetch(url))).arrayBuffer();

/** Parsed JSON of a POST of JSON. The header keeps other sites from sending it: a form cannot set one. */
export async function postJson(url, body, { keepalive = false } = {}) {
  const headers = { "content-type": "application/json", "x-kizu": "1" };
  return (await answer(fetch(url, { method: "POST", headers, body: JSON.stringify(body), keepalive }))).json();
}

/** Parsed JSON of a POST of bytes, or with `bytes` what came back as it is. */
export async function postBytes(url, body, { keepalive = false, bytes = false } = {}) {
  const headers = { "content-type": "application/octet-stream", "x-kizu": "1" };
  const found = await answer(fetch(url, { method: "POST", headers, body, keepalive }));
  return bytes ? found.arrayBuffer() : found.json();
}
