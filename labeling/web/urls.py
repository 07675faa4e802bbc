"""The addresses of pages. A slug's path converter refuses what no campaign can be called."""

from django.contrib.auth import views as auth_views
from django.urls import include, path

from labeling.web import (
    account,
    images,
    rate_ahead,
    rate_feedback,
    rate_guidelines,
    rate_home,
    rate_undo,
    rating,
    recorded,
)

urlpatterns = [
    path("", rate_home.home, name="home"),
    path("login/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("welcome/<uidb64>/<token>/", account.Welcome.as_view(), name="welcome"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("account/", account.account, name="account"),
    path("account/preferences/", account.preferences, name="preferences"),
    path("account/tokens/<uuid:token_id>/revoke/", account.revoke, name="revoke_token"),
    path("images/<str:given>", images.image, name="image"),
    path("campaigns/", include("labeling.web.campaign_urls")),
    path("rate/", rate_home.rate_home, name="rate_home"),
    path("rate/recorded/", recorded.recorded, name="rate_recorded"),
    path("rate/<slug:slug>/", rating.rate, name="rate"),
    path("rate/<slug:slug>/skip/", rating.skip, name="skip"),
    path("rate/<slug:slug>/ahead/", rate_ahead.ahead, name="rate_ahead"),
    path("rate/<slug:slug>/hold/", rate_ahead.hold, name="rate_hold"),
    path("rate/<slug:slug>/leave/", rate_ahead.leave, name="rate_leave"),
    path("rate/<slug:slug>/draft/", rate_ahead.draft, name="rate_draft"),
    path("rate/<slug:slug>/undo/", rate_undo.undo, name="undo"),
    path("rate/<slug:slug>/undo/<uuid:judgment_id>/", rate_undo.undo_one, name="undo_one"),
    path("rate/<slug:slug>/guidelines/", rate_guidelines.guidelines, name="rate_guidelines"),
    path("rate/<slug:slug>/guidelines/news/", rate_guidelines.news, name="rate_news"),
    path("rate/<slug:slug>/answers/", rate_feedback.answers, name="rate_answers"),
    path(
        "rate/<slug:slug>/answers/<uuid:judgment_id>/",
        rate_feedback.feedback,
        name="rate_feedback",
    ),
    path(
        "rate/<slug:slug>/answers/<uuid:judgment_id>/appeal/",
        rate_feedback.appeal,
        name="rate_appeal",
    ),
]
