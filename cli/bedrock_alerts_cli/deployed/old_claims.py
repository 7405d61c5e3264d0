"""What version 0.2.0 left in the bucket of failed batches."""

from typing import Final

OLD_FOLDER: Final = "redrive/"
"""Where it kept the claims of `redrive`, which are now in the incidents table."""
