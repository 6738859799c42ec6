"""The proof that the Core ML model predicts and learns as Keras does."""
