"""Turn trained Keras CNNs into Core ML models that go on learning on the device."""

__version__ = "0.1.0"
