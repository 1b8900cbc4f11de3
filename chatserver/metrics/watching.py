"""What watches a server by its metrics, as files of the repository."""

from chatserver.metrics import alerts, dashboard


def watching() -> dict[str, str]:
    """Return the alert rules and the dashboard, by their paths from the project's root."""
    return {alerts.PATH: alerts.document(), dashboard.PATH: dashboard.document()}
