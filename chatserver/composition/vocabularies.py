"""The doors that speak other systems' words, as the reference tells of them."""

from chatserver.doors import marketplace, messaging

VOCABULARIES = (messaging.DESCRIBED, marketplace.DESCRIBED)
