"""The way back: learned weights out of a model and in, compared, averaged, and into Keras again.

`tensors` names them as Keras does, in its shapes; `archive` writes and reads ``.npz`` files;
`average` is the mean of many models; `adopting` takes what a device has saved (`compiled`: its
``.mlmodelc``, `exported`: what the generated trainer exports); `extraction` puts everything into
the Keras file again.
"""
