import json
from pathlib import Path
from typing import Any, Dict

import pytest

from tickcast.symbols import normal_key, normal_symbol

CASES = json.loads(
    (Path(__file__).parents[2] / "protocol/conformance/clients/symbols.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=[repr(case["symbol"]) for case in CASES])
def test_a_symbol_has_the_normal_form_of_the_server(case: Dict[str, Any]) -> None:
    assert normal_symbol(case["symbol"]) == case["key"]


def test_ids_of_agents_and_backtests_keep_their_case() -> None:
    assert normal_key("agent_status", "Coordinator") == "Coordinator"
    assert normal_key("backtest_progress", "bt 1") is None
    assert normal_key("backtest_progress", "bt_1\n") is None
