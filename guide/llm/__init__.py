"""Language models as engines."""
