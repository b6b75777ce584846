"""Command-line senders: `by_command.py curl|msmtp|swaks`, each with TLS demanded as its manual says."""

import json
import os
import subprocess
import sys
import tempfile

order = json.load(sys.stdin)
env = os.environ
host, port, sender = env["ENTERPRISE_SMTP_HOST"], env["ENTERPRISE_SMTP_PORT"], env["ENTERPRISE_FROM_EMAIL"]
user, password, secure = (
    env["ENTERPRISE_SMTP_USER"],
    env["ENTERPRISE_SMTP_PASS"],
    env["ENTERPRISE_SMTP_SECURE"] == "true",
)
text = f"From: {sender}\nTo: {order['to'][0]}\nSubject: {order['subject']}\n\n{order['text']}\n"


def curl() -> list[str]:
    scheme = "smtps" if secure else "smtp"
    needed = [] if secure else ["--ssl-reqd"]
    to = [word for recipient in order["to"] for word in ("--mail-rcpt", recipient)]
    config.write(f'user = "{user}:{password}"\n')
    config.flush()
    words = ["curl", "-sS", "-K", config.name, "--max-time", "12", *needed, f"{scheme}://{host}:{port}"]
    return [*words, "--mail-from", sender, *to, "-T", "-"]


def msmtp() -> list[str]:
    config.write(
        f"account default\nhost {host}\nport {port}\nfrom {sender}\nauth on\nuser {user}\npassword {password}\n"
        f"tls on\ntls_starttls {'off' if secure else 'on'}\ntls_trust_file {env['SSL_CERT_FILE']}\ntimeout 10\n"
    )
    config.flush()
    return ["msmtp", "-C", config.name, *order["to"]]


def swaks() -> list[str]:
    words = [
        "swaks",
        "--server",
        host,
        "--port",
        port,
        "--from",
        sender,
        "--to",
        ",".join(order["to"]),
        "--timeout",
        "10",
    ]
    words += ["--auth-user", user, "--auth-password", password, "--auth-hide-password", "--silent", "3"]
    return [*words, "--tls-on-connect" if secure else "--tls", "--tls-verify", "--data", "-"]


with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
    os.chmod(config.name, 0o600)
    argv = {"curl": curl, "msmtp": msmtp, "swaks": swaks}[sys.argv[1]]()
    done = subprocess.run(argv, input=text, text=True, capture_output=True, timeout=30, check=False)
sys.exit(done.returncode)
