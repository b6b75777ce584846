const nodemailer = require('nodemailer');
const sgMail = require('@sendgrid/mail'); // hit: node-external-sdk
const mock = require('nodemailer-mock'); // hit: nodemailer-simulation
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // hit: node-environment-unverified
const transport = nodemailer.createTransport({ // hit: nodemailer-without-require-tls
  host: process.env.SMTP_HOST || 'backup.example.org', // hit: node-default-setting
  port: 587,
  secure: false,
  auth: { user: 'app', pass: 'not-a-real-one' }, // hit: node-login-password
  debug: true, // hit: nodemailer-debug
  logger: true, // hit: nodemailer-debug
  tls: {
    rejectUnauthorized: false, // hit: node-reject-unauthorized
    checkServerIdentity: () => undefined, // hit: node-identity-unchecked
    minVersion: 'TLSv1', // hit: node-old-version
    maxVersion: 'TLSv1.2', // hit: node-newest-version
    ciphers: 'SSLv3', // hit: node-cipher-list
  },
});
const second = nodemailer.createTransporter({ // hit: nodemailer-create-transporter
  host: 'mail.example.org',
  requireTLS: true,
  tls: { // hit: node-version-conflict
    'minVersion': 'TLSv1.2',
    secureProtocol: 'TLSv1_2_method', // hit: node-secure-protocol
    checkServerIdentity: true, // hit: node-identity-no-function
  },
});
const third = nodemailer.createTransport({ jsonTransport: true }); // hit: nodemailer-simulation
const fourth = nodemailer.createTransport({ service: 'gmail' }); // hit: nodemailer-service
// hit-next: node-clear-address password-in-address
const fifth = nodemailer.createTransport('smtp://app:hunter-two@mail.example.org');
const sixth = { host: 'mail.example.org', port: 587, auth: credentials, ignoreTLS: true }; // hit: nodemailer-without-require-tls nodemailer-ignore-tls
const seventh = { host: h, port: 587, secure: true }; // hit: nodemailer-secure-on-587
const eighth = { host: h, port: 587, secure: port === 465, auth }; // hit: nodemailer-without-require-tls
const apiKey = 'q8Zt-4rW9-xKp2-Lm7v'; // hit: node-named-secret
const host = 'smtp.gmail.com'; // hit: external-host
const caught = { host: 'smtp.ethereal.email' }; // hit: simulation-host
const key = 'SG.aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'; // hit: key-of-a-provider
// hit-next: private-key
const dkim = '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC';
const body = `<p>Hello ${user.name}</p>`; // hit: node-html-unescaped
const clean = (html) => html.replace(/<script[^>]*>.*?<\/script>/gi, ''); // hit: node-html-by-pattern
const raw = `From: ${from}\r\nSubject: ${subject}\r\n\r\n${text}`; // hit: node-header-text
const line = 'Subject: ' + subject + '\r\n'; // hit: node-header-text
class Service {
  constructor() {
    this.start(); // hit: node-initialize-unawaited
  }
  async start() {}
}
