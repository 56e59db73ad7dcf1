"""Pixels to a distribution over cells: the visual priors."""
