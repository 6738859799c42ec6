"""A page to look at: what is known of a model, in one HTML file that works without a network."""

from converter.page.document import Section, document

__all__ = ["Section", "document"]
