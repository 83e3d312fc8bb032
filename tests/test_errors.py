"""Unknown names are answered with the nearest known one, and with what there is."""

from roar.errors import did_you_mean


def test_the_nearest_name_comes_first_then_all_of_them() -> None:
    assert did_you_mean("stagetwo", ["stage1", "stage2", "encoder"]).startswith("did you mean stage2? There are: ")
    assert did_you_mean("stagetwo", ["stage2", "encoder"]).endswith("encoder, stage2")


def test_case_does_not_hide_the_nearest_name() -> None:
    assert did_you_mean("product_id", ["Product_ID", "Title"]).startswith("did you mean Product_ID?")


def test_nothing_near_lists_what_there_is() -> None:
    assert did_you_mean("zzz", ["b", "a"]) == "there are: a, b"


def test_no_names_at_all_is_said() -> None:
    assert did_you_mean("x", []) == "there are none"


def test_a_long_list_is_cut_and_says_so() -> None:
    message = did_you_mean("zzz", [f"name_{number:02d}" for number in range(40)])
    assert message.endswith("name_29 and 10 more")
