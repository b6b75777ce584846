// A sound sender: nodemailer with TLS demanded, certificates checked, time limits, and failures reported.
import { readFileSync } from 'node:fs';
import nodemailer from 'nodemailer';

const { env } = process;
const seconds = Number(env.SEND_SECONDS ?? 15) * 1000;

function settings() {
  for (const name of ['ENTERPRISE_SMTP_HOST', 'ENTERPRISE_SMTP_PORT', 'ENTERPRISE_SMTP_USER', 'ENTERPRISE_SMTP_PASS']) {
    if (!env[name]) throw new Error(`${name} is not set`);
  }
  const secure = env.ENTERPRISE_SMTP_SECURE === 'true';
  return {
    host: env.ENTERPRISE_SMTP_HOST,
    port: Number(env.ENTERPRISE_SMTP_PORT),
    secure,
    requireTLS: !secure,
    auth: { user: env.ENTERPRISE_SMTP_USER, pass: env.ENTERPRISE_SMTP_PASS },
    // Without this a server that asks for no login gets the message all the same.
    forceAuth: true,
    // Node's defaults take key exchange without forward secrecy, and groups of 1024 bits.
    tls: { minVersion: 'TLSv1.2', ciphers: 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:ECDHE+AESGCM:ECDHE+CHACHA20' },
    connectionTimeout: seconds,
    greetingTimeout: seconds,
    socketTimeout: seconds,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

async function main() {
  const order = JSON.parse(readFileSync(0, 'utf8'));
  const transport = nodemailer.createTransport(settings());
  const done = await transport.sendMail({
    from: env.ENTERPRISE_FROM_EMAIL,
    to: order.to,
    subject: order.subject,
    text: order.text,
    html: order.html,
  });
  if (done.rejected.length > 0) throw new Error('a recipient was refused');
}

main().catch((error) => {
  console.error(`not sent: ${error.code ?? error.name}`);
  process.exit(1);
});
