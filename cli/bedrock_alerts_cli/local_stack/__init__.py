"""The whole product on one machine: the real template and handlers on an embedded AWS engine."""
