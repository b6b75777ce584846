// Where the service connects to, and what it puts up with there. Without its settings it does not start.
import tls from 'node:tls';

const REQUIRED = ['HOST', 'PORT', 'USER', 'PASS'].map((name) => `ENTERPRISE_SMTP_${name}`).concat('ENTERPRISE_FROM_EMAIL');

// TLS feature status_request (RFC 7633): the certificate asks for a stapled answer, and Node shows none to whom it matters.
const MUST_STAPLE = Buffer.from('06082b06010505070118', 'hex');

// What Node's own check leaves: the common name, "*" inside a label, short keys, and staples that are demanded.
export function checkServerIdentity(host, certificate) {
  const usual = tls.checkServerIdentity(host, certificate);
  if (usual) return usual;
  const names = (certificate.subjectaltname ?? '').split(', ').filter((name) => name.startsWith('DNS:')).map((name) => name.slice(4));
  const whole = names.filter((name) => !name.includes('*') || /^\*\.[^*]+$/.test(name));
  if (whole.length === 0 || tls.checkServerIdentity(host, { ...certificate, subjectaltname: whole.map((name) => `DNS:${name}`).join(', ') })) {
    return new Error('the certificate names the host in its common name or by a partial wildcard');
  }
  if (certificate.modulus && certificate.bits < 2048) return new Error('the key of the certificate is too short');
  if (certificate.raw.includes(MUST_STAPLE)) return new Error('the certificate demands a stapled answer');
  return undefined;
}

// nodemailer sends without a login where none is offered, and takes any mechanism: here it is PLAIN inside TLS, or nothing.
async function plain({ auth, authMethods, sendCommand }) {
  if (!authMethods.includes('PLAIN')) throw new Error('the server offers no AUTH PLAIN');
  const { user, pass } = auth.credentials;
  const { status } = await sendCommand(`AUTH PLAIN ${Buffer.from(`\0${user}\0${pass}`).toString('base64')}`);
  if (status !== 235) throw Object.assign(new Error('the login was refused'), { responseCode: status });
}

export function transportSettings(env) {
  for (const name of REQUIRED) if (!env[name]) throw new Error(`${name} is not set`);
  const secure = env.ENTERPRISE_SMTP_SECURE === 'true';
  const milliseconds = Number(env.SEND_SECONDS ?? 15) * 1000;
  return {
    host: env.ENTERPRISE_SMTP_HOST,
    port: Number(env.ENTERPRISE_SMTP_PORT),
    secure,
    requireTLS: !secure,
    auth: { type: 'custom', method: 'PLAIN', user: env.ENTERPRISE_SMTP_USER, pass: env.ENTERPRISE_SMTP_PASS },
    customAuth: { PLAIN: plain },
    forceAuth: true,
    tls: {
      minVersion: 'TLSv1.2',
      ciphers: 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2',
      checkServerIdentity,
    },
    connectionTimeout: milliseconds,
    greetingTimeout: milliseconds,
    socketTimeout: milliseconds,
    dnsTimeout: milliseconds,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
