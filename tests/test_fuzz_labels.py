"""A few label files damaged at random; `benchmarks/fuzz_labels.py` has more of them."""

from benchmarks.fuzz_labels import problems


def test_damaged_labels_give_records_or_one_line(tmp_path):
    found, totals = problems(tmp_path, count=120, seed=5)
    assert found == []
    assert totals["files"] == 120
    assert totals["records"] > 0 and totals["errors"] > 0
