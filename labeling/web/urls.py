"""The addresses of pages. A slug's path converter refuses what no campaign can be called."""

from django.urls import include, path

from labeling.web import (
    account,
    activity,
    endpoints,
    entry,
    images,
    invitations,
    notifications,
    organisation,
    profile,
    rate_ahead,
    rate_case,
    rate_feedback,
    rate_guidelines,
    rate_home,
    rate_undo,
    rating,
    recorded,
)

urlpatterns = [
    path("", rate_home.home, name="home"),
    path("", include("labeling.web.sign_in_urls")),
    path("welcome/<uidb64>/<token>/", account.Welcome.as_view(), name="welcome"),
    path("account/", account.account, name="account"),
    path("account/profile/", profile.profile, name="profile"),
    path("account/profile/about/", profile.demographics, name="profile_demographics"),
    path("account/preferences/", account.preferences, name="preferences"),
    path("account/tokens/<uuid:token_id>/revoke/", account.revoke, name="revoke_token"),
    path("join/<str:token>/", invitations.join, name="invitation"),
    path("invitations/<uuid:invitation_id>/resend/", invitations.resend, name="invitation_resend"),
    path("invitations/<uuid:invitation_id>/revoke/", invitations.revoke, name="invitation_revoke"),
    path("organisation/", organisation.organisation, name="organisation"),
    path("organisation/activity/", activity.organisation_activity, name="organisation_activity"),
    path(
        "organisation/activity/csv/",
        activity.organisation_activity_file,
        name="organisation_activity_file",
    ),
    path("organisation/invite/", organisation.organisation_invite, name="organisation_invite"),
    path(
        "organisation/members/<uuid:user_id>/",
        include(
            [
                path("role/", organisation.member_role, name="member_role"),
                path("deactivate/", organisation.member_deactivate, name="member_deactivate"),
                path("reactivate/", organisation.member_reactivate, name="member_reactivate"),
                path("second-step/", organisation.member_second_step, name="member_second_step"),
                path("remove/", organisation.member_remove, name="member_remove"),
            ]
        ),
    ),
    path("endpoints/", endpoints.endpoints, name="endpoints"),
    path(
        "endpoints/<uuid:endpoint_id>/",
        include(
            [
                path("", endpoints.endpoint, name="endpoint"),
                path("test/", endpoints.test, name="endpoint_test"),
                path("use/", endpoints.use, name="endpoint_use"),
                path("remove/", endpoints.remove, name="endpoint_remove"),
            ]
        ),
    ),
    path("account/notifications/", notifications.settings, name="notification_settings"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/read/", notifications.read_all, name="notifications_read"),
    path("notifications/off/<str:given>/", notifications.mail_off, name="mail_off"),
    path("notifications/<uuid:notification_id>/", notifications.follow, name="notification"),
    path("enter/<str:code>/", entry.entry, name="enter"),
    path("images/<str:given>", images.image, name="image"),
    path("campaigns/", include("labeling.web.campaign_urls")),
    path("rate/", rate_home.rate_home, name="rate_home"),
    path("rate/recorded/", recorded.recorded, name="rate_recorded"),
    path("rate/cases/<uuid:case_id>/", rate_case.rate_case, name="rate_case"),
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
