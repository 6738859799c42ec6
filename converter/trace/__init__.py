"""Keras model -> program of MIL operations whose weights are inputs."""
