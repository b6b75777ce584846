import nodemailer, { Transporter } from 'nodemailer';
import type { Resend } from './resend'; // near: node-external-sdk
const options: object = { tls: { rejectUnauthorized: true as boolean } }; // near: node-reject-unauthorized
export class Mailer {
  private constructor(private readonly transport: Transporter) {}
  static async create(host: string): Promise<Mailer> {
    const mailer = new Mailer(nodemailer.createTransport({ host, port: 587, requireTLS: true })); // near: nodemailer-without-require-tls
    await mailer.verify(); // near: node-initialize-unawaited
    return mailer;
  }
  private async verify(): Promise<void> {}
  html(name: string): string {
    return `<h1>${escape(name)}</h1>`; // near: node-html-unescaped
  }
}
const clientSecret: string = process.env.CLIENT_SECRET!; // near: node-named-secret
