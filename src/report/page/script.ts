/**
 * What makes the page better where JavaScript runs; nothing needs it. It only reads what the page holds, asks for
 * nothing, and writes text, never markup.
 */
export const SCRIPT = String.raw`'use strict';
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const status = document.querySelector('#status');
  const say = (text) => { status.textContent = ''; setTimeout(() => { status.textContent = text; }, 50); };
  const make = (tag, attributes, text = '') => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  };

  for (const time of all('time[datetime]')) {
    const date = new Date(time.dateTime);
    if (!Number.isNaN(date.getTime())) time.title = date.toLocaleString([], { dateStyle: 'full', timeStyle: 'long' });
  }

  // The page lies beside what the commands call.
  const api = new URL('.', location.href).href;
  for (const code of all('[data-command]')) code.textContent = code.textContent.replace('$APP/api/', () => api);

  for (const source of navigator.clipboard ? all('[data-copy]') : []) {
    const named = source.dataset.copyName;
    const button = make('button', { type: 'button', class: 'copy', 'aria-label': 'Copy ' + named }, 'Copy');
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(source.dataset.copy || source.textContent);
        button.textContent = 'Copied';
        say('Copied ' + named);
        setTimeout(() => { button.textContent = 'Copy'; }, 2000);
      } catch {
        say('Copying is not allowed here');
      }
    });
    (source.closest('pre') ?? source).after(button);
  }

  for (const table of all('table[data-filter]')) {
    const rows = all('tbody tr', table);
    if (rows.length < 9) continue;
    const label = make('label', { class: 'narrow-down' }, 'Narrow down these rows ');
    const input = make('input', { type: 'search', autocomplete: 'off' });
    label.append(input);
    table.parentElement.before(label);
    const narrow = () => {
      const wanted = input.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
      return rows.filter((row) => !row.hidden).length;
    };
    input.addEventListener('input', () => say(narrow() + ' of ' + rows.length + ' rows'));
  }

  const live = document.body.dataset.live;
  if (live === undefined) return;
  const SECONDS = 5;
  const store = { get: (key) => { try { return sessionStorage.getItem(key); } catch { return null; } },
    set: (key, value) => { try { sessionStorage.setItem(key, value); } catch { /* It is told again, then. */ } } };
  const bar = make('p', { class: 'live' });
  const button = make('button', { type: 'button' });
  const words = make('span', {});
  bar.append(words, button);
  document.querySelector('h1').after(bar);
  const show = () => {
    const paused = store.get('paused') === 'yes';
    button.textContent = paused ? 'Refresh again' : 'Pause refreshing';
    words.textContent = paused ? 'Refreshing is paused.' : 'Refreshes every ' + SECONDS + ' seconds.';
  };
  button.addEventListener('click', () => { store.set('paused', store.get('paused') === 'yes' ? '' : 'yes'); show(); say(words.textContent); });
  show();
  if (store.get('told') !== live) { say(live); store.set('told', live); }
  const busy = () => document.activeElement?.matches('input, select, summary') || !getSelection().isCollapsed
    || all('input[type=search]').some((input) => input.value !== input.defaultValue) || document.querySelector('details[open]');
  setInterval(() => {
    if (store.get('paused') !== 'yes' && document.visibilityState === 'visible' && !busy()) location.reload();
  }, SECONDS * 1000);
})();
`;
