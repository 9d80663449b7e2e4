import pytest

from case import _core


def test_views() -> None:
    data = bytearray(b"\x01\x02")
    view = _core.View(data)
    assert view.sum() == 3
    data[0] = 255
    assert view.sum() == 257
    assert repr(view) == "View(2 bytes)"
    with pytest.raises(BufferError, match="gaps"):
        _core.View(memoryview(data)[::-1])
