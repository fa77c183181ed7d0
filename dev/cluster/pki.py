"""The keys and certificates of a cluster, made with openssl."""

from dataclasses import dataclass
from pathlib import Path

from dev import steps

REQUEST_CONFIGURATION = "[req]\ndistinguished_name = name\n[name]\n"
"""Without the machine's openssl.cnf, so that a certificate holds only what is asked for."""

DAYS = "3650"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate to issue: who it names and what it is good for."""

    name: str
    common_name: str
    organization: str = ""
    addresses: tuple[str, ...] = ()
    """IP addresses and DNS names it is served under; a client's certificate has none."""
    authority: str = "ca"

    @property
    def subject(self) -> str:
        """The distinguished name: the user, and the group where there is one."""
        group = f"/O={self.organization}" if self.organization else ""
        return f"{group}/CN={self.common_name}"

    @property
    def extensions(self) -> list[str]:
        """The X.509 extensions, as openssl writes them."""
        usage = "serverAuth,clientAuth" if self.addresses else "clientAuth"
        listed = [
            "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,digitalSignature",
            f"extendedKeyUsage={usage}",
        ]
        if self.addresses:
            listed.append(f"subjectAltName={','.join(map(alternative_name, self.addresses))}")
        return listed


AUTHORITY_EXTENSIONS = [
    "basicConstraints=critical,CA:TRUE",
    "keyUsage=critical,keyCertSign,cRLSign",
]


def alternative_name(address: str) -> str:
    """An address as a subject alternative name."""
    is_ip = all(part.isdigit() for part in address.split("."))
    return f"{'IP' if is_ip else 'DNS'}:{address}"


def issue_all(directory: Path, certificates: tuple[Certificate, ...]) -> None:
    """Make the authorities, the service account key and the certificates that are missing."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = directory / "openssl.cnf"
    configuration.write_text(REQUEST_CONFIGURATION)
    for authority in sorted({certificate.authority for certificate in certificates}):
        make(directory, authority, f"/CN=deepseek-operator-{authority}", AUTHORITY_EXTENSIONS, "")
    make(directory, "service-account", "/CN=service-account", [], "")
    for one in certificates:
        make(directory, one.name, one.subject, one.extensions, one.authority)


def make(directory: Path, name: str, subject: str, extensions: list[str], authority: str) -> None:
    """Make one key and its certificate, signed by `authority` or by itself."""
    certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
    if certificate.exists():
        return
    new = [directory / f"{name}.crt.new", directory / f"{name}.key.new"]
    words: list[str | Path] = ["openssl", "req", "-x509", "-config", directory / "openssl.cnf"]
    words += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-days", DAYS, "-subj", subject, "-out", new[0], "-keyout", new[1]]
    for extension in extensions:
        words += ["-addext", extension]
    if authority:
        words += ["-CA", directory / f"{authority}.crt", "-CAkey", directory / f"{authority}.key"]
    steps.run(words)
    # The certificate comes last: once it is there, the pair is whole.
    new[1].rename(key)
    new[0].rename(certificate)
