"""TensorFlow, Keras and coremltools: imported once, quietly, and all that reaches into them."""
