"""The account and Region of all sample data."""

from typing import Final

ACCOUNT: Final = "111122223333"
REGION: Final = "eu-west-1"
