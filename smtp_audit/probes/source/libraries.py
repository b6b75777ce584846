"""The mail libraries that a file uses, by what it imports or calls."""

from __future__ import annotations

import re
from typing import Final

from smtp_audit.facts.source import Language

_NODE: Final = {
    "nodemailer": r"""['"]nodemailer(?:/[\w/-]+)?['"]""",
    "emailjs": r"""['"]emailjs['"]""",
    "smtp-connection": r"""['"]smtp-connection['"]""",
    "smtp-client": r"""['"]smtp-client['"]""",
    "sendmail": r"""['"]sendmail['"]""",
    "email-templates": r"""['"]email-templates['"]""",
}

LIBRARIES: Final[dict[Language, dict[str, str]]] = {
    Language.JAVASCRIPT: _NODE,
    Language.TYPESCRIPT: _NODE,
    Language.PYTHON: {
        "smtplib": r"(?m)^[ \t]*(?:import|from)\s.*\bsmtplib\b",
        "aiosmtplib": r"(?m)^[ \t]*(?:import|from)\s.*\baiosmtplib\b",
        "Django": r"\bdjango\.core\.mail\b|(?m:^EMAIL_(?:HOST|BACKEND)\b)",
        "Flask-Mail": r"\bflask_mail(?:man)?\b|\bMAIL_SERVER\b",
        "yagmail": r"(?m)^[ \t]*(?:import|from)\s+yagmail\b",
        "FastAPI-Mail": r"\bfastapi_mail\b",
        "redmail": r"(?m)^[ \t]*(?:import|from)\s+redmail\b",
    },
    Language.PHP: {
        "PHPMailer": r"\bPHPMailer\b",
        "Symfony Mailer": r"Symfony\\Component\\Mailer|\bMAILER_DSN\b",
        "Swift Mailer": r"\bSwift_SmtpTransport\b",
        "Laravel": r"Illuminate\\(?:Mail|Support\\Facades\\Mail)|'mailers'\s*=>",
        "Laminas": r"(?:Laminas|Zend)\\Mail\b",
        "mail()": r"(?<![\w>:$\\])mail\s*\(\s*\$",
    },
    Language.RUBY: {
        "net/smtp": r"\bNet::SMTP\b",
        "Action Mailer": r"\bActionMailer\b|\baction_mailer\b",
        "mail": r"(?m)^[ \t]*require\s+['\"]mail['\"]|\bMail\.(?:new|deliver|defaults)\b",
        "Pony": r"\bPony\.(?:mail|options)\b",
    },
    Language.GO: {
        "net/smtp": r'"net/smtp"',
        "go-mail": r'"github\.com/wneessen/go-mail"',
        "gomail": r'"(?:gopkg\.in/gomail\.v2|gopkg\.in/mail\.v2|github\.com/go-mail/mail(?:/v2)?)"',
        "go-simple-mail": r'"github\.com/xhit/go-simple-mail(?:/v2)?"',
        "jordan-wright/email": r'"github\.com/jordan-wright/email"',
    },
    Language.JAVA: {
        "Jakarta Mail": r"\b(?:javax|jakarta)\.mail\b",
        "Spring": r"\borg\.springframework\.mail\b",
        "Commons Email": r"\borg\.apache\.commons\.mail",
        "Simple Java Mail": r"\borg\.simplejavamail\b",
    },
}
_PATTERNS: Final = {
    language: {name: re.compile(pattern) for name, pattern in known.items()} for language, known in LIBRARIES.items()
}


def libraries_in(text: str, language: Language) -> tuple[str, ...]:
    """The names of the mail libraries that `text` uses."""
    return tuple(name for name, pattern in _PATTERNS[language].items() if pattern.search(text))
