"""Writes the documents for clients from the tables of `schemas`: the reference, OpenAPI, AsyncAPI, TypeScript."""
