/**
 * A live board of quotes: one page, no framework, no build. `serve.mjs` serves it with the SDK's bundle beside it.
 * What to connect to comes from the form, or from the URL's fragment (#token=…&url=…&symbols=…), which a browser sends nowhere.
 */
import { Tickcast } from './tickcast.min.js';
import { QuoteRow } from './quote-row.mjs';
import { USUAL_SYMBOLS, wordsOf } from './words.mjs';

/** Quotes that come within it are painted together, with one layout; the eye does not miss it. */
const PAINT_AFTER_MS = 100;
const ALERTS_SHOWN = 100;
const LOG_SHOWN = 12;

const find = (selector) => document.querySelector(selector);
const form = find('form');

let language = navigator.language.startsWith('zh') ? 'zh' : 'en';
let client = null;
let state = 'closed';
const rows = new Map();
/** Rows that have a newer quote than they show. */
const unpainted = new Set();

function connect() {
  void client?.close();
  rows.clear();
  unpainted.clear();
  for (const list of ['#quotes', '#alerts', '#log']) find(list).replaceChildren();
  const { url, token, symbols } = Object.fromEntries(new FormData(form));
  const mine = new Tickcast(url.trim(), { token: token.trim(), lang: language, maxAttempts: Infinity });
  client = mine;
  mine.on('state', (change) => {
    if (client === mine) showState(change.state, change.error);
  });
  mine.on('error', (error) => log(`${error.code}: ${error.message}`, 'warning'));
  mine.on('gap', ({ channel, key, lost }) => log(wordsOf(language).lost(key ?? channel, lost), 'error'));
  find('#settings').open = false;
  void showQuotes(mine, symbols.split(/[\s,]+/).filter(Boolean));
  void showAlerts(mine);
}

async function showQuotes(mine, symbols) {
  try {
    for await (const quote of mine.marketData(symbols)) {
      const row = rowOf(quote.symbol);
      row.take(quote);
      if (unpainted.size === 0) setTimeout(requestAnimationFrame, PAINT_AFTER_MS, paint);
      unpainted.add(row);
    }
  } catch (error) {
    giveUp(mine, error);
  }
}

async function showAlerts(mine) {
  try {
    for await (const { data } of mine.alerts()) {
      const at = new Date(data.timestamp * 1000);
      prepend('#alerts', ALERTS_SHOWN, at, `${data.source}: ${data.message}`, data.level);
    }
  } catch (error) {
    giveUp(mine, error);
  }
}

/** In the background there are no frames, and of each symbol the newest quote waits for the next. */
function paint() {
  for (const row of unpainted) row.paint();
  unpainted.clear();
}

function rowOf(symbol) {
  let row = rows.get(symbol);
  if (row === undefined) {
    row = new QuoteRow(symbol);
    row.speak(language, wordsOf(language));
    rows.set(symbol, row);
    const next = [...rows.keys()].sort().find((each) => each > symbol);
    find('#quotes').insertBefore(row.element, rows.get(next)?.element ?? null);
  }
  return row;
}

function showAges() {
  for (const row of rows.values()) row.showAge(state !== 'closed');
}

function showState(next, error) {
  state = next;
  const pill = find('#state');
  pill.dataset.state = state;
  pill.toggleAttribute('data-failed', Boolean(error));
  pill.textContent = wordsOf(language)[state];
}

/** What ends a subscription is for the user to change: the token, a symbol, the address. */
function giveUp(mine, error) {
  if (client !== mine) return;
  // What ended the whole client was told as an `error` already.
  if (mine.state !== 'closed') log(`${error.code}: ${error.message}`, 'error');
  find('#settings').open = true;
}

function log(text, level) {
  prepend('#log', LOG_SHOWN, new Date(), text, level);
}

function prepend(list, most, at, text, level) {
  const item = document.createElement('li');
  item.className = level;
  const time = document.createElement('time');
  time.dateTime = at.toISOString();
  time.textContent = at.toLocaleTimeString(language, { hour12: false });
  const words = document.createElement('span');
  words.textContent = text;
  item.append(time, words);
  find(list).prepend(item);
  if (find(list).childElementCount > most) find(list).lastElementChild.remove();
}

function speak() {
  const words = wordsOf(language);
  document.documentElement.lang = language;
  document.title = words.title;
  for (const place of document.querySelectorAll('[data-word]')) place.textContent = words[place.dataset.word];
  find('#language').textContent = words.other;
  find('#state').textContent = words[state];
  for (const row of rows.values()) row.speak(language, words);
}

const fragment = new URLSearchParams(location.hash.slice(1));
form.elements.url.value = fragment.get('url') ?? `ws://${location.hostname}:8001/api/v1/websocket`;
form.elements.token.value = fragment.get('token') ?? '';
form.elements.symbols.value = fragment.get('symbols') ?? USUAL_SYMBOLS.join(', ');
form.addEventListener('submit', (event) => {
  event.preventDefault();
  connect();
});
find('#language').addEventListener('click', () => {
  language = language === 'en' ? 'zh' : 'en';
  speak();
});
setInterval(showAges, 1000);
showState('closed');
speak();
if (fragment.get('token')) connect();
else find('#settings').open = true;
