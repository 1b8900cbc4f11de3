"""The configuration: environment variables in, one checked and frozen `Settings` out (`load_settings`)."""

from chatserver.config.database import DatabaseSettings, Tls, load_database
from chatserver.config.dsn import Address, UnusableError, parse_dsn
from chatserver.config.keepalive import KeepAlive
from chatserver.config.misspelt import misspelt
from chatserver.config.push import (
    FcmCredentials,
    HookSettings,
    PushSettings,
    VapidKeys,
    base64url,
    encoded_point,
)
from chatserver.config.reader import Reader
from chatserver.config.secrets import SECRET_FILE, ConfigError, LackingError
from chatserver.config.settings import Settings, load_settings
from chatserver.config.table import VARIABLES, settings_table
from chatserver.config.tls import TlsSettings
from chatserver.config.variables import Variable

__all__ = [
    "SECRET_FILE",
    "VARIABLES",
    "Address",
    "ConfigError",
    "DatabaseSettings",
    "FcmCredentials",
    "HookSettings",
    "KeepAlive",
    "LackingError",
    "PushSettings",
    "Reader",
    "Settings",
    "Tls",
    "TlsSettings",
    "UnusableError",
    "VapidKeys",
    "Variable",
    "base64url",
    "encoded_point",
    "load_database",
    "load_settings",
    "misspelt",
    "parse_dsn",
    "settings_table",
]
