"""The addresses of signing in and of one's own account's safety, by the names django-allauth uses.

Of its own those are left out by which people would make themselves an account.
"""

from allauth.account import views
from django.contrib.auth import views as auth_views
from django.urls import include, path, re_path

from labeling.web import account, single_sign_on
from labeling.web.sign_in import AskReset, ChangeAddress, Reset, SignIn
from labeling.web.signed_in import signed_in

# There is one issuer; its name is no part of an address.
SSO = {"provider_id": "sso"}

urlpatterns = [
    path("login/", SignIn.as_view(), name="login"),
    path("login/", SignIn.as_view(), name="account_login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("logout/", auth_views.LogoutView.as_view(), name="account_logout"),
    path("login/sso/", single_sign_on.sign_on, SSO, name="openid_connect_login"),
    path(
        "login/sso/callback/", single_sign_on.sign_on_callback, SSO, name="openid_connect_callback"
    ),
    path("login/cancelled/", SignIn.as_view(), name="socialaccount_login_cancelled"),
    path("password/reset/", AskReset.as_view(), name="account_reset_password"),
    path("password/reset/done/", views.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        Reset.as_view(),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("account/confirm/", views.reauthenticate, name="account_reauthenticate"),
    path("account/password/", views.password_change, name="account_change_password"),
    path("account/password/set/", views.password_set, name="account_set_password"),
    path("account/email/", signed_in(ChangeAddress.as_view()), name="account_email"),
    re_path(
        r"^account/email/confirm/(?P<key>[-:\w]+)/$",
        views.confirm_email,
        name="account_confirm_email",
    ),
    path("account/two-step/", include("allauth.mfa.urls")),
    path("account/sessions/end/", account.end_other_sessions, name="end_other_sessions"),
    path("account/name/", account.name, name="account_name"),
]
