// The strip and its list. Everything comes from kizu.on('state'); commands go to the job routes; nothing is kept here that a reload would lose.
const strip = element.querySelector('.strip'), list = element.querySelector('.list');
const e = kizu.escape, t = kizu.t;
const ACTIVE = ['running', 'queued'];
let open = null;            // id of the job shown in detail
let leave = null;           // stops watching it
let before = new Map();     // states at the last message
const stopping = new Set(); // ids of jobs that were told to stop and have not ended
let held = null;            // what the workspace held at the last message

const share = (job) => (job.total > 0 ? Math.min(1, job.step / job.total) : 0);
const percent = (job) => (job.total > 0 ? `${Math.floor(100 * share(job))} %` : '');
const bar = (job) => `<span class="progress ${job.total ? '' : 'unknown'}" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="${Math.floor(100 * share(job))}"><i style="width:${(100 * share(job)).toFixed(1)}%"></i></span>`;
const brief = (value) => (Math.abs(value) >= 100 ? Math.round(value).toString() : Number(value).toPrecision(3));
const metric = (job) => {
  const parts = [];
  for (const [name, key] of [['loss', 'shell.loss'], ['images_per_second', 'shell.rate']])
    if (job.metrics?.[name] !== undefined) parts.push(`<span class="metric">${e(t(key))} <b>${brief(job.metrics[name])}</b></span>`);
  return parts.join('');
};
const eta = (job) => (job.eta != null ? `<span class="eta">${e(t('shell.eta', { time: kizu.duration(job.eta) }))}</span>` : '');
const title = (job) => e(texts('shell.operation_' + job.operation) ?? (job.title || job.operation));
const texts = (key) => { const found = t(key); return found === key ? null : found; };
const button = (job) => {
  if (ACTIVE.includes(job.state) && stopping.has(job.id)) return `<button type="button" disabled>${e(t('shell.stopping'))}</button>`;
  if (ACTIVE.includes(job.state)) return `<button type="button" data-do="stop" data-id="${job.id}">${e(t('shell.stop'))}</button>`;
  if (['interrupted', 'failed', 'cancelled'].includes(job.state)) return `<button type="button" data-do="resume" data-id="${job.id}">${e(t('shell.resume'))}</button>`;
  return '';
};
const dismiss = (job, wrong) => (wrong.includes(job.id) ? ` <button type="button" class="quiet" data-do="dismiss" data-id="${job.id}" title="${e(t('shell.dismiss'))}" aria-label="${e(t('shell.dismiss'))}">×</button>` : '');
const state = (job) => `<span class="state ${job.state}">${e(t('shell.state_' + job.state))}</span>`;

function drawStrip({ jobs, wrong = [] }) {
  const running = jobs.filter((job) => job.state === 'running'), now = running[0];
  const waiting = jobs.filter((job) => job.state === 'queued').length + Math.max(0, running.length - 1);
  // A failure made good by a later job, or dismissed, is history: the server leaves it out of `wrong`.
  const ofState = (name) => jobs.filter((job) => job.state === name && wrong.includes(job.id));
  const failed = ofState('failed').length, interrupted = ofState('interrupted');
  let line;
  if (now) line = `<span class="title">${title(now)}</span>${bar(now)}<span class="percent">${percent(now)}</span>${metric(now)}${eta(now)}${button(now)}`;
  else if (interrupted.length) line = `<span class="title">${title(interrupted[0])}</span>${state(interrupted[0])}<span class="percent">${percent(interrupted[0])}</span>${button(interrupted[0])}`;
  else line = `<span class="idle">${e(t(jobs.length ? 'shell.no_job' : 'shell.no_job_yet'))}</span>`;
  const tail = [
    waiting ? `<span>${e(t('shell.waiting', { n: waiting }))}</span>` : '',
    interrupted.length ? `<span class="warn">${e(t('shell.interrupted', { n: interrupted.length }))}</span>` : '',
    failed ? `<span class="bad">${e(t('shell.failed', { n: failed }))}</span>` : '',
    `<button type="button" class="open" aria-expanded="${!list.hidden}" ${jobs.length ? '' : 'disabled'}>${e(t('shell.jobs'))} <span class="chevron">${list.hidden ? '▴' : '▾'}</span></button>`,
  ].join('');
  const html = `<span class="now">${line}</span><span class="tail">${tail}</span>`;
  if (strip.innerHTML !== html) strip.innerHTML = html;
}

const clock = (iso) => (iso ? new Date(iso).toLocaleTimeString(kizu.lang, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }) : '');
const day = (iso) => (iso ? new Date(iso).toLocaleDateString(kizu.lang, { month: 'short', day: 'numeric' }) : '');

