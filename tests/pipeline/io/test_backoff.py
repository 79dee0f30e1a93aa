import pytest

from pipeline.errors import StorageUnavailableError
from pipeline.io.backoff import ATTEMPTS, passes, patiently


class Flaky:
    """Fails so often, then answers."""

    def __init__(self, failures: int, error: OSError) -> None:
        self.left = failures
        self.error = error

    def __call__(self) -> str:
        if self.left:
            self.left -= 1
            raise self.error
        return "data"


@pytest.mark.parametrize(
    "error",
    [
        OSError(
            "When reading key 'a' in bucket 'b': AWS Error SLOW_DOWN during GetObject operation: slow down"
        ),
        OSError("AWS Error UNKNOWN (HTTP status 503) during HeadObject operation"),
        OSError(
            "AWS Error NETWORK_CONNECTION during PutObject operation: curlCode: 56, Failure when receiving"
        ),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError("timed out"),
        OSError(116, "Stale file handle"),
    ],
)
def test_faults_that_pass_are_tried_again_with_growing_pauses(error: OSError) -> None:
    pauses: list[float] = []
    assert patiently(Flaky(3, error), pauses.append) == "data"
    assert len(pauses) == 3
    assert all(0.1 * 2**n <= pause <= 0.2 * 2**n for n, pause in enumerate(pauses))


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "No such file, says a server on connection reset"),
        PermissionError(13, "Permission denied"),
        OSError("AWS Error ACCESS_DENIED during GetObject operation: Access Denied"),
        OSError(28, "No space left on device"),
    ],
)
def test_faults_that_stay_are_told_at_once(error: OSError) -> None:
    flaky = Flaky(1, error)
    with pytest.raises(type(error)):
        patiently(flaky, lambda pause: pytest.fail("paused"))
    assert not passes(error)


def test_a_store_that_stays_down_is_nobodys_fault_but_its_own() -> None:
    pauses: list[float] = []
    with pytest.raises(StorageUnavailableError, match=f"storage failed {ATTEMPTS} times, lastly: timed out"):
        patiently(Flaky(100, TimeoutError("timed out")), pauses.append)
    assert len(pauses) == ATTEMPTS - 1
