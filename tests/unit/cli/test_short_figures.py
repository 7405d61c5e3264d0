"""Figures on narrow terminals."""

import pytest

from bedrock_alerts_cli.short_figures import shortened


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("", ""),
        ("?", "?"),
        ("0", "0"),
        ("9,999", "9,999"),
        ("10,000", "10.0k"),
        ("12,345", "12.3k"),
        ("123,456", "123k"),
        ("99,960", "100k"),
        ("999,499", "999k"),
        ("999,999", "1.00M"),
        ("1,234,567", "1.23M"),
        ("9,996,000", "10.0M"),
        ("1,234,567,890", "1.23G"),
        ("1,234,567,890,123,456", "1,235T"),
        ("$0.000123", "$0.000123"),
        ("<$0.000001", "<$0.000001"),
        ("~$1.045678", "~$1.05"),
        ("$12,345.67", "$12.3k"),
        ("12.4%", "12.4%"),
    ],
)
def test_three_digits_are_left(text: str, short: str) -> None:
    assert shortened(text) == short
