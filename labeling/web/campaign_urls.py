"""The addresses of the pages of campaigns, below `/campaigns/`."""

from django.urls import path

from labeling.web import (
    activity,
    builder,
    campaign_data,
    campaign_guidelines,
    campaign_people,
    campaign_settings,
    campaigns,
    generation,
    guideline_draft,
    invitations,
    organisation,
    pay,
    review,
)

urlpatterns = [
    path("", campaigns.campaigns, name="campaigns"),
    path("new/", builder.new_campaign, name="campaign_new"),
    path("new/preview/", builder.new_preview, name="campaign_new_preview"),
    path("<slug:slug>/", campaigns.campaign, name="campaign"),
    path("<slug:slug>/live/", campaigns.live, name="campaign_live"),
    path("<slug:slug>/settings/", campaign_settings.settings, name="campaign_settings"),
    path("<slug:slug>/settings/preview/", campaign_settings.preview, name="campaign_preview"),
    path("<slug:slug>/settings/end/", campaign_settings.end, name="campaign_end"),
    path("<slug:slug>/state/", campaigns.change_state, name="campaign_state"),
    path("<slug:slug>/rounds/open/", campaigns.start_round, name="campaign_open_round"),
    path("<slug:slug>/report/recompute/", campaigns.recompute, name="campaign_recompute"),
    path("<slug:slug>/prompts/", campaign_data.prompts, name="campaign_prompts"),
    path(
        "<slug:slug>/prompts/<uuid:comparison_id>/",
        campaign_data.comparison,
        name="campaign_comparison",
    ),
    path("<slug:slug>/datasets/", campaign_data.datasets, name="campaign_datasets"),
    path("<slug:slug>/datasets/export/", campaign_data.export, name="campaign_export"),
    path("<slug:slug>/imports/", campaign_data.imports, name="campaign_imports"),
    path("<slug:slug>/imports/<uuid:job_id>/", campaign_data.import_job, name="campaign_import"),
    path("<slug:slug>/generation/", generation.generations, name="campaign_generation"),
    path(
        "<slug:slug>/generation/<uuid:run_id>/<slug:verb>/",
        generation.move,
        name="campaign_generation_move",
    ),
    path("<slug:slug>/raters/", campaign_people.raters, name="campaign_raters"),
    path(
        "<slug:slug>/raters/<uuid:rater_id>/pause/",
        campaign_people.pause_rater,
        name="campaign_pause_rater",
    ),
    path(
        "<slug:slug>/raters/<uuid:rater_id>/resume/",
        campaign_people.resume_rater,
        name="campaign_resume_rater",
    ),
    path(
        "<slug:slug>/raters/<uuid:rater_id>/qualify/",
        campaign_people.let_in_rater,
        name="campaign_qualify_rater",
    ),
    path(
        "<slug:slug>/raters/appeals/<uuid:appeal_id>/",
        campaign_people.answer_appeal,
        name="campaign_appeal",
    ),
    path("<slug:slug>/raters/invite/", invitations.campaign_invite, name="campaign_invite"),
    path("<slug:slug>/raters/roles/", organisation.campaign_role, name="campaign_role"),
    path("<slug:slug>/guidelines/", campaign_guidelines.guidelines, name="campaign_guidelines"),
    path("<slug:slug>/review/", review.review, name="campaign_review"),
    path(
        "<slug:slug>/review/<uuid:comparison_id>/",
        review.comparison,
        name="campaign_review_one",
    ),
    path("<slug:slug>/guidelines/draft/", guideline_draft.draft, name="campaign_guidelines_draft"),
    path(
        "<slug:slug>/guidelines/stale/",
        campaign_guidelines.stale_judgments,
        name="campaign_guidelines_stale",
    ),
    path("<slug:slug>/pay/", pay.pay, name="campaign_pay"),
    path("<slug:slug>/pay/csv/", pay.pay_file, name="campaign_pay_file"),
    path("<slug:slug>/activity/", activity.activity, name="campaign_activity"),
    path("<slug:slug>/activity/csv/", activity.activity_file, name="campaign_activity_file"),
]
