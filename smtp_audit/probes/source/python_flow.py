"""What patterns alone get wrong in Python: what happens to a connection or a context later in the same function.

"SMTP without starttls" as a pattern is wrong three times out of five: the call stands elsewhere in the function.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Final

_LOGINS: Final = frozenset(("login", "auth", "sendmail", "send_message"))
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class NotPython(ValueError):
    """The text is no Python of this interpreter's version."""


def flows(text: str) -> Iterator[tuple[str, int]]:
    """What was found: the name of the check and the line.

    Raises:
        NotPython: the text cannot be parsed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes and the like are not ours to tell
            module = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise NotPython(f"is no Python ({type(error).__name__})") from None
    names = _imports(module)
    for scope in _scopes(module):
        yield from _connections(scope, names)
        yield from _contexts(scope, names)
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            yield from _call(node, names)
    yield from _settings(module)


def _imports(module: ast.Module) -> dict[str, str]:
    """Local names and what they stand for: `s` -> `smtplib`, `SMTP` -> `smtplib.SMTP`."""
    names: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _name(node: ast.AST, names: dict[str, str]) -> str:
    """The full dotted name of an expression; empty when it is none."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        inner = _name(node.value, names)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def _scopes(module: ast.Module) -> Iterator[ast.AST]:
    """The module, and every function. Methods of one class count together: `self.server` lives in all of them."""
    yield module
    inside_class: set[ast.AST] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef):
            inside_class.update(each for each in ast.walk(node) if each is not node)
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node not in inside_class:
            yield node


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """What stands in a scope: all of a function or a class, and of a module what is in neither."""
    if not isinstance(scope, ast.Module):
        yield from ast.walk(scope)
        return
    waiting: list[ast.AST] = [scope]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, _SCOPES)]


def _made(scope: ast.AST, what: frozenset[str], names: dict[str, str]) -> Iterator[tuple[str, ast.Call]]:
    """Calls of one of `what` whose result is given a name, with that name."""
    for node in _own(scope):
        pairs: list[tuple[ast.AST, ast.AST | None]] = []
        if isinstance(node, ast.Assign):
            pairs = [(node.value, target) for target in node.targets]
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            pairs = [(node.value, node.target)]
        elif isinstance(node, ast.With | ast.AsyncWith):
            pairs = [(item.context_expr, item.optional_vars) for item in node.items]
        for value, target in pairs:
            call = value.value if isinstance(value, ast.Await) else value
            if isinstance(call, ast.Call) and target is not None and _name(call.func, names) in what:
                yield _name(target, {}), call


def _uses(scope: ast.AST, variable: str) -> dict[str, int]:
    """The methods of a variable that are called, with the first line."""
    used: dict[str, int] = {}
    for node in _own(scope):
        method = node.func if isinstance(node, ast.Call) else None
        if isinstance(method, ast.Attribute) and _name(method.value, {}) == variable:
            used[method.attr] = min(used.get(method.attr, method.lineno), method.lineno)
    return used


def _given_away(scope: ast.AST, variable: str) -> bool:
    """Whether a variable goes where this scope does not see it: returned, or given to another function."""
    for node in _own(scope):
        given: list[ast.AST] = []
        if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
            given = [node.value]
        elif isinstance(node, ast.Call):
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
        if any(_name(each, {}) == variable for value in given for each in _parts(value)):
            return True
    return False


def _parts(value: ast.AST) -> list[ast.AST]:
    return [value, *value.elts] if isinstance(value, ast.Tuple | ast.List) else [value]


def _connections(scope: ast.AST, names: dict[str, str]) -> Iterator[tuple[str, int]]:
    for variable, call in _made(scope, frozenset(("smtplib.SMTP",)), names):
        if not variable:
            continue
        used = _uses(scope, variable)
        first = min((used[name] for name in _LOGINS & used.keys()), default=0)
        if "starttls" not in used:
            if first and not _given_away(scope, variable) and not _local(call):
                yield "smtp-without-starttls", call.lineno
        elif "login" in used and used["login"] < used["starttls"]:
            yield "login-before-starttls", used["login"]
        for node in _own(scope):
            if isinstance(node, ast.Try) and _only_tried(node, variable):
                yield "starttls-failure-ignored", node.lineno


def _local(call: ast.Call) -> bool:
    """A server on this machine, by a literal: nothing travels. With a variable that cannot be known."""
    host = next((keyword.value for keyword in call.keywords if keyword.arg == "host"), None)
    host = call.args[0] if call.args else host
    return isinstance(host, ast.Constant) and _LOCAL.match(str(host.value)) is not None


