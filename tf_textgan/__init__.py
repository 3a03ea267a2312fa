"""Generative adversarial networks that write text, in TensorFlow 2 and Keras 3."""

__version__ = "0.2.0"
