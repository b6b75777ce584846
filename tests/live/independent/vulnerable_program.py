"""The server itself, run by the Python of the old release's own environment: nothing of this project is there.

Arguments: address, port, PEM file, host, and the mailboxes.
"""

import asyncio
import ssl
import sys

from aiosmtpd.smtp import SMTP


class Mailboxes:
    """Takes mail for these and no others, and throws it away."""

    def __init__(self, mailboxes):
        self._mailboxes = mailboxes

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.lower() not in self._mailboxes:
            return "550 no such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        print("accepted", *envelope.rcpt_tos, flush=True)
        return "250 OK"


async def main(address, port, chain, host, *mailboxes):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(chain)
    handler = Mailboxes(mailboxes)

    def serve():
        return SMTP(handler, hostname=host, ident="ESMTP", tls_context=context, enable_SMTPUTF8=True)

    server = await asyncio.get_running_loop().create_server(serve, address, int(port))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
