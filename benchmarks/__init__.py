"""Benchmarks: our server beside Node.js peers, measured by one load generator in one run (`make bench`)."""
