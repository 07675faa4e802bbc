"""config.settings on services of the tests' own, started here unless the environment names some.

pytest-django imports this before any conftest. Under xdist the controller imports it first, and
its workers inherit the addresses; the services end with the controller, however it ends.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from config import embedded
from config.own_keys import load_keys


def _start_services() -> None:
    home = Path(tempfile.mkdtemp(prefix="thurstone-tests-"))
    os.environ["THURSTONE_HOME"] = str(home)
    services = embedded.Services(
        home,
        postgres="DATABASE_URL" not in os.environ,
        valkey="REDIS_URL" not in os.environ,
        durable=False,
    )
    os.environ.update(services.start())
    keys = load_keys(home)
    os.environ["SECRET_KEY"] = keys.secret_key
    os.environ["FIELD_ENCRYPTION_KEYS"] = ",".join(keys.field_encryption_keys)
    owner = os.getpid()

    def stop_services() -> None:
        # A forked child runs the same exit handlers; only their owner stops the services.
        if os.getpid() == owner:
            services.stop()
            shutil.rmtree(home, ignore_errors=True)

    atexit.register(stop_services)


if "PYTEST_XDIST_WORKER" not in os.environ and os.environ.get("THURSTONE_TESTS") != "running":
    # Tests run as production does, on keys of their own, whatever the shell was set to.
    for _name in ("DEBUG", "ALLOWED_HOSTS", "BASE_URL", "DEMO_PASSWORD", "THURSTONE_DEMO"):
        os.environ.pop(_name, None)
    _start_services()
    os.environ["THURSTONE_TESTS"] = "running"

from config.settings import *  # noqa: E402, F403
from config.settings import CACHES, DATABASES, REDIS_URL, STORAGES  # noqa: E402

# Each test process has a cache of its own, which it may clear.
_number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw")) + 1
CACHES["default"]["LOCATION"] = f"{REDIS_URL}{'&' if '?' in REDIS_URL else '?'}db={_number % 16}"

# Pages are tested on files as they lie in the tree: no collectstatic before a test.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_TASK_ALWAYS_EAGER = False
# Each test process has a database of its own; a kept connection would keep it from being dropped.
DATABASES["default"]["CONN_MAX_AGE"] = 0
