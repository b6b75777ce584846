const nodemailer = require('nodemailer');
// near: node-external-sdk -- only spoken of: require('@sendgrid/mail')
const provider = 'postmark'; // near: node-external-sdk
const file = require('./nodemailer-mock-notes'); // near: nodemailer-simulation
if (process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0') throw new Error('verification is off'); // near: node-environment-unverified
const host = process.env.SMTP_HOST || missing('SMTP_HOST'); // near: node-default-setting
const transport = nodemailer.createTransport({ // near: nodemailer-create-transporter
  host,
  port: 587,
  secure: false, // near: nodemailer-secure-on-587
  requireTLS: true, // near: nodemailer-without-require-tls
  ignoreTLS: false, // near: nodemailer-ignore-tls
  auth: { user: process.env.SMTP_USER, pass: process.env.SMTP_PASS }, // near: node-login-password
  debug: process.env.NODE_ENV === 'development', // near: nodemailer-debug
  tls: {
    rejectUnauthorized: true, // near: node-reject-unauthorized
    minVersion: 'TLSv1.2', // near: node-old-version
    maxVersion: 'TLSv1.3', // near: node-newest-version
    ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', // near: node-cipher-list
    checkServerIdentity: (name, certificate) => strict(name, certificate), // near: node-identity-unchecked node-identity-no-function
  },
});
const other = { secureProtocol: 'TLS_method' }; // near: node-secure-protocol
const alone = { maxVersion: 'TLSv1.3' }; // near: node-version-conflict
const simulated = { jsonTransport: false }; // near: nodemailer-simulation
const own = nodemailer.createTransport({ host, service: 'mail.example.org', secure: true, port: 465 }); // near: nodemailer-service
const address = 'smtps://mail.example.org'; // near: node-clear-address
const filled = `smtps://${user}:${pass}@mail.example.org`; // near: password-in-address
const passwordLabel = 'Enter your password'; // near: node-named-secret
const apiKey = 'REPLACE_WITH_YOUR_KEY'; // near: node-named-secret
const secret = 'reset.password.title'; // near: node-named-secret
// near: external-host -- smtp.gmail.com is only spoken of
const local = 'smtp.gmail.example.org'; // near: external-host
const caught = 'mailhog is a tool'; // near: simulation-host
const key = 'SG.short'; // near: key-of-a-provider
const header = '-----BEGIN PRIVATE KEY-----'; // near: private-key
const body = `<p>Hello ${escapeHtml(user.name)}, ${items.length} items</p>`; // near: node-html-unescaped
const id = `<${random}@${domain}>`; // near: node-html-unescaped
const blocked = /<script/i.test(text); // near: node-html-by-pattern
console.log(`From: ${from}`); // near: node-header-text
class Service {
  constructor() {
    this.prepare(); // near: node-initialize-unawaited
  }
  prepare() {}
  async start() {}
}
