"""Extensions that strangers must not be offered."""

from __future__ import annotations

from tests.conversation_factories import answered, unasked
from tests.identity_factories import announced, identity

from .case import Case, Expected

PASS, FAIL, INDETERMINATE = Expected.PASS, Expected.FAIL, Expected.INDETERMINATE

_ETRN = "ETRN smtp-audit.invalid"

CASES = (
    *(
        case
        for control, keyword in (
            ("extension-impersonation", "XCLIENT"),
            ("extension-private", "X-EXPS"),
            ("extension-turn", "TURN"),
        )
        for case in (
            Case(control, announced("STARTTLS"), PASS, "offers no", {"forbidden": [keyword]}),
            Case(control, announced("STARTTLS", inside=None), INDETERMINATE, "not seen", {"forbidden": [keyword]}),
            Case(control, announced(inside=None), PASS, "offers no", {"forbidden": [keyword]}),
            Case(control, announced(keyword), FAIL, f"offers {keyword}", {"forbidden": [keyword]}),
            # What is seen counts, whatever else is not.
            Case(control, announced("STARTTLS", f"{keyword} A B", inside=None), FAIL, "A B", {"forbidden": [keyword]}),
            Case(control, announced(f"{keyword.lower()}=GSSAPI"), FAIL, "=GSSAPI", {"forbidden": [keyword]}),
            Case(control, announced(more=(keyword,)), FAIL, f"offers {keyword}", {"forbidden": [keyword]}),
            # A longer word is another extension, and the first line is none.
            Case(control, announced(f"{keyword}X"), PASS, "offers no", {"forbidden": [keyword]}),
            Case(control, announced(name=keyword), PASS, "offers no", {"forbidden": [keyword]}),
            Case(control, announced(" ", ""), PASS, "offers no", {"forbidden": [keyword]}),
        )
    ),
    Case("etrn-restricted", identity(), PASS, "refused: 459"),
    Case("etrn-restricted", identity(etrn=answered(_ETRN, "502 what?")), PASS, "refused: 502"),
    Case("etrn-restricted", identity(etrn=answered(_ETRN, ended="it hung up")), PASS, "it hung up"),
    Case("etrn-restricted", identity(etrn=answered(_ETRN, ended="no reply within 15 s")), INDETERMINATE, "15 s"),
    Case("etrn-restricted", identity(etrn=answered(_ETRN, "250 Queuing started")), FAIL, "for a stranger: 250"),
    Case("etrn-restricted", identity(etrn=answered(_ETRN, "458 not now")), INDETERMINATE, "458"),
    # Exim 4.96.
    Case("etrn-restricted", identity(etrn=answered(_ETRN, "458 Administrative prohibition")), PASS, "refused: 458"),
    Case("etrn-restricted", identity(etrn=unasked()), INDETERMINATE, "Greylisted"),
)  # fmt: skip
