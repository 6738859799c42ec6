"""The story of a conversion, from a Keras file or model to a proven ``.mlmodel``."""
