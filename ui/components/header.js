// Fills the header from the event stream. Numbers keep their width, so nothing jumps while they change.
const bar = element.querySelector('.bar');
const e = kizu.escape;

const link = (tab, html, title) => `<a href="?tab=${tab}" data-tab="${tab}" title="${e(kizu.t(title))}">${html}</a>`;
const count = (n, key, extra = '') => `<b>${kizu.number(n)}</b> ${e(kizu.t(n === 1 ? key + '_one' : key))}${extra}`;

function draw(state) {
  const c = state.counts;
  const waiting = c.to_review ? ` <span class="due">(${kizu.number(c.to_review)} ${e(kizu.t('shell.to_review'))})</span>` : '';
  bar.innerHTML = `
    <span class="brand" lang="ja" title="傷">傷</span><span class="name">Kizu</span>
    <span class="workspace" title="${e(state.workspace)}">${e(state.workspace)}${state.demo ? ` <i>${e(kizu.t('shell.demo'))}</i>` : ''}</span>
    <nav aria-label="${e(kizu.t('shell.counts'))}">
      ${link('data', count(c.images, 'shell.images'), 'shell.to_data')}
      ${link('data', count(c.classes, 'shell.classes'), 'shell.to_data')}
      ${link('review', count(c.samples, 'shell.samples', waiting), 'shell.to_review_tab')}
    </nav>
    <span class="end">
      <span class="offline">${e(kizu.t('shell.offline'))}</span>
      <span class="lang" role="group" aria-label="${e(kizu.t('shell.language'))}">
        <button type="button" data-lang="en" aria-pressed="${kizu.lang === 'en'}">EN</button><button type="button" data-lang="ja" lang="ja" aria-pressed="${kizu.lang === 'ja'}">JA</button>
      </span>
      <button type="button" class="help" title="${e(kizu.t('shell.help'))} (?)" aria-label="${e(kizu.t('shell.help'))}">?</button>
    </span>`;
}

bar.addEventListener('click', (event) => {
  const tab = event.target.closest('[data-tab]'), language = event.target.closest('[data-lang]');
  if (tab) { event.preventDefault(); kizu.tab(tab.dataset.tab); }
  else if (language) kizu.language(language.dataset.lang);
  else if (event.target.closest('.help')) kizu.toggleHelp();
});
draw(kizu.state ?? { workspace: '', demo: false, counts: { images: 0, classes: 0, samples: 0, to_review: 0 } });
// The stream sends a state as soon as the server is back.
kizu.on('state', (state) => { bar.classList.remove('cut'); draw(state); });
kizu.on('offline', () => bar.classList.add('cut'));
