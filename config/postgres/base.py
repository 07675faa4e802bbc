"""The database backend that `settings.DATABASES` names."""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's backend; whether a kept connection still stands is looked at, not asked.

    Django's own check is a statement at each request: a tenth of what a judgment costs. A server
    that went away has closed the socket, and that can be seen without a word.
    """

    def is_usable(self) -> bool:
        if self.connection is None or self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        # Something was said unasked: farewell, or a notice. Asking tells them apart.
        return not poll.poll(0) or super().is_usable()
