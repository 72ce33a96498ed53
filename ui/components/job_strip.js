const strip = element.querySelector('.strip');
kizu.on('state', (state) => { strip.textContent = state.jobs.length; });
