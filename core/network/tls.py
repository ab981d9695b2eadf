# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whom to trust, and who we are, on encrypted connections."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import NoReturn

from core.foundation.errors import TlsError

# What requests and curl look at; OpenSSL itself looks at SSL_CERT_FILE and SSL_CERT_DIR.
_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def client_context(ca_file: Path | None, client_certificate: tuple[Path, Path] | None, fallback: str) -> ssl.SSLContext:
    """TLS 1.2 or newer; certificates and names are always checked.

    Trusted are the system's authorities and those in `ca_file`. A bundle named by the environment replaces the
    system's ones, unless `ca_file` is given: then the environment has no say. `fallback` is a bundle for systems
    that have none. Raises TlsError naming the file that cannot be used.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        _load_authorities(context, ca_file)
    elif named := next((os.environ[name] for name in _BUNDLE_VARIABLES if os.environ.get(name)), None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _load_authorities(context, Path(named))
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and paths.capath is None:
        _load_authorities(context, Path(fallback))
    if client_certificate is not None:
        _load_identity(context, *client_certificate)
    return context


def _load_authorities(context: ssl.SSLContext, path: Path) -> None:
    try:
        if path.is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        raise TlsError("The certificates to trust cannot be read", f"{path}: {_words(error)}") from error


def _load_identity(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except OSError as error:
        raise TlsError("The client certificate cannot be used", f"{certificate}, {key}: {_words(error)}") from error


def _no_password() -> NoReturn:
    """Without this OpenSSL would ask on the terminal."""
    raise ssl.SSLError(1, "the key is protected by a password; store it without one, readable by you alone")


def _words(error: OSError) -> str:
    return error.strerror or str(error)
