"""A few files damaged at random; `benchmarks/fuzz_inputs.py` has more of them."""

from benchmarks.fuzz_inputs import damaged, healthy, problems


def test_damaged_files_give_records_and_nothing_else(tmp_path):
    found, totals = problems(tmp_path, count=45, seed=3)
    assert found == []
    assert totals["files"] == 45
    assert totals["records"] > totals["failures"] > 0


def test_the_same_seed_gives_the_same_damage(tmp_path):
    kinds = healthy(tmp_path)
    assert list(damaged(kinds, 30, 1)) == list(damaged(kinds, 30, 1))
