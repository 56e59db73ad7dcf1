"""The version, in one place: the build and every answer read it from here."""

__all__ = ["__version__"]

__version__ = "0.1.0"
