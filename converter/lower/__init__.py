"""Traced program -> Core ML network in the classic form."""
