"""Takes and serves the bytes of files. What is asked of files otherwise is a command."""

from chatserver.doors.files.door import FilesDoor

__all__ = ["FilesDoor"]
