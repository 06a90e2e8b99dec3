"""What a person sees of a defect."""

from __future__ import annotations

import pytest

from nnspec.cli.output import report_defect


def test_a_defect_is_a_line_and_a_request(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        raise KeyError("two\nlines")
    except KeyError as error:
        assert report_defect(error, "iris.nn") == 1
        first, second = capsys.readouterr().err.splitlines()
        assert first.startswith("error: KeyError: ") and "(test_output.py:" in first
        assert "please report it with iris.nn" in second
        monkeypatch.setenv("NNSPEC_TRACEBACK", "1")
        with pytest.raises(KeyError):
            report_defect(error)
