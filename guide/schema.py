"""Print the published schema of `guide review --json`: python -m guide.schema > docs/review.schema.json."""

from __future__ import annotations

import json

import click

from guide.review import Review


def review_schema() -> str:
    """The JSON schema (draft 2020-12) of a review, as the file in docs/ holds it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Review.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=1) + "\n"


if __name__ == "__main__":
    click.echo(review_schema(), nl=False)
