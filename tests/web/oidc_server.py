"""A small OpenID Connect server: authorisation code with PKCE, signed tokens, keys, userinfo."""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET = "thurstone", "between-us"


class Issuer:
    """The server; `person` is who signs in there, `spoil` what it does wrong."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {}
        self.spoil = ""
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, Any]] = {}
        self._key, self._foreign = (
            rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)
        )
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(urlsplit(self.path).path)
                issuer.get(self)

            def do_POST(self) -> None:
                issuer.asked.append(urlsplit(self.path).path)
                length = int(self.headers["Content-Length"])
                form = parse_qs(self.rfile.read(length).decode())
                issuer.token(self, {key: values[0] for key, values in form.items()})

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "Issuer":
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def authorise(self, location: str) -> str:
        """What the person's browser is led back to, after they signed in at `location`."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(location).query).items()}
        assert location.startswith(f"{self.url}/authorise?")
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def get(self, handler: BaseHTTPRequestHandler) -> None:
        path = urlsplit(handler.path).path
        if path == "/.well-known/openid-configuration":
            elsewhere = "http://127.0.0.1:9" if self.spoil == "elsewhere" else self.url
            answer: Any = {
                "issuer": "http://another" if self.spoil == "issuer" else self.url,
                "authorization_endpoint": f"{self.url}/authorise",
                "token_endpoint": f"{elsewhere}/token",
                "jwks_uri": f"{self.url}/keys",
                "userinfo_endpoint": f"{self.url}/me",
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            }
        elif path == "/keys":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
            answer = {"keys": [public | {"kid": "one", "alg": "RS256", "use": "sig"}]}
        elif path == "/me" and handler.headers["Authorization"] == "Bearer access":
            answer = self.person | ({"sub": "somebody-else"} if self.spoil == "sub" else {})
        else:
            return _answer(handler, {"error": "unknown"}, 404)
        return _answer(handler, answer)

    def token(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        asked = self.codes.pop(form["code"], None)
        given = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(given).decode().rstrip("=")
        if (
            asked is None
            or handler.headers["Authorization"] != f"Basic {basic}"
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            return _answer(handler, {"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": "another" if self.spoil == "audience" else CLIENT_ID,
            "iat": now,
            "exp": now - 60 if self.spoil == "expired" else now + 60,
            **self.person,
        }
        key: Any = self._foreign if self.spoil == "signature" else self._key
        token = jwt.encode(claims, key, "RS256", headers={"kid": "one"})
        answer = {"access_token": "access", "token_type": "Bearer", "id_token": token}
        if self.spoil == "no token":
            del answer["id_token"]
        return _answer(handler, answer)


def _answer(handler: BaseHTTPRequestHandler, what: Any, status: int = 200) -> None:
    body = json.dumps(what).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
