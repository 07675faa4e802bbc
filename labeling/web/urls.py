"""The addresses of pages. A slug's path converter refuses what no campaign can be called."""

from django.contrib.auth import views as auth_views
from django.urls import include, path

from labeling.web import account, rate_guidelines, rate_home, rating

urlpatterns = [
    path("", rate_home.home, name="home"),
    path("login/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("welcome/<uidb64>/<token>/", account.Welcome.as_view(), name="welcome"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("account/", account.account, name="account"),
    path("account/preferences/", account.preferences, name="preferences"),
    path("account/tokens/<uuid:token_id>/revoke/", account.revoke, name="revoke_token"),
    path("campaigns/", include("labeling.web.campaign_urls")),
    path("rate/", rate_home.rate_home, name="rate_home"),
    path("rate/<slug:slug>/", rating.rate, name="rate"),
    path("rate/<slug:slug>/skip/", rating.skip, name="skip"),
    path("rate/<slug:slug>/undo/", rating.undo, name="undo"),
    path("rate/<slug:slug>/guidelines/", rate_guidelines.guidelines, name="rate_guidelines"),
]
