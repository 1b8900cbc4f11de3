"""The documents that are made from the tables of `schemas`: what clients may ask, and what they are told."""
