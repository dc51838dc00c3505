"""Inputs of the models: order, signs and families come from the catalogue alone."""

from __future__ import annotations

import pytest

from features import catalogue, inputs
from lake.errors import ContractBroken
from lake.tables import DIMENSIONS, table


def test_services_have_their_size_and_order() -> None:
    full, flow = inputs.feature_names("full_v1"), inputs.feature_names("flow_only_v1")
    assert (len(full), len(flow)) == (370, 264)
    assert full[:264] == flow and full[0] == "op_inflow_amt_1m" and full[-1] == "guarantee_circle_size"
    assert inputs.feature_hash("full_v1") != inputs.feature_hash("flow_only_v1")
    with pytest.raises(ContractBroken, match="full_v1"):
        inputs.feature_names("full_v2")


def test_signs_families_and_codes_follow_the_names() -> None:
    assert sum(s != 0 for s in inputs.monotone()) == 260
    assert inputs.family_of()["op_inflow_amt_12m"] == inputs.family_of()["op_inflow_amt_3m"] == "op_inflow_amt"
    assert inputs.family_of()["firm_age_months"] == "firm_age_months"
    assert inputs.code_of()["dishonest_debtor_active"] == "JD013"
    assert next(iter(inputs.dimension_of().values())) == "fund_scale"


def test_feature_tables_hold_exactly_the_catalogue() -> None:
    assert catalogue.dimensions() == DIMENSIONS
    keys = {"firm_id", "snapshot_date", "event_timestamp", "created_timestamp"}
    for name, columns in inputs.table_columns().items():
        assert [c for c in table(name).names if c not in keys] == columns
