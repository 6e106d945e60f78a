/** The one style sheet. The contrast of each pair of text and background is at least 4.5, in light and in dark. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --back: light-dark(#f6f7f8, #12161a); --card: light-dark(#ffffff, #1a2026); --text: light-dark(#1c2329, #e4e8eb);
  --quiet: light-dark(#56616b, #a3afb9); --line: light-dark(#dce1e5, #303942); --field: light-dark(#7d8892, #75828d);
  --link: light-dark(#0b5cab, #7cb8f2); --focus: light-dark(#0b5cab, #9ccbf8); --head: light-dark(#eef1f3, #20272e);
  --good: light-dark(#176639, #86d9a5); --good-back: light-dark(#e2f3e8, #163424);
  --wait: light-dark(#7a4a00, #f3c46b); --wait-back: light-dark(#fdf0d5, #3a2c10);
  --bad: light-dark(#a61b1b, #f9a3a3); --bad-back: light-dark(#fce8e8, #431c1e);
  --busy: light-dark(#0b5394, #93c9f8); --busy-back: light-dark(#e1effb, #14304a);
  --calm: light-dark(#47525c, #bcc6ce); --calm-back: light-dark(#e9edf0, #2a333b);
  --delete: light-dark(#9a3412, #f5ad84); --delete-back: light-dark(#fcebe2, #40251a);
  --bar: light-dark(#2f6f9f, #5b9dcc); --bar-delete: light-dark(#c2410c, #e8793f);
  --bar-keep: light-dark(#7c8b98, #6b7a87);
  --s0: light-dark(#2f6f9f, #5b9dcc); --s1: light-dark(#c2410c, #e8793f); --s2: light-dark(#0f766e, #3fb8a9);
  --s3: light-dark(#7447b8, #a98bf0); --s4: light-dark(#8a6508, #d9a53a); --s5: light-dark(#66747f, #8a98a5);
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--back); color: var(--text);
  font: 0.9375rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Noto Sans', sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
a { color: var(--link); text-underline-offset: 0.15em; text-decoration-thickness: 1px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible, input[type='date']:focus-within { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 2px; }
main:focus { outline: none; }
.skip { position: absolute; left: -100vw; top: 0; background: var(--card); padding: 0.5rem 1rem; z-index: 1; }
.skip:focus { left: 0; }
.hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[hidden] { display: none !important; }
.top, main, footer { padding-inline: max(1rem, calc((100vw - 84rem) / 2)); }
.top {
  display: flex; flex-wrap: wrap; gap: 0 2rem; align-items: stretch;
  background: var(--card); border-bottom: 1px solid var(--line);
}
.product { margin: 0; padding: 0.75rem 0; font-weight: 650; letter-spacing: 0.01em; }
.top nav { display: flex; gap: 1.25rem; }
.shared { margin: 0 0 0 auto; padding: 0.75rem 0; font-size: 0.8125rem; }
.shared button.copy { margin-left: 0.5rem; }
.top nav a { padding: 0.75rem 0; color: var(--quiet); text-decoration: none; border-bottom: 2px solid transparent; }
.top nav a:hover { color: var(--text); }
.top nav a[aria-current] { color: var(--text); border-bottom-color: var(--bar); }
main { padding-block: 1.25rem 3rem; }
footer { padding-block: 1rem 2rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: 0.8125rem; }
footer p { margin: 0; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 0.5rem; font-weight: 650; }
h2 { font-size: 1.0625rem; line-height: 1.3; margin: 2rem 0 0.625rem; font-weight: 650; }
h3 { font-size: 0.9375rem; margin: 0 0 0.25rem; font-weight: 650; }
p { margin: 0 0 0.625rem; }
code, pre { font: 0.8125rem/1.5 ui-monospace, SFMono-Regular, 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
.quiet { color: var(--quiet); }
.small { font-size: 0.8125rem; }
.crumbs { margin: 0 0 0.5rem; font-size: 0.8125rem; color: var(--quiet); }
.lede { display: flex; flex-wrap: wrap; gap: 0.25rem 0.75rem; align-items: center; color: var(--quiet); margin-bottom: 1rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 1rem; margin: 0 0 1rem; }
.card > :last-child { margin-bottom: 0; }
.card.wait { border-left: 4px solid var(--wait); }
.card.bad { border-left: 4px solid var(--bad); }
.card.good { border-left: 4px solid var(--good); }
.card.busy { border-left: 4px solid var(--busy); }
.verdict h2 { margin: 0.25rem 0 0.75rem; font-size: 1.25rem; }
.amounts { display: flex; flex-wrap: wrap; gap: 0.5rem clamp(0.75rem, 4vw, 3rem); margin: 0 0 0.75rem; }
.amounts dt { color: var(--quiet); font-size: 0.8125rem; }
.amounts dd { margin: 0; font-weight: 600; line-height: 1.35; white-space: nowrap; }
.amounts .delete dd { color: var(--delete); }
.pair span { display: block; white-space: nowrap; }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 0 1rem; }
.beside ol, ul.going, ul.decisions { margin: 0; padding-left: 1.25rem; }
ul.going, ul.decisions { list-style: none; padding-left: 0; }
ul.going { padding: 0.75rem 1rem; }
details.more { margin: 0 0 0.625rem; }
.going .tag { display: inline-block; max-width: 100%; }
ul.decisions { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(30rem, 100%), 1fr)); gap: 0 2rem; }
ul.decisions li { padding: 0.5rem 0; border-top: 1px solid var(--line); }
ul.decisions .head { margin: 0; }
tr.below > td { background: var(--back); white-space: normal; text-align: left; }
input.pick { width: 1.125rem; min-height: 1.125rem; margin: 0 0.5rem 0 0; vertical-align: text-bottom; accent-color: var(--bar); }
th .badge { margin-left: 0.5rem; }
th[aria-sort] a { color: var(--text); font-weight: 650; }
th[aria-sort='descending'] a::after { content: ' ↓'; }
th[aria-sort='ascending'] a::after { content: ' ↑'; }
.card h2:first-child { margin-top: 0; }
.card ul { margin: 0 0 0.625rem; padding-left: 1.125rem; }
.card li + li { margin-top: 0.375rem; }
.badge {
  display: inline-block; padding: 0 0.5rem; border-radius: 4px; font-size: 0.8125rem; line-height: 1.375rem;
  font-weight: 550; white-space: nowrap; color: var(--calm); background: var(--calm-back);
}
.badge.good { color: var(--good); background: var(--good-back); }
.badge.wait { color: var(--wait); background: var(--wait-back); }
.badge.bad { color: var(--bad); background: var(--bad-back); }
.badge.busy { color: var(--busy); background: var(--busy-back); }
.badge.delete { color: var(--delete); background: var(--delete-back); }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); gap: 0.75rem 1.5rem; margin: 0; }
.facts dt { color: var(--quiet); font-size: 0.8125rem; }
.facts dd { margin: 0; }
.figures .facts { grid-template-columns: repeat(auto-fit, minmax(min(8rem, 100%), 1fr)); column-gap: 1rem; }
.figures dd { font-size: 1.25rem; font-weight: 600; line-height: 1.3; }
.copyable { display: flex; gap: 0.5rem; align-items: flex-start; margin-bottom: 0.5rem; }
.command {
  flex: 1; min-width: 0; margin: 0; padding: 0.375rem 0.75rem; white-space: pre-wrap; background: var(--back);
  border: 1px solid var(--line); border-radius: 4px;
}
button, .button, input, select, textarea {
  font: inherit; color: var(--text); background: var(--card); border: 1px solid var(--field); border-radius: 4px;
}
button, .button {
  display: inline-block; cursor: pointer; padding: 0.25rem 0.75rem; text-decoration: none;
}
button:hover, .button:hover { background: var(--head); }
button.copy { padding: 0 0.5rem; font-size: 0.75rem; line-height: 1.375rem; border-color: var(--line); color: var(--quiet); }
.command + button.copy { line-height: 1.875rem; }
.digest + button.copy { margin-left: 0.5rem; }
.digest { white-space: nowrap; }
input, select, textarea { width: 100%; min-height: 2.125rem; padding: 0.25rem 0.5rem; }
textarea { resize: vertical; }
form.decide { display: grid; gap: 0.625rem; max-width: 44rem; }
form.decide > label { display: block; }
form.decide p { margin: 0; }
form.decide fieldset { border: 0; margin: 0; padding: 0; }
form.decide legend { padding: 0; font-weight: 650; }
.choice { display: block; }
.choice input { width: 1.125rem; min-height: 1.125rem; margin: 0 0.375rem 0 0; vertical-align: text-bottom; accent-color: var(--bar); }
button.main { background: var(--text); color: var(--card); border-color: var(--text); font-weight: 600; }
button.main:hover { background: var(--link); border-color: var(--link); }
blockquote { margin: 0 0 0.625rem; padding-left: 0.75rem; border-left: 3px solid var(--line); white-space: pre-wrap; }
form.search { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(11rem, 100%), 1fr)); gap: 0.75rem; align-items: end; }
form.search label, .narrow-down { display: block; font-size: 0.8125rem; color: var(--quiet); }
form.search input, form.search select, .narrow-down input { font-size: 0.9375rem; color: var(--text); }
form.search .wide { grid-column: 1 / -1; }
form.search .wide :is(select, [type='password']) { display: block; max-width: 32rem; }
@media (min-width: 48rem) { form.search .broad { grid-column: span 2; } }
form.search .go { display: flex; gap: 0.75rem; align-items: center; min-height: 2.125rem; }
form.search button { min-height: 2.125rem; white-space: nowrap; flex: none; }
.narrow-down { max-width: 20rem; margin-bottom: 0.5rem; }
.live { display: flex; flex-wrap: wrap; gap: 0.5rem 0.75rem; align-items: center; color: var(--quiet); font-size: 0.8125rem; }
progress { width: min(20rem, 100%); height: 0.75rem; accent-color: var(--bar); vertical-align: middle; }
.region { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 6px; margin-bottom: 0.75rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding: 0.625rem 0.75rem; color: var(--quiet); font-size: 0.8125rem; }
th, td { text-align: left; vertical-align: top; padding: 0.5rem 0.75rem; border-top: 1px solid var(--line); font-weight: normal; }
thead th { background: var(--head); color: var(--quiet); font-size: 0.8125rem; white-space: nowrap; vertical-align: bottom; }
tbody tr:hover { background: color-mix(in srgb, var(--head) 55%, transparent); }
th.number, td.number { text-align: right; white-space: nowrap; }
td button { white-space: nowrap; }
td .quiet { font-size: 0.8125rem; }
td time, th time, .nowrap { white-space: nowrap; }
.name { font-weight: 550; }
.registry { display: inline-block; min-width: 10em; }
.under { padding-left: 1.25rem; }
.host { display: block; min-width: 13rem; }
.detail { margin: 0; color: var(--quiet); font-size: 0.8125rem; }
.error { margin: 0.25rem 0 0; color: var(--bad); font-size: 0.8125rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; padding: 0.75rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 6px; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; margin-bottom: 0.625rem; }
.plot { display: grid; grid-template-columns: auto 1fr; column-gap: 0.5rem; }
.scale { display: flex; flex-direction: column; justify-content: space-between; text-align: right; }
.scale, .axis { font-size: 0.75rem; color: var(--quiet); line-height: 1; }
.plot svg { display: block; width: 100%; height: 8rem; overflow: visible; }
.plot line { stroke: var(--line); stroke-width: 1px; }
.plot .base { stroke: var(--field); }
.plot path, .stroke line { fill: none; stroke-width: 2px; }
:is(path, .stroke line).l0 { stroke: var(--bad); } :is(path, .stroke line).l1 { stroke: var(--s4); stroke-dasharray: 7 3; }
:is(path, .stroke line).l2 { stroke: var(--s0); } :is(path, .stroke line).l3 { stroke: var(--s2); stroke-dasharray: 7 3; }
:is(path, .stroke line).l4 { stroke: var(--s5); stroke-dasharray: 2 3; }
.plot circle { stroke: var(--card); stroke-width: 1px; }
.m0 { fill: var(--bad); } .m1 { fill: var(--s4); } .m2 { fill: var(--s0); } .m3 { fill: var(--s2); } .m4 { fill: var(--s5); }
.stroke { width: 1.5rem; height: 0.625rem; margin-right: 0.375rem; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.125rem 1rem; margin: -0.25rem 0 0.625rem; padding: 0; font-size: 0.8125rem; }
.swatch { width: 0.625rem; height: 0.625rem; margin-right: 0.375rem; }
.s0 { fill: var(--s0); } .s1 { fill: var(--s1); } .s2 { fill: var(--s2); } .s3 { fill: var(--s3); } .s4 { fill: var(--s4); } .s5 { fill: var(--s5); }
.plot .axis { grid-column: 2; height: 1.5rem; padding-top: 0.25rem; }
.axis text { fill: var(--quiet); }
details { margin: 0.75rem 0; }
details.ids { margin: 0; }
summary { cursor: pointer; color: var(--quiet); font-size: 0.8125rem; padding-block: 0.25rem; width: fit-content; }
details .region { margin-top: 0.5rem; }
.share { display: block; width: 100%; min-width: 5rem; height: 0.75rem; margin-top: 0.3125rem; }
.share rect { fill: var(--bar-keep); }
.share.delete rect { fill: var(--bar-delete); }
.pager { display: flex; gap: 1.5rem; margin: 0.75rem 0; }
.timeline { list-style: none; margin: 0; padding: 0 0 0 1.25rem; border-left: 2px solid var(--line); }
.timeline > li { position: relative; padding-bottom: 1.25rem; }
.timeline > li::before {
  content: ''; position: absolute; left: calc(-1.25rem - 7px); top: 0.375rem; width: 8px; height: 8px; box-sizing: content-box;
  border-radius: 50%; background: var(--bar-keep); border: 2px solid var(--back);
}
.timeline > li.delete::before { background: var(--bar-delete); }
.timeline .lede { margin-bottom: 0.125rem; }
@media (max-width: 47.99rem) {
  table.cards, .cards tbody, .cards tr, .cards caption { display: block; width: 100%; }
  .cards thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .cards th[scope='row'], .cards td { display: block; border-top: 0; padding: 0.125rem 0.75rem; }
  .cards tbody tr { border-top: 1px solid var(--line); padding: 0.625rem 0; }
  .cards th[scope='row'] { padding-bottom: 0.25rem; }
  .cards td { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr); gap: 0.5rem; text-align: left; white-space: normal; }
  .cards td::before { content: attr(data-head); color: var(--quiet); font-size: 0.8125rem; }
  .cards.sortable thead { position: static; width: auto; height: auto; clip-path: none; display: block; }
  .cards.sortable thead tr { display: flex; flex-wrap: wrap; padding: 0.25rem 0.5rem; background: var(--head); }
  .cards.sortable thead th { padding: 0.25rem 0.5rem; border: 0; }
  .pair span { display: inline; }
  .pair span + span::before { content: ', '; }
  .cards tr.below > td { display: block; padding-block: 0.5rem; }
  .cards tr.below > td::before { content: none; }
  .narrow th, .narrow td { padding-inline: 0.5rem; }
  .narrow-down { max-width: none; }
  .share { margin-top: 0.375rem; }
}
@media (max-width: 30rem) {
  .verdict h2 { font-size: 1.125rem; margin-bottom: 0.5rem; }
  .amounts { display: grid; grid-template-columns: repeat(3, auto); justify-content: space-between; gap: 0.5rem; font-size: 0.875rem; }
  .optional { display: none; }
  form.search { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  form.search .go, form.search .broad { grid-column: 1 / -1; }
}
@media (forced-colors: active) { .plot rect, .share rect, .plot circle { fill: CanvasText; } .plot path, .stroke line { stroke: CanvasText; } .badge { border: 1px solid; } }
@media print { .skip, .top nav, form, button, .pager { display: none; } body { background: none; } }
`;
