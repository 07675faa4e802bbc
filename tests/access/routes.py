"""Every address of the site, taken from the URL table: a new one is walked without being listed."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

# What answers those whom the server does not know: nothing here is about anybody. An image's
# address is signed for one person (tests/web/test_images.py), and the participants of a study come
# in by a code that only its panel has (tests/web/test_entry.py).
PUBLIC = {"live", "ready", "metrics", "api:schema", "api-docs:docs", "login", "welcome", "image"}
PUBLIC |= {"enter"}
# The way in: signing in, an invitation (tests/web/test_invitations.py), links that were mailed.
PUBLIC |= {
    *("account_login", "openid_connect_login", "openid_connect_callback", "invitation"),
    *("socialaccount_login_cancelled", "account_reset_password", "account_reset_password_done"),
    *("account_reset_password_from_key", "account_reset_password_from_key_done"),
    "account_confirm_email",
    # Signed for one person, from the foot of a mail.
    "mail_off",
}
# One's own account, whoever one is: nothing in these addresses is anybody else's.
OWN = {
    *("notifications", "notifications_read", "notification_settings"),
    *("account_name", "end_other_sessions", "account_reauthenticate", "account_change_password"),
    *("account_set_password", "account_email", "account_logout", "mfa_index", "mfa_authenticate"),
    *("mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp"),
    *("mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes"),
    *("mfa_list_webauthn", "mfa_add_webauthn", "mfa_reauthenticate_webauthn"),
    *("mfa_remove_webauthn", "mfa_edit_webauthn"),
}


def routes() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name and parameters of every address."""

    def walk(
        patterns: list[URLPattern | URLResolver], spaces: tuple[str, ...], names: tuple[str, ...]
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        for pattern in patterns:
            regex = pattern.pattern.regex
            below = (*names, *regex.groupindex)
            if isinstance(pattern, URLResolver):
                space = (*spaces, pattern.namespace) if pattern.namespace else spaces
                yield from walk(pattern.url_patterns, space, below)
            elif pattern.name:
                yield ":".join((*spaces, pattern.name)), below

    yield from walk(get_resolver().url_patterns, (), ())


def address(name: str, parameters: tuple[str, ...], values: Mapping[str, Any]) -> str:
    """The path of an address; a value is looked up as `name.parameter`, then as `parameter`."""
    chosen = {key: values.get(f"{name}.{key}", values.get(key)) for key in parameters}
    assert None not in chosen.values(), f"say in the test what {name} is to be asked for"
    return reverse(name, kwargs=chosen)
