"""The contenders of `make bench` do the same job, also after the product has changed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.benchmarks import collect, published, workloads


@pytest.mark.parametrize("name", [name for name in collect.CONTENDERS if name != collect.OURS])
@pytest.mark.parametrize("workload", [workloads.small, workloads.mixed])
def test_every_contender_publishes_what_the_collector_does(
    name: str, workload: Callable[[datetime], dict[str, Any]]
) -> None:
    event = workload(datetime.now(UTC))

    published.check_same(collect.ours(event), str(collect.CONTENDERS[name](event)), name)


def test_a_contender_that_leaves_something_out_is_named() -> None:
    event = workloads.small(datetime.now(UTC))
    all_of_it = collect.ours(event)

    with pytest.raises(AssertionError, match="nobody does another job"):
        published.check_same(all_of_it, "\n".join(all_of_it.splitlines()[:-1]), "nobody")
