"""The text of a result in a notebook has lines that fit beside the list of files."""

from hypothesis import given
from hypothesis import strategies as st

from esaws._display import WIDTH, in_lines

WORD = "seccom-client-web-ui-tg:"


def test_a_long_line_continues_in_the_next_one_with_more_indentation() -> None:
    line = f"  {' '.join([WORD] * 5)}"
    assert in_lines(f"deny\n{line}\n") == f"deny\n  {' '.join([WORD] * 3)}\n      {WORD} {WORD}\n"


@given(st.lists(st.text("abc-:/ ", max_size=300), max_size=5))
def test_no_word_is_lost_or_broken(lines: list[str]) -> None:
    shown = in_lines("\n".join(lines))
    assert shown.split() == " ".join(lines).split()
    assert all(len(line) <= WIDTH or len(line.split()) == 1 for line in shown.split("\n"))


@given(st.lists(st.text("abc ", max_size=WIDTH), max_size=5))
def test_lines_that_fit_stay_as_they_are(lines: list[str]) -> None:
    assert in_lines("\n".join(lines)) == "\n".join(lines)
