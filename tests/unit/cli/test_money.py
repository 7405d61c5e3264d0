"""Amounts as text: what was spent is never shown as nothing."""

import pytest

from bedrock_alerts_cli.money import exact_usd, six_digits, usd


@pytest.mark.parametrize(
    ("picodollars", "exact", "short"),
    [
        (0, "$0.000000", "$0.00"),
        (1, "<$0.000001", "<$0.000001"),
        (400_000, "<$0.000001", "<$0.000001"),
        (999_999, "<$0.000001", "<$0.000001"),
        (1_000_000, "$0.000001", "$0.000001"),
        (123_456_000_000, "$0.123456", "$0.123456"),
        (1_045_678_000_000, "$1.045678", "$1.05"),
        (12_345 * 10**12, "$12,345.000000", "$12,345.00"),
    ],
)
def test_no_amount_is_shown_as_zero(picodollars: int, exact: str, short: str) -> None:
    assert (exact_usd(picodollars), usd(picodollars)) == (exact, short)


def test_data_points_have_no_sign() -> None:
    assert [six_digits(value) for value in (0.0, 4e-07, 1.5)] == [
        "0.000000",
        "<0.000001",
        "1.500000",
    ]
