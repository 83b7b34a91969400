"""Masking of personal data and secrets.

What is found: e-mail addresses; payment cards (ISO/IEC 7812 prefix and length, Luhn); IBANs
(ISO 13616, mod 97); JSON web tokens, keys of known issuers, bearer tokens and values of token,
key, authorization and cookie pairs; private keys (RFC 7468); passwords in ``key=value`` and JSON
pairs, in command line flags and in URLs; on demand telephone numbers (``+CC ...`` and
``(ddd) ddd-dddd``) and IPv4/IPv6 addresses; own rules.

Two sets of rules have a name. ``"all"``, the default of :func:`mask_pii`, turns everything on.
``"storage"``, which stores and the service apply before anything is written, leaves IP addresses
and telephone numbers: operators need addresses to find an attacker, and the ``ip_address`` column
is kept unless the IP rule is on. A setting or argument changes either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, Literal, overload

from logforest import _core
from logforest.batch import LogBatch
from logforest.errors import ConfigError

__all__ = ["MaskRules", "mask_pii"]


@dataclass(frozen=True, slots=True)
class MaskRules:
    """What is masked, and how. The defaults are the set ``"storage"``.

    Masks are ``<EMAIL> <CARD> <IBAN> <TOKEN> <PASSWORD> <PHONE> <IP> <USER>``. With
    ``replacement="hash"`` they carry the first 64 bits of the value's SHA-256
    (``<EMAIL:3f9a...>``): equal values stay equal, but values that can be listed (cards, phones,
    known addresses) can be guessed. With ``"pseudonym"`` it is HMAC-SHA-256 (RFC 2104, OpenSSL)
    under ``key``: joins work, guessing needs the key. Passwords and tokens get plain masks always.

    Raises
    ------
    ConfigError
        A pattern that RE2 refuses or that matches empty text, a name that is not capitals, a key
        that is missing or shorter than 16 bytes, a prefix out of range.

    Examples
    --------
    >>> import logforest as lf
    >>> lf.mask_pii("from 10.1.2.3", lf.MaskRules(ip="prefix"))
    'from 10.1.2.0'
    """

    email: bool = True
    card: bool = True
    iban: bool = True
    token: bool = True
    password: bool = True
    phone: bool = False
    ip: Literal["off", "mask", "prefix"] = "off"
    ipv4_prefix: int = 24  # bits kept by ip="prefix"
    ipv6_prefix: int = 48
    user_id: bool = False  # the whole column of a batch; e-mails in it are masked anyway
    replacement: Literal["mask", "hash", "pseudonym"] = "mask"
    key: str | bytes = field(default=b"", repr=False)
    custom: Mapping[str, str] = field(default_factory=dict)  # NAME -> RE2 pattern

    def __post_init__(self) -> None:
        if self.ip not in ("off", "mask", "prefix"):
            raise ConfigError(f"ip is off, mask or prefix, not {self.ip!r}")
        if self.replacement not in ("mask", "hash", "pseudonym"):
            raise ConfigError(f"replacement is mask, hash or pseudonym, not {self.replacement!r}")
        if not (0 <= self.ipv4_prefix <= 32 and 0 <= self.ipv6_prefix <= 128):
            raise ConfigError("ipv4_prefix is 0 to 32, ipv6_prefix 0 to 128")

    @classmethod
    def named(cls, name: str) -> MaskRules:
        """The set ``"all"`` or ``"storage"``."""
        if name == "all":
            return cls(phone=True, ip="mask")
        if name == "storage":
            return cls()
        raise ConfigError(f'there are no masking rules {name!r}; the sets are "all" and "storage"')

    @classmethod
    def of(cls, rules: Rules, default: str = "all") -> MaskRules:
        """Rules from all that is accepted: None, a name, a mapping of changes, or rules.

        A mapping changes the default set: ``{"ip": "off"}``.
        """
        if isinstance(rules, MaskRules):
            return rules
        if rules is None:
            return cls.named(default)
        if isinstance(rules, str):
            return cls.named(rules)
        if isinstance(rules, Mapping):
            known = {f.name for f in fields(cls)}
            unknown = sorted(set(rules) - known)
            if unknown:
                raise ConfigError(
                    f"no masking rule {', '.join(map(repr, unknown))}; "
                    f"there is {', '.join(sorted(known))}"
                )
            return replace(cls.named(default), **rules)
        raise ConfigError(f"masking rules are a name, a mapping or MaskRules, not {rules!r}")

    def masker(self) -> _core.Masker:
        """The compiled rules; equal rules share one."""
        return _masker(self._hashable())

    def _hashable(self) -> tuple[tuple[str, Any], ...]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["custom"] = tuple(self.custom.items())
        return tuple(values.items())


Rules = MaskRules | Mapping[str, Any] | str | None


@lru_cache(maxsize=64)
def _masker(values: tuple[tuple[str, Any], ...]) -> _core.Masker:
    plain = dict(values)
    plain["custom"] = dict(plain["custom"])
    return _core.Masker(plain)


@overload
def mask_pii(text_or_batch: str, rules: Rules = None) -> str: ...
@overload
def mask_pii(text_or_batch: bytes, rules: Rules = None) -> bytes: ...
@overload
def mask_pii(text_or_batch: LogBatch, rules: Rules = None) -> LogBatch: ...
@overload
def mask_pii(text_or_batch: list[str], rules: Rules = None) -> list[str]: ...
def mask_pii(text_or_batch: Any, rules: Rules = None) -> Any:
    """Replace personal data and secrets by masks.

    Parameters
    ----------
    text_or_batch
        A str or bytes, a list of str (None stays None), or a LogBatch. Of a batch the message,
        endpoint, ``ip_address``, ``user_id``, all values in the metadata and the text of rejected
        lines are masked; each record by itself.
    rules
        ``"all"`` (default), ``"storage"``, a mapping of changes to the default
        (``{"ip": "off", "custom": {"TICKET": r"TCK-\\d+"}}``), or :class:`MaskRules`.

    Returns
    -------
    The same type as given; the argument is not changed. Masking twice changes nothing more. The
    template of a message is the same before and after (own rules and command line flags aside).

    Raises
    ------
    ConfigError
        Rules that are wrong, or something that is neither text nor a batch.

    Examples
    --------
    >>> import logforest as lf
    >>> lf.mask_pii("login of bob@example.org, password=hunter2")
    'login of <EMAIL>, password=<PASSWORD>'
    """
    masker = MaskRules.of(rules).masker()
    if isinstance(text_or_batch, str):
        return masker.mask_text(text_or_batch)
    if isinstance(text_or_batch, (bytes, bytearray)):
        return masker.mask_bytes(bytes(text_or_batch))
    if isinstance(text_or_batch, LogBatch):
        return LogBatch._from_core(masker.mask_batch(text_or_batch._core))
    if isinstance(text_or_batch, (list, tuple)):
        for item in text_or_batch:
            if not (item is None or isinstance(item, str)):
                raise ConfigError(f"a list to mask holds str or None, not {type(item).__name__}")
        return masker.mask_list(list(text_or_batch))
    raise ConfigError(
        f"cannot mask {type(text_or_batch).__name__}: pass str, bytes, a list of str or a LogBatch"
    )
