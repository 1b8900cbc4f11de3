"""People who talk, each at another system's door: what they do and see, in that system's own shapes."""

from tests.support.people.main import AtMain
from tests.support.people.marketplace import AtMarketplace
from tests.support.people.messaging import AtMessaging
from tests.support.people.person import Person, Talk, opened_by_rest

__all__ = ["AtMain", "AtMarketplace", "AtMessaging", "Person", "Talk", "opened_by_rest"]
