"""The child process in which Core ML runs: ``python -m converter.device.worker FOLDER``.

Core ML may end the process instead of returning an error, so the parent keeps out of it. These are
the only modules that import pyobjc. They read what `converter.device.job` has written, and share
nothing else with the package.
"""
