"""The page of `demo.py`. All text of the run is put into it as text, never as HTML."""

from collections.abc import Mapping
import json
from typing import Any

from tf_textgan.evaluation import markup

_STYLE = """
[hidden] { display: none !important; }
.lead { color: var(--soft); margin: 0 0 1rem; }
form { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); gap: .8rem 1.2rem; align-items: end;
  background: var(--card); border-radius: .5rem; padding: 1rem; }
label { display: block; font-size: .85rem; color: var(--soft); }
label.row { display: flex; gap: .5rem; align-items: center; }
input, select, button { font: inherit; color: var(--text); }
input[type=text], input[type=number], select { width: 100%; padding: .35rem .5rem; border: 1px solid var(--line); border-radius: .3rem;
  background: var(--back); }
input[type=range] { width: 100%; accent-color: var(--good); }
button { padding: .5rem 1rem; border: 0; border-radius: .3rem; background: var(--good); color: var(--back); font-weight: 600; cursor: pointer; }
button:disabled { opacity: .5; cursor: wait; }
.wide { grid-column: 1 / -1; }
.message { color: var(--bad); min-height: 1.5em; margin: .5rem 0; }
.key { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; align-items: center; font-size: .85rem; color: var(--soft); margin: 1rem 0 .5rem; }
.sentence { border-bottom: 1px solid var(--line); padding: .6rem 0; }
.sentence p { margin: 0; line-height: 1.9; }
.token { padding: .1rem .2rem; border-radius: .2rem; margin-right: .15rem; }
.token.end { color: var(--soft); font-size: .8em; }
small { display: block; }
"""

_BODY = """
<h1></h1><p class="lead"></p>
<form id="settings">
  <label id="of-temperature">Temperature <output></output><input type="range" name="temperature" min="0" max="2" step="0.05" value="1"></label>
  <label id="of-nucleus">Nucleus <output></output><input type="range" name="nucleus" min="0.05" max="1" step="0.05" value="1"></label>
  <label id="of-category">Category<select name="category"><option value="">any</option></select></label>
  <label>Sentences<input type="number" name="num" min="1" value="5"></label>
  <label>Seed<input type="number" name="seed" min="0" value="0"></label>
  <label id="of-prompt">First words<input type="text" name="prompt" autocomplete="off"></label>
  <label class="row" id="of-guide"><input type="checkbox" name="guided"><span>The discriminator chooses each sentence among 16</span></label>
  <button>Generate</button>
</form>
<p class="message" id="message" role="alert"></p>
<div class="key" role="radiogroup" aria-label="Shading">
  <label class="row"><input type="radio" name="shading" value="probability" checked>
    <span>by probability: the darker, the less the generator expected the token</span></label>
  <label class="row"><input type="radio" name="shading" value="influence">
    <span>by the discriminator: <b style="color:var(--good)">blue</b> tokens make the sentence look real to it, <b style="color:var(--bad)">orange</b>
    ones generated; the strongest one shown is the darkest</span></label>
</div>
<div id="sentences" aria-live="polite"></div>
<h2>Your own sentence</h2>
<form id="own">
  <label class="wide">Sentence<input type="text" name="text" autocomplete="off"></label>
  <label id="of-own-category">Category<select name="category"></select></label>
  <button>Score</button>
</form>
<p class="message" id="own-message" role="alert"></p>
<div id="scored" aria-live="polite"></div>
"""

