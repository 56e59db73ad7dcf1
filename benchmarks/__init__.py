"""Scripts that print tables of speed and accuracy; none of them is a test."""
