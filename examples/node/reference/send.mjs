// Sends the message that comes as JSON on standard input; with "health" it sends nothing and says whether it could.
import { readFileSync } from 'node:fs';
import { MailService } from './mail_service.mjs';

async function main() {
  const service = new MailService(process.env);
  if (process.argv[2] === 'health') await service.verify();
  else await service.send(JSON.parse(readFileSync(0, 'utf8')));
}

main().catch((error) => {
  console.error(`not sent: ${error.code ?? error.name}`);
  // At once: nodemailer leaves the socket of a server that hangs open for a while.
  process.exit(1);
});
