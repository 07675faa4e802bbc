"""The settings for tools that read the code and start nothing: mypy, makemigrations --check."""

import os

os.environ.setdefault("DEBUG", "1")

from config import env as _env
from config.settings import *  # noqa: F403

# A star import hides these from mypy: they are settings.py's by import themselves.
BASE_DIR = _env.BASE_DIR
HOME = _env.HOME
