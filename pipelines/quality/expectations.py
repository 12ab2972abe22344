"""Great Expectations over the month's measures, as they stand in the warehouse: one expectation a promise.

It reads figures of senders, roles, quantities and domains, never a row; its results say yes or no and hold no value.
Its import takes seconds: nothing but :func:`held_by` makes it.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from loaders.errors import ServiceMissing
from loaders.warehouse import Warehouse


@dataclass(frozen=True)
class Bounds:
    """A promise's name and the bounds, both included, of its gaps."""

    promise: str
    low: Decimal | None
    high: Decimal | None


def held_by(warehouse: Warehouse, profile: str, month: date, asked: Iterable[Bounds]) -> dict[str, bool]:
    """Whether each promise holds of the measures that are kept of a month. A promise without any measure holds.

    Args:
        profile: who connects.

    Raises:
        ServiceMissing: the warehouse cannot be reached.
        RuntimeError: an expectation could not be judged; the message holds no value.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.datasource.fluent.interfaces import TestConnectionError

    for name in ("great_expectations", "great_expectations.data_context.types.base"):  # it sets this one's by itself
        logging.getLogger(name).setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    with warnings.catch_warnings():
        # The source of its own for PostgreSQL wants another driver.
        warnings.filterwarnings("ignore", "You are using a generic SQLDatasource")
        try:
            source = context.data_sources.add_sql(
                "warehouse", connection_string=warehouse.address(profile), create_temp_table=False
            )
        except TestConnectionError:
            raise ServiceMissing("the warehouse cannot be reached by Great Expectations") from None
    try:
        return {one.promise: _holds(gx, source, month, one) for one in asked}
    finally:
        for engine in (source.get_engine(), source.get_execution_engine().engine):
            engine.dispose()


def _holds(gx: Any, source: Any, month: date, one: Bounds) -> bool:
    # Names and days are ours: the declaration's and the calendar's.
    text = f"select gap from quality.measure where month = date '{month}' and promise = '{one.promise}'"  # noqa: S608
    batch = source.add_query_asset(one.promise, query=text).add_batch_definition_whole_table("month").get_batch()
    expectation = gx.expectations.ExpectColumnValuesToBeBetween(
        column="gap",
        min_value=None if one.low is None else float(one.low),
        max_value=None if one.high is None else float(one.high),
    )
    result = batch.validate(expectation, result_format="BOOLEAN_ONLY")
    if result.exception_info and _raised(result.exception_info):
        raise RuntimeError(f"the promise {one.promise} could not be judged")
    return bool(result.success)


def _raised(told: dict[str, Any]) -> bool:
    """Whether an expectation met an exception: it tells one at once, or one a metric."""
    if "raised_exception" in told:
        return bool(told["raised_exception"])
    return any(one.get("raised_exception") for one in told.values())
