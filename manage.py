#!/usr/bin/env python3
"""Run a Thurstone command: `python manage.py help` lists them."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

OUR_PYTHON = Path(__file__).resolve().parent / ".venv" / "bin" / "python"


def main() -> None:
    if find_spec("django") is None:
        # Called with another Python than the one that `make` installed everything for.
        if not OUR_PYTHON.exists() or sys.executable == str(OUR_PYTHON):
            sys.exit("Thurstone's packages are not installed yet: `make demo` does it.")
        os.execv(OUR_PYTHON, [str(OUR_PYTHON), *sys.argv])  # noqa: S606 - our own interpreter
    if sys.argv[1:2] == ["up"]:
        # The supervisor stays small without Django, and makes the settings that Django would miss.
        from config import supervisor

        sys.exit(supervisor.main(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
