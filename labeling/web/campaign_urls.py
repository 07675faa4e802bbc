"""The addresses of the pages of campaigns, below `/campaigns/`."""

from django.urls import path

from labeling.web import campaign_data, campaign_guidelines, campaign_people, campaigns, generation

urlpatterns = [
    path("", campaigns.campaigns, name="campaigns"),
    path("new/", campaigns.new_campaign, name="campaign_new"),
    path("<slug:slug>/", campaigns.campaign, name="campaign"),
    path("<slug:slug>/live/", campaigns.live, name="campaign_live"),
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
    path("<slug:slug>/guidelines/", campaign_guidelines.guidelines, name="campaign_guidelines"),
]
