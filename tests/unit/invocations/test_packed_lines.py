"""Lines come back as they were, also where they had to be compressed, and do not fill memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_alerts.errors import BatchError
from bedrock_alerts.invocations import packed_lines
from bedrock_alerts.invocations.packed_lines import PackedLines


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line)), st.integers(1, 50))
def test_lines_come_back_in_order(lines: list[bytes], block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_lines, "_BLOCK_BYTES", block)
        packed = PackedLines()
        packed.extend(lines)
        assert list(packed) == lines
        assert len(packed) == len(lines)
        assert packed[:2] == tuple(lines[:2])


def test_what_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_lines, "_BLOCK_BYTES", 1000)
    monkeypatch.setattr(packed_lines, "MOST_PACKED_BYTES", 100)
    with pytest.raises(BatchError, match="do not fit into memory"):
        PackedLines().extend(number.to_bytes(40) for number in range(1000))