_SCRIPT = """
const run = JSON.parse(document.getElementById('run').textContent);
const one = (query, parent = document) => parent.querySelector(query);
const make = (tag, text, kind) => { const e = document.createElement(tag); e.textContent = text; e.className = kind || ''; return e; };
const settings = one('#settings'), own = one('#own');
let found = [], scored = [];

one('h1').textContent = run.title;
one('.lead').textContent = run.about;
document.title = run.title;
for (const [id, there] of [['temperature', run.temperature], ['nucleus', run.temperature], ['category', run.categories.length],
    ['own-category', run.categories.length], ['prompt', run.prompt]])
  if (!there) one('#of-' + id).hidden = true;
if (!run.guide) {
  settings.guided.disabled = true;
  one('#of-guide span').textContent = 'No guided sampling: ' + run.why_no_guide;
}
for (const name of run.categories)
  for (const form of [settings, own]) { const o = make('option', name); o.value = name; form.category.append(o); }
settings.num.max = run.most;
const kinds = { probability: run.probability, influence: run.discriminator };
for (const radio of document.querySelectorAll('[name=shading]')) {
  radio.disabled = !kinds[radio.value];
  radio.checked = kinds[radio.value] && (radio.value === 'probability' || !run.probability);
  radio.onchange = showAll;
}

// The largest influence shown; differences below a tenth stay pale.
function strongest() {
  return Math.max(0.1, ...[...found, ...scored].flatMap(s => s.tokens.map(token => Math.abs(token.influence ?? 0))));
}

function shade(token) {
  const kind = (one('[name=shading]:checked') || {}).value;
  let part = 0, colour = '--bad';
  if (kind === 'probability' && token.probability !== null) part = Math.min(1, -Math.log(Math.max(token.probability, 1e-9)) / 7);
  if (kind === 'influence' && token.influence !== null) {
    part = Math.abs(token.influence) / strongest();
    colour = token.influence > 0 ? '--good' : '--bad';
  }
  return `color-mix(in srgb, var(${colour}) ${Math.round(55 * part)}%, transparent)`;
}

function sentence(s) {
  const box = make('div', '', 'sentence'), line = make('p', '');
  for (const token of s.tokens) {
    const t = make('span', token.text, token.text === '(end)' ? 'token end' : 'token');
    t.style.background = shade(token);
    const told = [];
    if (token.probability !== null) told.push('probability ' + token.probability.toPrecision(3));
    if (token.influence !== null) told.push("discriminator's score with it minus without it " + token.influence.toFixed(2));
    t.title = told.join('; ');
    line.append(t, ' ');
  }
  const about = [];
  if (s.category) about.push(s.category);
  if (s.log_prob !== null) about.push('log-probability ' + s.log_prob.toFixed(1) + ' nats');
  if (s.score !== null) about.push("discriminator's score " + s.score.toFixed(2) + (run.guide ? ' (above 0: real)' : ''));
  box.append(line, make('small', about.join(' \\u00b7 ')));
  return box;
}

function showAll() {
  for (const [place, sentences] of [['#sentences', found], ['#scored', scored]]) one(place).replaceChildren(...sentences.map(sentence));
}

async function ask(path, values, form, message) {
  const button = one('button', form);
  button.disabled = true;
  one(message).textContent = '';
  try {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(path, { method: 'POST', headers, body: JSON.stringify(values) });
    const content = await answer.json();
    if (answer.ok) return content;
    one(message).textContent = content.error;
  } catch (e) {
    one(message).textContent = 'no answer: is demo.py still running?';
  } finally { button.disabled = false; }
}

for (const name of ['temperature', 'nucleus']) {
  const told = () => { one('#of-' + name + ' output').textContent = Number(settings[name].value).toFixed(2); };
  settings[name].oninput = told;
  told();
}
settings.onsubmit = async event => {
  event.preventDefault();
  const values = { num: settings.num.valueAsNumber, temperature: settings.temperature.valueAsNumber, nucleus: settings.nucleus.valueAsNumber,
    category: settings.category.value, prompt: settings.prompt.value, guided: settings.guided.checked, seed: settings.seed.valueAsNumber };
  const answer = await ask('/generate', values, settings, '#message');
  if (answer) { found = answer; showAll(); }
};
own.onsubmit = async event => {
  event.preventDefault();
  const answer = await ask('/score', { text: own.text.value, category: own.category.value }, own, '#own-message');
  if (answer) { scored = [answer]; showAll(); }
};
"""


def make(abilities: Mapping[str, Any]) -> str:
  """The page for a run, see `Workbench.abilities`."""
  # The only character that could end the element.
  data = json.dumps(abilities).replace("<", "\\u003c")
  return markup.document("", _STYLE, [_BODY, f'<script type="application/json" id="run">{data}</script>', f"<script>{_SCRIPT}</script>"])
