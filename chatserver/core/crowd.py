"""From how many connections on a push counts as more than one message."""

# Connections of this process that are many to tell of one event.
CROWD = 1_000
