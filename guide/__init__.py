"""guide: advice for research ideas, with its evidence and an honest statement of how far to trust it."""

__version__ = "0.1.0"
__all__ = ["__version__"]
