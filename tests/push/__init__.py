"""Tests of `chatserver/push/`."""
