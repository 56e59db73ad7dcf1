"""Measures answers on photos whose places are known: rows, figures, reports."""
