"""The domain as a Django app."""

from importlib import import_module

from django.apps import AppConfig


class LabelingConfig(AppConfig):
    name = "labeling"
    verbose_name = "Labeling"

    def ready(self) -> None:
        """Listen to what the sign-in's apps say."""
        import_module("labeling.web.sign_in_notes")
