// The messages of the service. Every value is escaped where it stands; addresses are built here, never taken.

class Markup {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

function escaped(value) {
  return value instanceof Markup ? value.text : String(value).replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

// Escapes what is put in, unless it was made here.
function html(parts, ...values) {
  return new Markup(String.raw({ raw: parts }, ...values.map(escaped)));
}

function page(title, content) {
  return html`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head><body>${content}</body></html>`.text;
}

// A value for a text: one line, since lines have a meaning there.
function line(value) {
  return String(value).replace(/\s+/g, ' ');
}

function address(site, path, token) {
  const url = new URL(path, site);
  if (url.protocol !== 'https:') throw new Error('the address of the site is not https');
  url.searchParams.set('token', String(token));
  return url.href;
}

function linked(title, words, button, path, expiry) {
  return ({ userName, token }, site) => {
    const url = address(site, path, token);
    const end = `This link expires in ${expiry}.`;
    return {
      subject: title,
      html: page(title, html`<h1>Hello ${userName}!</h1><p>${words}</p><p><a href="${url}">${button}</a></p><p>${end}</p>`),
      text: `Hello ${line(userName)}!\n\n${words}\n\n${button}: ${url}\n\n${end}\n`,
    };
  };
}

const TEMPLATES = new Map([
  ['verification', linked('Verify your account', 'Please confirm your address.', 'Confirm the address', '/verify-email', '24 hours')],
  [
    'password-reset',
    linked('Reset your password', 'We were asked to reset your password. If that was not you, do nothing.', 'Choose a new password', '/reset-password', '1 hour'),
  ],
  [
    'security-alert',
    ({ userName, alertType, details, timestamp }) => ({
      subject: `Security alert: ${alertType}`,
      html: page('Security alert', html`<h1>Security alert: ${alertType}</h1><p>Hello ${userName},</p><p>seen at ${timestamp}: ${details}</p><p>If that was not you, please tell us.</p>`),
      text: `Security alert: ${line(alertType)}\n\nHello ${line(userName)},\n\nseen at ${line(timestamp)}: ${line(details)}\n\nIf that was not you, please tell us.\n`,
    }),
  ],
]);

export function render(name, data, site) {
  const template = TEMPLATES.get(name);
  if (!template) throw new Error('no such template');
  return template(data ?? {}, site);
}
