from __future__ import annotations

from lamella import errors
from lamella.registry import errors as registry_errors
from lamella.server.http import errors as http_errors
from lamella.server.http import status

CODES = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
}


def test_codes_are_those_of_the_specification() -> None:
    """Error Codes: the list is for 4xx; the two of our own are for what is not the client's fault."""
    found = set(status._STATUS.values())
    assert {code for http, code in found if http < 500} <= CODES
    assert {code for http, code in found if http >= 500} == {"UNAVAILABLE"}


def test_every_error_of_the_door_and_of_registries_has_a_status() -> None:
    """Error Codes: but for what never reaches a client, since the registry itself deals with it."""
    known = set(status._STATUS) | {registry_errors.CacheInvalid}
    for module in (registry_errors, http_errors):
        declared = {
            thing
            for thing in vars(module).values()
            if isinstance(thing, type)
            and issubclass(thing, errors.LamellaError)
            and thing.__module__ == module.__name__
        }
        assert declared <= known
