"""GitHub's API as publishing needs it: few requests, bounded waiting, every refusal with the lines that mend it.

PyGithub has the connection, the login, and the waiting for rate limits; what is asked for is small enough to be read
as it comes.
"""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from github import Auth, Github, GithubException, GithubRetry
from github.Consts import DEFAULT_BASE_URL

from perfgate.errors import ArtifactError, PublishError
from perfgate.publishers.github.refusal import refusal

LONGEST_WAIT_S = 20  # for one request that is refused for a while; three tries make it a minute
BACKOFF_S = 0.5  # before the second try; doubles
TIMEOUT_S = 20
PAGE = 100
DOWNLOAD_S = 120  # for a whole artifact, however slowly it comes
_JSON = {"Accept": "application/vnd.github+json"}


class _Patience(GithubRetry):
    """Waits for rate limits, but never long: a job that waits is paid for, and its verdict stands anyway."""

    def get_retry_after(self, response: Any) -> float | None:
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, LONGEST_WAIT_S)


class Client:
    """One repository's API, with a token."""

    def __init__(self, repository: str, token: str, *, api_url: str = DEFAULT_BASE_URL) -> None:
        retry = _Patience(
            total=3,
            backoff_factor=BACKOFF_S,
            secondary_rate_wait=LONGEST_WAIT_S,
            max_rate_limit_wait=LONGEST_WAIT_S,
            allowed_methods={"GET", "POST", "PATCH", "DELETE"},
        )
        self._hub = Github(
            auth=Auth.Token(token),
            base_url=api_url,
            retry=retry,
            timeout=TIMEOUT_S,
            user_agent="perfgate",
            seconds_between_requests=None,  # a dozen requests in all: there is no flood to hold back
            seconds_between_writes=None,
        )
        logging.getLogger("github").setLevel(logging.WARNING)  # else each try that was refused gets a line
        self._root = f"/repos/{repository}"
        self.repository = repository

    def close(self) -> None:
        """Close the connections."""
        self._hub.close()

    def me(self) -> str | None:
        """Return who the token's user is; None for an app's, as that of a job is."""
        try:
            return str(self._hub.requester.requestJsonAndCheck("GET", "/user", headers=dict(_JSON))[1]["login"])
        except GithubException as exc:
            if exc.status in (requests.codes.forbidden, requests.codes.not_found):
                return None
            raise refusal(exc, "GET", "/user", self.repository) from exc
        except requests.RequestException as exc:
            raise refusal(exc, "GET", "/user", self.repository) from exc

    def get(self, path: str, **parameters: Any) -> Any:
        """Return what lies at a path below the repository.

        Raises: PublishError.
        """
        return self._ask("GET", path, parameters)[1]

    def get_or_none(self, path: str) -> Any:
        """Return what lies at a path below the repository, None where there is nothing.

        Raises: PublishError.
        """
        status, headers, text = self._raw(path, {}, dict(_JSON))
        if status in (requests.codes.not_found, requests.codes.unprocessable):
            return None
        if status != requests.codes.ok:
            raise self._refused(status, headers, text, "GET", path)
        return json.loads(text)

    def send(self, verb: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Change something, and return what is there then; PublishError where that was refused."""
        return self._ask(verb, path, {}, body)[1]

    def pages(self, path: str, **parameters: Any) -> Iterator[Any]:
        """Yield all items of a list, however many pages it has."""
        page = 1
        while True:
            headers, items = self._ask("GET", path, {**parameters, "per_page": PAGE, "page": page})
            yield from items
            if 'rel="next"' not in headers.get("link", ""):
                return
            page += 1

    def content(self, path: str, *, ref: str) -> bytes | None:
        """Return a file of the repository at a branch or commit, None where there is none.

        Raises: PublishError.
        """
        status, headers, text = self._raw(
            f"/contents/{quote(path)}", {"ref": ref}, {"Accept": "application/vnd.github.raw+json"}
        )
        if status == requests.codes.not_found:
            return None
        if status != requests.codes.ok:
            raise self._refused(status, headers, text, "GET", "/contents")
        return text.encode()

    def archive(self, path: str, *, largest: int) -> bytes:
        """Return a file that the API redirects to, refused where it has more than `largest` bytes.

        Raises: PublishError.
        """
        status, headers, text = self._raw(path, {}, dict(_JSON))
        if status != requests.codes.found or "location" not in headers:
            raise self._refused(status, headers, text, "GET", path)
        where = str(headers["location"])
        deadline = time.monotonic() + DOWNLOAD_S
        why = f"not within {DOWNLOAD_S} s"
        try:
            # Another host: the token is not for it. The address itself is a secret: it is signed.
            with requests.get(where, stream=True, timeout=TIMEOUT_S) as response:
                if response.status_code != requests.codes.ok:
                    raise _refused_download(where, f"status {response.status_code}")
                data = bytearray()
                for chunk in response.iter_content(2**16):
                    data += chunk
                    if len(data) > largest:
                        raise ArtifactError(f"the artifact has more than {largest:,} bytes")
                    if time.monotonic() > deadline:
                        raise _refused_download(where, why)
                return bytes(data)
        except requests.RequestException as exc:
            raise _refused_download(where, type(exc).__name__) from None

    def _raw(self, path: str, parameters: dict[str, Any], headers: dict[str, str]) -> tuple[int, dict[str, Any], str]:
        try:
            return self._hub.requester.requestJson("GET", self._root + path, parameters, headers)
        except (GithubException, requests.RequestException) as exc:
            raise refusal(exc, "GET", path, self.repository) from exc

    def _ask(
        self, verb: str, path: str, parameters: dict[str, Any], body: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], Any]:
        try:
            return self._hub.requester.requestJsonAndCheck(
                verb, self._root + path, parameters, dict(_JSON), input=None if body is None else dict(body)
            )
        except (GithubException, requests.RequestException, ValueError) as exc:
            raise refusal(exc, verb, path, self.repository) from exc

    def _refused(self, status: int, headers: dict[str, Any], text: str, verb: str, path: str) -> PublishError:
        exc = self._hub.requester.createException(status, headers, {"message": text[:500]})
        return refusal(exc, verb, path, self.repository)


def _refused_download(address: str, why: str) -> PublishError:
    """Return the error for an artifact that did not come, with no more of its address than the host."""
    host = urlsplit(address).hostname or "an address without a host"
    return PublishError(f"the artifact cannot be downloaded from {host}: {why}", hint="run the job again")
