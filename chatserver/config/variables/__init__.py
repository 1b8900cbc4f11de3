"""Every environment variable, declared once, by its subject. `chatserver.config.reader` reads them."""

from chatserver.config.variables.access import ACCESS
from chatserver.config.variables.files import FILES
from chatserver.config.variables.limits import LIMITS
from chatserver.config.variables.push import PUSH
from chatserver.config.variables.serving import SERVING
from chatserver.config.variables.stores import STORES
from chatserver.config.variables.variable import Variable

__all__ = [
    "ACCESS",
    "FILES",
    "LIMITS",
    "PUSH",
    "SERVING",
    "STORES",
    "Variable",
]
