import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.io.shards import read_members

LIKE_A_HEADER = bytes(512 + 257) + b"ustar" + bytes(250)


def shard_of(members: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


contents = st.one_of(st.binary(max_size=1600), st.just(LIKE_A_HEADER), st.integers(0, 5000).map(bytes))


@settings(max_examples=200)
@given(st.lists(contents, max_size=6))
def test_members_are_those_that_tarfile_finds(data: list[bytes]) -> None:
    made = [(f"{n:06d}-000000.{n}.jpg", content) for n, content in enumerate(data)]
    shard = shard_of(made)
    members = read_members(shard)
    places = zip(members.names, members.offsets.tolist(), members.sizes.tolist(), strict=True)
    assert [(name, shard[at : at + size]) for name, at, size in places] == made


def test_what_is_no_shard_is_an_error() -> None:
    with pytest.raises(tarfile.TarError):
        read_members(b"no shard" * 300)