function drawList({ jobs, wrong = [] }) {
  if (list.hidden) return;
  let rows = list.querySelector('.rows');
  if (!rows) {
    list.innerHTML = `<div class="rows" role="list"></div><div class="detail"></div>`;
    rows = list.querySelector('.rows');
  }
  const html = jobs.map((job) => `<div role="listitem" tabindex="0" class="row ${job.id === open ? 'open' : ''}" data-open="${job.id}">${state(job)}<span class="title">${title(job)}</span>
      <span class="mid">${job.state === 'running' ? bar(job) + `<span class="percent">${percent(job)}</span>` + eta(job) : job.error ? `<span class="error">${e(job.error)}</span>` : ''}</span>
      <span class="time" title="${e(day(job.created))}">${e(clock(job.finished || job.created))}</span><span class="act">${button(job)}${dismiss(job, wrong)}</span></div>`).join('');
  if (rows.innerHTML !== html) rows.innerHTML = html;
}

function show(id) {
  open = id;
  leave?.();
  leave = null;
  const detail = list.querySelector('.detail');
  if (!detail || id === null) return;
  detail.innerHTML = `<div class="chart"></div><div class="previews"></div><pre tabindex="0"></pre>`;
  const chart = detail.querySelector('.chart'), previews = detail.querySelector('.previews'), log = detail.querySelector('pre');
  let shown = '';
  leave = kizu.watchJob(id, (job) => {
    const series = kizu.lossSeries(job.rows);
    chart.hidden = !series.some((one) => one.points.length > 1);
    if (!chart.hidden) kizu.curve(chart, series);
    const names = (job.previews ?? []).slice(-6);
    previews.hidden = !names.length;
    if (shown !== names.join()) {
      shown = names.join();
      previews.innerHTML = names.map((name) => `<figure><img alt="" src="kizu/job/${id}/preview/${encodeURIComponent(name)}"><figcaption>${e(name.replace(/\.\w+$/, '').replaceAll('_', ' '))}</figcaption></figure>`).join('');
    }
    const text = [job.error, job.log].filter(Boolean).join('\n');
    const end = log.scrollTop + log.clientHeight > log.scrollHeight - 20;
    log.textContent = text || t('shell.no_log');
    if (end) log.scrollTop = log.scrollHeight;
  });
}

function toggle(force) {
  list.hidden = force === undefined ? !list.hidden : !force;
  if (!kizu.state) return;
  drawStrip(kizu.state);
  drawList(kizu.state);
  if (list.hidden) { leave?.(); leave = null; return; }
  const jobs = kizu.state.jobs;
  show((jobs.find((job) => job.id === open) ?? jobs.find((job) => job.state === 'running') ?? jobs[0])?.id ?? null);
  drawList(kizu.state);
}

async function act(what, id, control) {
  control.disabled = true;
  try {
    await kizu.post(`kizu/job/${id}/${what}`);
    if (what === 'stop') stopping.add(id);
    drawStrip(kizu.state);
    drawList(kizu.state);
  } catch (error) { kizu.say(error.message, true); }
  control.disabled = false;
}

element.addEventListener('click', (event) => {
  const control = event.target.closest('[data-do]'), row = event.target.closest('[data-open]');
  if (control) act(control.dataset.do, Number(control.dataset.id), control);
  else if (row) { show(Number(row.dataset.open)); drawList(kizu.state); }
  else if (event.target.closest('.strip')) { if (kizu.state?.jobs.length) toggle(); }
});
element.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && event.target.dataset.open) { show(Number(event.target.dataset.open)); drawList(kizu.state); }
});
document.addEventListener('keydown', (event) => { if (event.key === 'Escape' && !list.hidden && !document.getElementById('kizu-help')) toggle(false); });
document.addEventListener('pointerdown', (event) => { if (!list.hidden && !element.contains(event.target)) toggle(false); });

// Opens the list at a job; other tabs' "show the job" links use it.
kizu.showJob = (id) => { open = id; toggle(true); };

kizu.on('state', (now) => {
  for (const job of now.jobs) if (!ACTIVE.includes(job.state)) stopping.delete(job.id);
  drawStrip(now);
  drawList(now);
  const ended = now.jobs.filter((job) => ACTIVE.includes(before.get(job.id)) && !ACTIVE.includes(job.state));
  for (const job of ended) {
    const words = t('shell.said_' + job.state, { title: texts('shell.operation_' + job.operation) ?? job.title });
    kizu.say(job.error ? `${words} ${job.error}` : words, job.state === 'failed');
    kizu.emit('job_end', job);
  }
  before = new Map(now.jobs.map((job) => [job.id, job.state]));
  // Also what came from elsewhere (the command line, another window) is shown without a reload.
  const holds = [now.projection, now.ddpm, now.counts.images].join();
  const changed = held !== null && held !== holds;
  held = holds;
  const name = ENDED[kizu.currentTab()];
  if ((ended.length || changed) && name) trigger(name);
});
