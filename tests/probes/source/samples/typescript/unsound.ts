import nodemailer, { Transporter } from 'nodemailer';
import { Resend } from 'resend'; // hit: node-external-sdk
const options: object = { tls: { rejectUnauthorized: false } }; // hit: node-reject-unauthorized
export class Mailer {
  private readonly transport: Transporter;
  constructor(private readonly password: string) {
    this.transport = nodemailer.createTransport({ host: 'mail.example.org', port: 587 }); // hit: nodemailer-without-require-tls
    this.verify(); // hit: node-initialize-unawaited
  }
  private async verify(): Promise<void> {}
  html(name: string): string {
    return `<h1>${name}</h1>`; // hit: node-html-unescaped
  }
}
const settings = { checkServerIdentity() { return undefined; } }; // hit: node-identity-unchecked
const clientSecret: string = 'q8Zt-4rW9-xKp2-Lm7v'; // hit: node-named-secret