def _only_tried(node: ast.Try, variable: str) -> bool:
    """A starttls alone in a `try` whose handlers neither raise nor leave: what follows goes on in clear text."""
    alone = [each for each in node.body if isinstance(each, ast.Expr) and isinstance(each.value, ast.Call)]
    tries = any(
        isinstance(each.value, ast.Call)
        and isinstance(each.value.func, ast.Attribute)
        and each.value.func.attr == "starttls"
        and _name(each.value.func.value, {}) == variable
        for each in alone
    )
    sends = any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in _LOGINS
        for statement in node.body
        for each in ast.walk(statement)
    )
    leaves = any(
        isinstance(each, ast.Raise | ast.Return | ast.Continue | ast.Break)
        or (isinstance(each, ast.Call) and _name(each.func, {}) in ("sys.exit", "exit", "quit", "os._exit"))
        or (isinstance(each, ast.Call) and _name(each.func, {}) == f"{variable}.quit")
        or (isinstance(each, ast.Call) and _name(each.func, {}) == f"{variable}.close")
        for handler in node.handlers
        for each in ast.walk(handler)
    )
    return tries and not sends and not leaves and bool(node.handlers)


def _contexts(scope: ast.AST, names: dict[str, str]) -> Iterator[tuple[str, int]]:
    for variable, call in _made(scope, frozenset(("ssl.SSLContext",)), names):
        kind = _name(call.args[0], names) if call.args else ""
        if kind in ("ssl.PROTOCOL_TLS_CLIENT", "ssl.PROTOCOL_TLS_SERVER") or (call.args and not kind):
            continue
        verifies = any(
            isinstance(node, ast.Assign)
            and any(_name(target, {}) == f"{variable}.verify_mode" for target in node.targets)
            and _name(node.value, names) != "ssl.CERT_NONE"
            for node in _own(scope)
        )
        server = "load_cert_chain" in (used := _uses(scope, variable)) and not used.keys() & {"load_verify_locations"}
        if variable and not verifies and not server:
            yield "context-without-verification", call.lineno


def _call(call: ast.Call, names: dict[str, str]) -> Iterator[tuple[str, int]]:
    name = _name(call.func, names)
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if isinstance(call.func, ast.Attribute) and call.func.attr == "starttls" and _speaks_smtplib(names):
        context = given.get("context") or (call.args[2] if len(call.args) > 2 else None)
        if None not in given and (context is None or _is_none(context)):
            yield "starttls-without-context", call.lineno
    if name == "smtplib.SMTP_SSL" and None not in given:
        context = given.get("context") or (call.args[6] if len(call.args) > 6 else None)
        if context is None or _is_none(context):
            yield "smtps-without-context", call.lineno
        port = given.get("port") or (call.args[1] if len(call.args) > 1 else None)
        if isinstance(port, ast.Constant) and port.value in (25, 587):
            yield "smtps-on-starttls-port", call.lineno
    if name in ("aiosmtplib.send", "aiosmtplib.SMTP") and None not in given:
        demanded = [given[each] for each in ("start_tls", "use_tls") if each in given]
        if not any(not isinstance(each, ast.Constant) or each.value is True for each in demanded):
            yield "aiosmtplib-opportunistic", call.lineno


def _speaks_smtplib(names: dict[str, str]) -> bool:
    return any(name.partition(".")[0] == "smtplib" for name in names.values())


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


_HOSTS: Final = {"EMAIL_HOST": ("EMAIL_USE_TLS", "EMAIL_USE_SSL"), "MAIL_SERVER": ("MAIL_USE_TLS", "MAIL_USE_SSL")}
_LOCAL: Final = re.compile(r"\A(?:localhost|127\.\d+\.\d+\.\d+|::1)\Z")


def _settings(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Django's and Flask-Mail's settings of one module: a host, and no TLS."""
    found: dict[str, tuple[ast.AST, int]] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                key = target.id if isinstance(target, ast.Name) else ""
                if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                    key = str(target.slice.value)
                if key.startswith(("EMAIL_", "MAIL_")):
                    found[key] = (node.value, node.lineno)
    for host, switches in _HOSTS.items():
        if host not in found:
            continue
        value, line = found[host]
        if isinstance(value, ast.Constant) and _LOCAL.match(str(value.value)):
            continue
        if not any(
            switch in found
            and not (isinstance(found[switch][0], ast.Constant) and not getattr(found[switch][0], "value", True))
            for switch in switches
        ):
            yield "settings-without-tls", line
