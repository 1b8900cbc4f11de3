"""Certificates of an authority of the tests' own, as files."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization


@dataclass(frozen=True, slots=True)
class Certificates:
    """``leaf`` was issued by ``intermediate``, which a client that trusts the root does not have."""

    root: trustme.CA
    key: Path
    leaf: Path
    chain: Path
    intermediate: Path

    @property
    def trusting(self) -> ssl.SSLContext:
        """A client that trusts the root, and knows nothing else."""
        context = ssl.create_default_context()
        self.root.configure_trust(context)
        return context


def issue(directory: Path, **options: object) -> Certificates:
    """Make them, for 127.0.0.1 and localhost."""
    root = trustme.CA()
    between = root.create_child_ca()
    issued = between.issue_cert("127.0.0.1", "localhost", **options)  # type: ignore[arg-type]
    made = Certificates(
        root, *(directory / name for name in ("key.pem", "leaf.pem", "chain.pem", "between.pem"))
    )
    issued.private_key_pem.write_to_path(made.key)
    made.key.chmod(0o600)
    issued.cert_chain_pems[0].write_to_path(made.leaf)
    for pem in issued.cert_chain_pems:
        pem.write_to_path(made.chain, append=True)
    between.cert_pem.write_to_path(made.intermediate)
    return made


def lock_key(key: Path, locked: Path) -> None:
    """The same key behind a password."""
    found = serialization.load_pem_private_key(key.read_bytes(), None)
    locked.write_bytes(
        found.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"a password"),
        )
    )
