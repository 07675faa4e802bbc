"""The settings for tools that read the code and start nothing: mypy, makemigrations --check."""

import os

os.environ.setdefault("DEBUG", "1")

from config.settings import *  # noqa: F403
