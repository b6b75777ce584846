// What a message has to be before it is one. Whatever fails here is refused, never repaired: a caller's mistake, or an attack.
import sanitizeHtml from 'sanitize-html';

const WORD = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const ADDRESS = new RegExp(`^(?=.{1,254}$)(?=[^@]{1,64}@)${WORD}(?:\\.${WORD})*@(?:${LABEL}\\.)+(?![0-9]+$)${LABEL}$`);
const THROWAWAY = ['tempmail.com', '10minutemail.com', 'guerrillamail.com'];
const PRIORITIES = new Map([['high', '1'], ['normal', '3'], ['low', '5'], ['1', '1'], ['2', '2'], ['3', '3'], ['4', '4'], ['5', '5']]);

export class Refused extends Error {
  constructor(what, event = 'message refused') {
    super(what);
    this.event = event;
  }
}

// A text for the header: no control characters, nothing that is decoded to some (CVE-2024-6923), no word that cannot be folded.
export function plainText(what, value, longest = 998) {
  if (typeof value !== 'string' || !value.trim() || value.length > longest || value.includes('=?')) throw new Refused(what);
  if (/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(value) || /\S{900}/.test(value)) throw new Refused(what);
  return value;
}

export function address(value) {
  if (typeof value !== 'string' || !ADDRESS.test(value) || value.includes('=?')) throw new Refused('address');
  const domain = `.${value.slice(value.lastIndexOf('@') + 1).toLowerCase()}`;
  if (THROWAWAY.some((name) => domain.endsWith(`.${name}`))) throw new Refused('throw-away mailbox', 'recipient blocked');
  return { name: '', address: value };
}

export function addresses(values) {
  if (!Array.isArray(values) || values.length === 0) throw new Refused('no recipient');
  return values.map(address);
}

export function priority(value) {
  if (!PRIORITIES.has(value)) throw new Refused('priority');
  return PRIORITIES.get(value);
}

export function unsubscribeAddress(value) {
  if (!/^https:\/\/[!-;=?-~]+$/.test(plainText('address to unsubscribe', value, 900))) throw new Refused('address to unsubscribe');
  return value;
}

export function body(what, value) {
  if (typeof value !== 'string' || !value.trim()) throw new Refused(`no ${what}`);
  return value.replace(/\r\n|\r|\n/g, '\n');
}

// HTML written anew by a parser, from a list of what is allowed.
export function cleaned(html) {
  return sanitizeHtml(html, {
    allowedTags: ['p', 'br', 'b', 'i', 'em', 'strong', 'ul', 'ol', 'li', 'h1', 'h2', 'a'],
    allowedAttributes: { a: ['href'] },
    allowedSchemes: ['https', 'mailto'],
    allowProtocolRelative: false,
  });
}

const MARKS = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&amp;': '&' };

// The text beside HTML that `cleaned` wrote: its elements are few and well-formed. Links are written out.
export function textOf(html) {
  return html
    .replace(/<a href="([^"]*)">(.*?)<\/a>/gs, '$2 ($1)')
    .replace(/<br \/>|<\/(?:p|li|h1|h2)>/g, '\n')
    .replace(/<[^>]*>/g, '')
    .replace(/&(?:lt|gt|quot|amp);/g, (mark) => MARKS[mark])
    .trim();
}

export function masked({ address: value }) {
  return `${value[0]}***${value.slice(value.lastIndexOf('@'))}`;
}
