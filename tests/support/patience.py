"""How long tests wait for what must come."""

# Two cores that are busy with something else make a start of five processes take ten seconds. Nothing waits this
# long unless it fails; a test as a whole has longer still (`timeout` in setup.cfg).
PATIENCE = 40.0
