"""The settings for tools that read the code and start nothing: mypy, makemigrations --check."""

import os

# Whatever a .env beside the code says of the server that runs here.
os.environ |= {"DEBUG": "1", "ALLOWED_HOSTS": "localhost", "BASE_URL": "http://localhost"}

from config import env as _env
from config.settings import *  # noqa: F403

# A star import hides these from mypy: they are settings.py's by import themselves.
BASE_DIR = _env.BASE_DIR
HOME = _env.HOME
