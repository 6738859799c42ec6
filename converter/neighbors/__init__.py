"""A k-nearest-neighbours classifier behind the part of a network that makes its features."""
