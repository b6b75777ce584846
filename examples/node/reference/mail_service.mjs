// A sending service in the manner of the enterprise standard's own, done right.
import nodemailer from 'nodemailer';
import { Refused, address, addresses, body, cleaned, masked, plainText, priority, textOf, unsubscribeAddress } from './checks.mjs';
import { render } from './templates.mjs';
import { transportSettings } from './settings.mjs';

// The log: one JSON object a line, on standard error. No address in full, no token, no text of a server.
function log(level, event, more = {}) {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...more })}\n`);
}

// What of an error may be told: its code, and the server's. Its text may have an address or a link in it.
function told(error) {
  return { outcome: 'failure', code: error.code ?? error.name, reply: error.responseCode };
}

export class MailService {
  constructor(env) {
    this.sender = env.ENTERPRISE_FROM_EMAIL;
    this.host = env.ENTERPRISE_SMTP_HOST;
    this.site = env.FRONTEND_URL ?? `https://${env.DOMAIN_NAME}`;
    this.transport = nodemailer.createTransport(transportSettings(env));
  }

  // Connects, looks at the certificate and logs in, and sends nothing.
  async verify() {
    try {
      await this.transport.verify();
    } catch (error) {
      log('security', error.code === 'EAUTH' ? 'login refused' : 'server not verified', { host: this.host, ...told(error) });
      throw error;
    }
  }

  async send(order) {
    let message;
    try {
      message = this.message(order);
    } catch (error) {
      if (error instanceof Refused) log('security', error.event, { outcome: 'blocked', reason: error.message });
      throw error;
    }
    await this.verify();
    const to = [...message.to, ...message.cc].map(masked);
    try {
      const done = await this.transport.sendMail(message);
      if (done.rejected.length > 0) throw Object.assign(new Error('a recipient was refused'), { code: 'EENVELOPE' });
      log('info', 'sent', { outcome: 'success', messageId: done.messageId, to });
    } catch (error) {
      log('error', 'not sent', { host: this.host, to, ...told(error) });
      throw error;
    }
  }

  message(order) {
    const options = order.options ?? {};
    const { subject, html, text } = order.template ? render(order.template, order.data, this.site) : this.given(order);
    const headers = options.priority ? { 'X-Priority': priority(options.priority) } : {};
    if (options.unsubscribeUrl) {
      // Prepared: nodemailer would fold and encode it.
      headers['List-Unsubscribe'] = { prepared: true, value: `<${unsubscribeAddress(options.unsubscribeUrl)}>` };
      headers['List-Unsubscribe-Post'] = 'List-Unsubscribe=One-Click';
    }
    return {
      from: { name: options.fromName ? plainText('name', options.fromName, 100) : '', address: address(this.sender).address },
      to: addresses(order.to),
      cc: order.cc ? addresses(order.cc) : [],
      replyTo: order.reply_to ? address(order.reply_to) : undefined,
      subject: plainText('subject', subject),
      html,
      text,
      headers,
      xMailer: false,
    };
  }

  given(order) {
    const html = cleaned(body('html', order.html));
    return { subject: order.subject, html, text: order.text === undefined ? textOf(html) : body('text', order.text) };
  }
}
