import { nameOf } from './words.mjs';

const OLD_AFTER_MS = 15_000;
const FLASH_MS = 500;
const CELLS = ['price', 'change', 'range', 'open', 'high', 'low', 'volume', 'age'];
/** These say what they are where there is no room for a head of the table. */
const LABELLED = ['open', 'high', 'low', 'volume'];

const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** A line of the board. What it shows was text from a server, and stays text: nothing is ever put in as HTML. */
export class QuoteRow {
  element = document.createElement('tr');
  #cells = {};
  #name = element('span', 'name');
  #price = document.createElement('b');
  #bar = document.createElement('i');
  #flash = null;
  #last = null;
  #quote = null;
  #publishedMs = 0;
  #volumes = null;

  constructor(symbol) {
    this.symbol = symbol;
    const head = document.createElement('td');
    const code = element('span', 'symbol');
    code.textContent = symbol;
    head.append(this.#name, code);
    for (const name of CELLS) this.#cells[name] = element('td', name);
    this.#cells.price.append(this.#price);
    this.#cells.range.append(this.#bar);
    this.element.append(head, ...Object.values(this.#cells));
  }

  /** In another language, from the next quote on in its numbers too. */
  speak(language, words) {
    this.#name.textContent = nameOf(this.symbol, language);
    for (const name of LABELLED) this.#cells[name].dataset.label = words[name];
    this.#volumes = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 });
  }

  /** The quote to be painted next; of those that come faster than the screen is drawn, the newest. */
  take(quote) {
    this.#quote = quote;
    // What comes now was published now. Of what was known before, the clocks here and there have to tell.
    const isLate = quote.published_at !== undefined && (quote.snapshot || quote.recovered);
    this.#publishedMs = isLate ? Math.min(Date.now(), quote.published_at * 1000) : Date.now();
  }

  paint() {
    const { price, open, high, low, volume } = this.#quote.data;
    write(this.#price, price.toFixed(2));
    this.#put('open', open?.toFixed(2) ?? '–');
    this.#put('high', high?.toFixed(2) ?? '–');
    this.#put('low', low?.toFixed(2) ?? '–');
    this.#put('volume', this.#volumes.format(volume));
    const change = open ? price - open : 0;
    const way = change > 0 ? 'up' : change < 0 ? 'down' : '';
    this.#put('change', open ? `${arrow(way)}${((Math.abs(change) / open) * 100).toFixed(2)} %` : '–');
    this.#cells.change.className = `change ${way}`;
    if (high > low) this.#bar.style.setProperty('--at', String((price - low) / (high - low)));
    if (this.#last !== null && price !== this.#last) this.#light(price > this.#last ? '--up' : '--down');
    this.#last = price;
  }

  /** Called once a second. @param {boolean} hasClient whether a newer quote may come */
  showAge(hasClient) {
    const ms = Date.now() - this.#publishedMs;
    this.#put('age', duration(ms));
    this.element.classList.toggle('old', !hasClient || ms > OLD_AFTER_MS);
  }

  #put(name, text) {
    write(this.#cells[name], text);
  }

  #light(colour) {
    if (calm.matches) return;
    this.#flash?.cancel();
    const from = { backgroundColor: `color-mix(in srgb, var(${colour}) 35%, transparent)` };
    this.#flash = this.#price.animate([from, { backgroundColor: 'transparent' }], FLASH_MS);
  }
}

function element(tag, className) {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

/** What is written anew is laid out anew, also where it is the same. */
function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function arrow(way) {
  return way === 'up' ? '▲ ' : way === 'down' ? '▼ ' : '';
}

function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}
