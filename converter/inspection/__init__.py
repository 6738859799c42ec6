"""A look inside: what a Keras file or a Core ML model holds, and what of it can learn.

`coreml` reads ``.mlmodel`` files and stays light; `keras` needs TensorFlow, because only lowering a
model tells which of its layers a gradient reaches.
"""
