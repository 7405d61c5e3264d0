"""The account and Region that everything invented here belongs to."""

from typing import Final

ACCOUNT: Final = "111122223333"
REGION: Final = "eu-west-1"
