"""`python -m config.healthcheck`: exit 0 when the web server of this machine is ready."""

import http.client
import os
import sys


def main() -> int:
    """Ask /healthz/ready the way a proxy would, under a host name that is allowed."""
    port = int(os.environ.get("BIND", ":8000").rsplit(":", 1)[-1])
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/healthz/ready", headers={"Host": host})
        return 0 if connection.getresponse().status == http.HTTPStatus.OK else 1
    except (OSError, http.client.HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
