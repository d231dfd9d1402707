"""Batch scoring: every submission of a source becomes a row, none is lost."""
