"""Certificates for tests of TLS, made by the openssl command; nothing of it is secret."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Authority", "Certificate"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of one certificate, PEM."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca = folder / f"{name}.crt"
        self._key = folder / f"{name}.key"
        _openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "2", "-subj", f"/CN=test {name}", "-keyout", str(self._key),
            "-out", str(self.ca), "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def issue(self, name: str, *alt_names: str, expired: bool = False) -> Certificate:
        """A certificate signed by this authority.

        Args:
            name: of the files, and the common name.
            alt_names: ``DNS:...`` or ``IP:...``.
            expired: valid for one day, long ago.
        """
        made = Certificate(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        request = self.folder / f"{name}.csr"
        _openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", str(made.key), "-out", str(request),
        )  # fmt: skip
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(
            "[ext]\nbasicConstraints=CA:FALSE\n"
            + (f"subjectAltName={','.join(alt_names)}\n" if alt_names else "")
        )
        index = self.folder / f"{name}.index"
        index.write_text("")
        config = self.folder / f"{name}.cnf"
        config.write_text(
            "[ca]\ndefault_ca=this\n[this]\nrand_serial=yes\ndefault_md=sha256\npolicy=any\n"
            f"database={index}\nnew_certs_dir={self.folder}\n[any]\ncommonName=supplied\n"
        )
        days = ("20200101000000Z", "20200102000000Z") if expired else None
        validity = ["-startdate", days[0], "-enddate", days[1]] if days else ["-days", "2"]
        _openssl(
            "ca", "-batch", "-notext", "-config", str(config), "-cert", str(self.ca),
            "-keyfile", str(self._key), "-in", str(request), "-out", str(made.cert),
            "-extfile", str(extensions), "-extensions", "ext", *validity,
        )  # fmt: skip
        made.key.chmod(0o600)
        return made


def _openssl(*arguments: str) -> None:
    done = subprocess.run(
        ["openssl", *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr[-2000:]}")
