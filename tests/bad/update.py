"""`python -m tests.bad.update [THEME …]` writes the golden answers anew, and says where a place is not as marked."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.bad.cases import FOLDER, answer, golden_json, golden_text, themes, unpack


def main() -> None:
    for theme in sys.argv[1:] or themes():
        answers = {}
        for number, case in enumerate(unpack(theme, Path(tempfile.mkdtemp()))):
            folder = Path(tempfile.mkdtemp(prefix=f"{number}-"))
            unpack(theme, folder)
            answers[case.name] = answer(case, folder)
            if sorted(answers[case.name].places) != sorted(case.wanted):
                print(f"{theme}/{case.name}: marked {sorted(case.wanted)}, said:\n{answers[case.name].text}")
        (FOLDER / theme / "golden.txt").write_text(golden_text(answers))
        if any(one.found for one in answers.values()):
            (FOLDER / theme / "golden.json").write_text(golden_json(answers))


if __name__ == "__main__":
    main()
