"""Formulas become MathML rebuilt from a list, or stay as their source."""

import time

import pytest

from labeling.rendering.formulas import MAX_CHARS, formula
from tests.rendering.inspection import faults


def test_a_formula_is_typeset_and_keeps_its_source_for_readers() -> None:
    html = formula(r"\frac{a}{b} < 1", is_display=True)
    assert html.startswith('<math display="block" tabindex="0" alttext="\\frac{a}{b} &lt; 1">')
    assert "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>" in html


@pytest.mark.parametrize(
    "latex",
    [
        r"\alpha + \beta",
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
        r"\begin{cases} a & b \\ c & d \end{cases}",
        r"\sum_{i=1}^{n} i = \frac{n(n+1)}{2}",
        r"\left( \int_0^1 x^2 \, dx \right)",
        r"\sqrt[3]{x} \cdot \mathbb{R} \vec{v} \hat{y} \boxed{42}",
        r"P(A \mid B) \geq 0.5 \quad \text{if } x < y",
    ],
)
def test_what_models_write_is_typeset(latex: str) -> None:
    html = formula(latex, is_display=False)
    assert html.startswith("<math")
    assert faults(html) == []
    assert "&amp;#x" not in html


@pytest.mark.parametrize(
    "latex",
    [
        r"\href{javascript:boom()}{x}",
        r"\style{position:fixed}{x}",
        r"\class{dock}{x}",
        r"\htmlData{hx-get=/x}{y}",
        r"\htmlId{task}{y}",
        r"\includegraphics{x.png}",
        r"\def\a{\a\a}\a",
        r"\newcommand{\a}{\a\a}\a",
        r"\unicode{x41}",
        "a & b < c",
        "{{{{",
        "}" * 50,
        r"\frac",
        r"\begin{nonsense}x\end{nonsense}",
        "x" * (MAX_CHARS + 1),
        "{" * 100_000,
        "",
    ],
)
def test_what_cannot_be_typeset_is_shown_as_its_source(latex: str) -> None:
    html = formula(latex, is_display=False)
    assert faults(html) == []
    if not html.startswith("<math"):
        assert html.startswith('<code class="tex" dir="ltr">')


@pytest.mark.parametrize("latex", [r"\href{javascript:x}{y}", "a & b", "{" * 100_000, r"\def\a{}"])
def test_the_source_stays_readable(latex: str) -> None:
    assert latex.replace("&", "&amp;") in formula(latex, is_display=True)


def test_lengths_that_leave_the_box_are_dropped() -> None:
    html = formula(r"\hspace{9999em}x\hspace{1em}y", is_display=False)
    assert "9999" not in html.partition('">')[2]
    assert 'width="1em"' in html


@pytest.mark.parametrize(
    "unit", ["^", "{}", r"\frac", r"\sqrt", "x_", r"\left(", "a&", "'", r"\text{", "$", r"\binom"]
)
def test_one_formula_takes_a_bounded_time(unit: str) -> None:
    latex = (unit * MAX_CHARS)[:MAX_CHARS]
    ordinary = ("x+" * MAX_CHARS)[: MAX_CHARS - 1]
    ratios = []
    for _ in range(4):
        # A ratio within one run: machines differ and are shared.
        begun = time.thread_time()
        formula(ordinary, is_display=True)
        between = time.thread_time()
        html = formula(latex, is_display=True)
        ratios.append((time.thread_time() - between) / (between - begun))
    assert min(ratios) < 5
    assert faults(html) == []
