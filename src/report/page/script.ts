/**
 * What the page gains where JavaScript runs; nothing needs it. It reads only what the page holds, requests nothing but the
 * page itself, and writes text, never markup.
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

  // The page has the same path as what the commands call.
  const api = new URL('.', location.href).href;
  for (const code of all('[data-command]')) code.textContent = code.textContent.replace('$APP/api/', () => api);

  for (const source of navigator.clipboard ? all('[data-copy]') : []) {
    const named = source.dataset.copyName;
    const button = make('button', { type: 'button', class: 'copy', 'aria-label': 'Copy ' + named }, 'Copy');
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(source.href || source.dataset.copy || source.textContent);
        button.textContent = 'Copied';
        say('Copied ' + named);
        setTimeout(() => { button.textContent = 'Copy'; }, 2000);
      } catch {
        say('Copying is not allowed here');
      }
    });
    (source.closest('pre') ?? source).after(button);
  }

  for (const table of all('table:not(.sortable)')) {
    const rows = all('tbody tr', table);
    if (rows.length < 20) continue;
    const label = make('label', { class: 'narrow-down' }, 'Narrow down these rows ');
    const input = make('input', { type: 'search', autocomplete: 'off' });
    label.append(input);
    table.parentElement.before(label);
    input.addEventListener('input', () => {
      const wanted = input.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
      say(rows.filter((row) => !row.hidden).length + ' of ' + rows.length + ' rows');
    });
  }

  const live = document.body.dataset.live;
  if (live === undefined) return;
  const SECONDS = 5;
  let store = {};
  try { store = sessionStorage; } catch { /* Blocked: refreshing is not paused beyond this page, then. */ }
  const bar = make('p', { class: 'live' });
  const button = make('button', { type: 'button' });
  const words = make('span', {});
  bar.append(words, button);
  document.querySelector('h1').after(bar);
  const isPaused = () => store.paused === 'yes';
  const show = () => {
    button.textContent = isPaused() ? 'Refresh again' : 'Pause refreshing';
    words.textContent = isPaused() ? 'Refreshing is paused.' : 'Refreshes every ' + SECONDS + ' seconds.';
  };
  button.addEventListener('click', () => { store.paused = isPaused() ? '' : 'yes'; show(); say(words.textContent); });
  show();
  if (store.told !== live) { say(live); store.told = live; }
  const isBusy = () => document.activeElement?.matches('input, select, summary') || !getSelection().isCollapsed
    || all('input[type=search]').some((input) => input.value !== input.defaultValue) || document.querySelector('details[open]');
  setInterval(() => {
    if (!isPaused() && document.visibilityState === 'visible' && !isBusy()) location.reload();
  }, SECONDS * 1000);
})();
`;
