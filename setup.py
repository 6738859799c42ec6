"""All metadata is in setup.cfg; pip asks for this file."""

from setuptools import setup

setup()
