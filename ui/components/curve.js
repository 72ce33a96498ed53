// A line chart in plain SVG: loss over steps, live. kizu.curve(box, series, {log, unit}) draws series [{name, slot, points: [[x, y]...]}] into
// `box` at its present size; kizu.watchJob(id, fn) hands fn the job's details with all metric rows so far, again whenever there is news.
(() => {
  const NS = 'http://www.w3.org/2000/svg';
  const M = { left: 46, right: 10, top: 8, bottom: 22 };

  const node = (name, attributes, text) => {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // Round steps of 1, 2 or 5 times a power of ten.
  function ticks(low, high, wanted) {
    const raw = (high - low) / wanted || 1, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
    const found = [];
    for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) found.push(value);
    return found;
  }
  const logTicks = (low, high) => {
    const found = [];
    for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++)
      for (const m of [1, 2, 5]) if (m * 10 ** p >= low * 0.999 && m * 10 ** p <= high * 1.001) found.push(m * 10 ** p);
    return found;
  };
  const brief = (value) => {
    const size = Math.abs(value);
    if (size >= 1e6) return +(value / 1e6).toFixed(1) + 'M';
    if (size >= 1e4) return +(value / 1e3).toFixed(1) + 'k';
    return size && size < 0.001 ? value.toExponential(0) : String(+value.toPrecision(3));
  };

  // Running mean over about a fiftieth of the points, so that the trend shows through the noise.
  function smooth(points) {
    const keep = 1 - 1 / Math.max(1, points.length / 50);
    let mean = points[0]?.[1];
    return points.map(([x, y]) => [x, (mean = keep * mean + (1 - keep) * y)]);
  }

  // At most `limit` points, each the mean of its neighbours.
  function thin(points, limit = 800) {
    if (points.length <= limit) return points;
    const size = points.length / limit, kept = [];
    for (let i = 0; i < limit; i++) {
      const part = points.slice(Math.floor(i * size), Math.floor((i + 1) * size));
      kept.push([part.at(-1)[0], part.reduce((sum, [, y]) => sum + y, 0) / part.length]);
    }
    return kept;
  }

  kizu.curve = (box, series, { log = true, unit = '' } = {}) => {
    const width = box.clientWidth, height = box.clientHeight;
    const drawn = series.map((one) => ({ ...one, points: thin(one.points.filter(([, y]) => isFinite(y) && (!log || y > 0))) })).filter((one) => one.points.length);
    if (!width || !height) return;
    const svg = node('svg', { width, height, role: 'img', class: 'kizu-curve' });
    box.replaceChildren(svg);
    if (!drawn.length) return;
    const all = drawn.flatMap((one) => one.points);
    const x0 = Math.min(...all.map(([x]) => x)), x1 = Math.max(...all.map(([x]) => x), x0 + 1);
    // The first steps are far above the rest; the scale follows the middle 99 %.
    const sorted = all.map(([, y]) => y).sort((a, b) => a - b), at = (q) => sorted[Math.floor(q * (sorted.length - 1))];
    let low = at(0.002), high = at(sorted.length > 40 ? 0.985 : 1);
    if (log) { low /= 1.1; high *= 1.1; } else { const pad = (high - low || 1) * 0.06; low -= pad; high += pad; }
    const scale = log ? Math.log : (v) => v;
    const sx = (x) => M.left + ((x - x0) / (x1 - x0)) * (width - M.left - M.right);
    const sy = (y) => height - M.bottom - ((scale(Math.min(Math.max(y, low), high)) - scale(low)) / (scale(high) - scale(low) || 1)) * (height - M.top - M.bottom);
    let ys = log ? logTicks(low, high) : ticks(low, high, 4);
    if (ys.length < 2) ys = ticks(low, high, 3);
    for (const y of ys) {
      svg.append(node('line', { x1: M.left, x2: width - M.right, y1: sy(y), y2: sy(y), class: 'grid' }), node('text', { x: M.left - 6, y: sy(y) + 3.5, 'text-anchor': 'end' }, brief(y)));
    }
    for (const x of ticks(x0, x1, Math.max(2, Math.floor(width / 110)))) svg.append(node('text', { x: Math.min(sx(x), width - M.right - 4), y: height - 6, 'text-anchor': sx(x) > width - M.right - 14 ? 'end' : 'middle' }, brief(x)));
    svg.append(node('text', { x: M.left - 6, y: height - 6, 'text-anchor': 'end' }, unit));
    for (const one of drawn) {
      const path = (points) => points.map(([x, y], i) => `${i ? 'L' : 'M'}${sx(x).toFixed(1)} ${sy(y).toFixed(1)}`).join('');
      const colour = one.slot === undefined ? 'var(--kizu-accent)' : `var(--kizu-class-${one.slot})`;
      if (one.points.length > 20) svg.append(node('path', { d: path(one.points), class: 'raw', stroke: colour }));
      svg.append(node('path', { d: path(one.points.length > 20 ? smooth(one.points) : one.points), class: 'line', stroke: colour }));
    }
    drawn.forEach((one, i) => {
      const colour = one.slot === undefined ? 'var(--kizu-accent)' : `var(--kizu-class-${one.slot})`;
      svg.append(node('text', { x: width - M.right, y: M.top + 10 + 14 * i, 'text-anchor': 'end', style: `fill: ${colour}` }, `${one.name} ${brief(smooth(one.points).at(-1)[1])}`));
    });
  };

  // Metric rows as the series that are worth a line: everything called loss. What is measured now and then (the held-out loss) is
  // repeated in the rows between; its line goes from one measurement to the next.
  kizu.lossSeries = (rows) => {
    const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => /loss/.test(name));
    return names.map((name, i) => ({ name: kizu.t(`train.metric_${name}`), slot: i || undefined, points: rows.filter((row) => name in row).map((row) => [row.step, row[name]]).filter(([, y], at, all) => !at || y !== all[at - 1][1]) }));
  };

  // A resumed run begins at its last checkpoint and goes again over steps that were noted before: those are left out.
  function join(rows, more) {
    for (const row of more) {
      while (rows.length && rows.at(-1).step >= row.step) rows.pop();
      rows.push(row);
    }
  }

  kizu.watchJob = (id, fn) => {
    const rows = [];
    let received = 0, busy = false, stopped = false, again = false, epoch = '';
    async function look() {
      if (stopped) return;
      if (busy) { again = true; return; }
      busy = true;
      try {
        const details = await kizu.get(`kizu/job/${id}?since=${received}`);
        received += details.rows.length;
        join(rows, details.rows);
        if (!stopped) fn({ ...details, rows });
      } catch (error) { if (!stopped) fn({ id, error: error.message, rows, previews: [], log: '' }); }
      busy = false;
      if (again) { again = false; look(); }
    }
    const leave = kizu.on('state', (state) => {
      const job = state.jobs.find((one) => one.id === id);
      const now = job ? `${job.state} ${job.step}` : '';
      if (now !== epoch) { epoch = now; look(); }
    });
    if (!epoch) look();
    return () => { stopped = true; leave(); };
  };
})();
