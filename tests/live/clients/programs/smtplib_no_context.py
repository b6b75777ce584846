"""smtplib with starttls() as most examples have it: without a context."""

import json
import os
import smtplib
import sys

order = json.load(sys.stdin)
host, port = os.environ["ENTERPRISE_SMTP_HOST"], int(os.environ["ENTERPRISE_SMTP_PORT"])
if os.environ["ENTERPRISE_SMTP_SECURE"] == "true":
    server = smtplib.SMTP_SSL(host, port, timeout=10)
else:
    server = smtplib.SMTP(host, port, timeout=10)
    server.starttls()
server.login(os.environ["ENTERPRISE_SMTP_USER"], os.environ["ENTERPRISE_SMTP_PASS"])
sender = os.environ["ENTERPRISE_FROM_EMAIL"]
text = f"From: {sender}\r\nTo: {order['to'][0]}\r\nSubject: {order['subject']}\r\n\r\n{order['text']}\r\n"
server.sendmail(sender, order["to"], text)
server.quit()
