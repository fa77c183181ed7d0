"""The mutants of tests/mutants fit the present source; the campaign takes only assertions as caught."""

import ast
from pathlib import Path
from typing import Any

import pytest

from tests.mutants import campaign
from tests.mutants.campaign import REPOSITORY
from tests.mutants.mutants import MUTANTS
from tests.mutants.patch import Mutant, PatchError
from tests.mutants.short import promised, short_form
from tests.mutants.witness import is_assertion

EACH = [pytest.param(mutant, id=mutant.name) for mutant in MUTANTS]


@pytest.mark.parametrize("mutant", EACH)
def test_a_mutant_fits_the_source_once_changes_it_and_compiles(mutant: Mutant) -> None:
    source = (REPOSITORY / mutant.path).read_text()

    mutated = mutant.applied_to(source)

    assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source))
    compile(mutated, str(mutant.path), "exec")


@pytest.mark.parametrize("mutant", EACH)
def test_the_tests_that_have_to_notice_a_mutant_are_there(mutant: Mutant) -> None:
    assert mutant.caught_by
    for test in mutant.caught_by:
        file, _, name = test.partition("::")
        assert name.partition("[")[0] in (REPOSITORY / file).read_text()


def test_there_are_enough_mutants_and_each_has_a_name_and_a_sentence_of_its_own() -> None:
    assert len(MUTANTS) >= 20
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len({mutant.breaks for mutant in MUTANTS}) == len(MUTANTS)
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS)


def mutant(old: str) -> Mutant:
    return Mutant("m", "it breaks", "queue.py", old=old, new="pass", caught_by=("tests/unit",))


@pytest.mark.parametrize(
    ("old", "found"), [pytest.param("c", 0, id="gone"), pytest.param("a", 2, id="ambiguous")]
)
def test_a_mutant_that_does_not_fit_is_an_error(old: str, found: int) -> None:
    with pytest.raises(PatchError, match=f"m: queue.py has the text {found} times, not once"):
        mutant(old).applied_to("a = b\na = d\n")


ASSERTED: dict[str, Any] = {"test": "t::x", "asserted": True, "said": "assert 1 == 2"}
IMPORT: dict[str, Any] = {"test": "t::y", "asserted": False, "said": "ImportError: no"}


@pytest.mark.parametrize(
    ("code", "failures", "witnesses", "said"),
    [
        pytest.param(1, [ASSERTED], ("t::x",), "assert 1 == 2", id="asserted"),
        pytest.param(1, [IMPORT, ASSERTED], ("t::x",), "assert 1 == 2", id="asserted-too"),
        pytest.param(1, [IMPORT], (), "but: ImportError: no", id="another-error-alone"),
        pytest.param(0, [], (), "pytest ended with 0: all passed", id="survived"),
        pytest.param(2, [IMPORT], (), "pytest ended with 2", id="not-collected"),
        pytest.param(4, [], (), "pytest ended with 4", id="no-such-test"),
        pytest.param(None, [], (), "the tests hang", id="hung"),
    ],
)
def test_only_a_failed_assertion_catches_a_mutant(
    code: int | None, failures: list[dict[str, Any]], witnesses: tuple[str, ...], said: str
) -> None:
    found, words = campaign.verdict_of(code, "…\nall passed\n", failures)

    assert witnesses == found
    assert said in words


@pytest.mark.parametrize(
    ("error", "asserted"),
    [
        pytest.param(AssertionError("no"), True, id="assert"),
        pytest.param(pytest.fail.Exception("DID NOT RAISE <E>"), True, id="did-not-raise"),
        pytest.param(pytest.fail.Exception("Timeout (>60.0s)"), False, id="took-too-long"),
        pytest.param(KeyError("x"), False, id="another-error"),
        pytest.param(ExceptionGroup("2", [KeyError(), AssertionError()]), True, id="one-of-two"),
        pytest.param(ExceptionGroup("1", [KeyError()]), False, id="none-of-one"),
    ],
)
def test_what_counts_as_an_assertion(error: BaseException, *, asserted: bool) -> None:
    assert asserted is is_assertion(error)


def test_the_copy_holds_what_tests_need_and_no_byte_code(tmp_path: Path) -> None:
    campaign.copy_repository(tmp_path)

    assert (tmp_path / "operator/deepseek_operator/plan.py").exists()
    assert (tmp_path / "tests/unit/test_plan.py").exists()
    assert not list(tmp_path.rglob("*.pyc"))


def test_the_short_form_has_all_that_break_a_promise_and_some_of_the_others() -> None:
    names = {mutant.name for mutant in MUTANTS}
    chosen = [mutant.name for mutant in short_form(MUTANTS)]

    assert promised() & names <= set(chosen)
    assert len(promised() & names) > 50
    assert len(names) / 6 < len(chosen) < len(names) / 2
    assert chosen == [mutant.name for mutant in MUTANTS if mutant.name in set(chosen)]
