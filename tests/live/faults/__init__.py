"""The ways in which the scripted server can be broken, one module a chapter; a new module needs no line here."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
