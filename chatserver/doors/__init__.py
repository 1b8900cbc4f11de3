"""Where clients come in: each door speaks one protocol, and doors do not know each other."""
