"""A page to look at: what is known of a model, in one HTML file that works without a network."""

from converter.page.document import Section, document
from converter.page.network import keras_network, network

__all__ = ["Section", "document", "keras_network", "network"]
