"""Django's record of the app."""

from django.apps import AppConfig

from innopaas import checks


class InnopaasConfig(AppConfig):
    name = "innopaas"
    verbose_name = "InnoPaaS"

    def ready(self) -> None:
        self.checks = checks  # importing the module registers them
