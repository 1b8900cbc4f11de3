"""What every lasting connection is promised, once for each door."""
