"""The account and Region of all sample data and of the local stack."""

from typing import Final

ACCOUNT: Final = "111122223333"
REGION: Final = "eu-west-1"

NO_CREDENTIAL: Final = "local"
"""What stands for a key of AWS where none is checked."""
