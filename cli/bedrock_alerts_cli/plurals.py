"""Numbers with their nouns: `1 alarm`, `2 alarms`."""


def count(number: float, one: str, many: str = "") -> str:
    """Write a number with its noun, in the plural unless it is 1."""
    return f"{number:,.0f} {one if number == 1 else many or f'{one}s'}"
