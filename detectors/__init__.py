"""Pixels to clues: reading text, and what a text says about places."""
