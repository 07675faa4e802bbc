"""Who a browser is: the session and its user, each read by one statement that is written out.

Django composes both anew for every request, which costs more than PostgreSQL needs to answer.
"""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.sessions.backends import db

from labeling.models import User, joined


class SessionStore(db.SessionStore):
    """Sessions in the database, which alone says whether one has ended."""

    def _get_session_from_db(self) -> Any:
        row = joined.session_row(self.session_key)
        if row is None:
            self._session_key = None
            return None
        key, data, end = row
        return self.model(session_key=key, session_data=data, expire_date=end)


class Backend(AuthenticationBackend):  # type: ignore[misc]
    """Signing in with a name or a mail address, and a password."""

    def get_user(self, user_id: Any) -> User | None:
        user = joined.user(int(user_id))
        return user if user is not None and self.user_can_authenticate(user) else None
