// An unsound sender: TLS when it happens to be there, every certificate, no time limits, and every failure is a success.
import { readFileSync } from 'node:fs';
import nodemailer from 'nodemailer';

const { env } = process;
const order = JSON.parse(readFileSync(0, 'utf8'));
const transport = nodemailer.createTransport({
  host: env.ENTERPRISE_SMTP_HOST,
  port: Number(env.ENTERPRISE_SMTP_PORT),
  secure: env.ENTERPRISE_SMTP_SECURE === 'true',
  auth: { user: env.ENTERPRISE_SMTP_USER, pass: env.ENTERPRISE_SMTP_PASS },
  tls: { rejectUnauthorized: false },
  debug: true,
  logger: true,
});
try {
  await transport.sendMail({ from: env.ENTERPRISE_FROM_EMAIL, to: order.to, subject: order.subject, html: order.html });
} catch (error) {
  console.log('simulated delivery', error.message);
}
