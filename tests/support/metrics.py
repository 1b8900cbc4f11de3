"""What a server's `/metrics` says, as Prometheus reads it."""

from dataclasses import dataclass

import aiohttp
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"


@dataclass(frozen=True, slots=True)
class Scraped:
    """Samples by their names and labels; ``kinds`` are the types of the families."""

    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]
    kinds: dict[str, str]

    def value(self, name: str, **labels: str) -> float:
        """One sample; every one has a worker."""
        return self.samples["chatserver_" + name, frozenset({"worker": "0", **labels}.items())]

    @property
    def workers(self) -> set[str]:
        """Who says so."""
        return {dict(labels)["worker"] for _, labels in self.samples}


async def scrape(url: str, accept: str = "text/plain", token: str | None = None) -> Scraped:
    """Ask on a connection of its own."""
    headers = {"Accept": accept, **({"Authorization": f"Bearer {token}"} if token else {})}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}/metrics", headers=headers) as response,
    ):
        text = await response.text()
        assert response.status == 200, text
    read = openmetrics_families if "openmetrics" in accept else text_string_to_metric_families
    families = list(read(text))
    samples = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }
    assert len(samples) == sum(len(family.samples) for family in families), "each sample once"
    return Scraped(samples, {family.name: family.type for family in families})
