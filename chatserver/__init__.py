"""The chat back end beside your application."""

__version__ = "0.1.0"
