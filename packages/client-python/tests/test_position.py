"""The cases of CLIENTS.md, section 5, for any language."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, List

import pytest

from tickcast._generated import Gap
from tickcast.position import Ask, LostEvents, Outcome, Since, StreamPosition

CASES = json.loads(
    (Path(__file__).parents[2] / "protocol/conformance/clients/positions.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=[f"{case['channel']}: {case['name']}" for case in CASES])
def test_an_application_stands_where_the_cases_say(case: Dict[str, Any]) -> None:
    since = Since(**case["since"]) if "since" in case else None
    position = StreamPosition(case["channel"], None, named=case["named"], since=since)
    met = [take(position, case["channel"], step) for step in case["steps"]]
    assert met == [step["expect"] for step in case["steps"]]
    assert position.since == (Since(**case["then_since"]) if case["then_since"] else None)


def take(position: StreamPosition, channel: str, step: Dict[str, Any]) -> List[Dict[str, Any]]:
    event = SimpleNamespace(seq=None, published_at=None, conflated=0, snapshot=False, recovered=False)
    event.__dict__.update(step.get("push", {}))
    outcomes: List[Outcome] = []
    if "subscribed" in step:
        reply, asked = step["subscribed"], step["asked"]
        outcomes = position.subscribed(reply["epoch"], reply["seq"], Since(**asked) if asked else None)
    elif "push" in step:
        outcomes = position.push(event)
    elif "gap" in step:
        outcomes = position.gap(Gap.from_frame({"channel": channel, "key": None, **step["gap"]}))
    else:
        position.disconnected()
    return [described(outcome, event) for outcome in outcomes]


def described(outcome: Outcome, event: SimpleNamespace) -> Dict[str, Any]:
    """As it stands in the cases."""
    if isinstance(outcome, Ask):
        return {"ask": outcome.since and outcome.since._asdict(), "after_ms": outcome.after * 1000}
    if isinstance(outcome, LostEvents):
        gap = outcome
        return {
            "gap": {"epoch": gap.epoch, "from": gap.from_, "to": gap.to, "declared": gap.declared, "lost": gap.lost}
        }
    told = {"deliver": event.seq, "epoch": outcome.epoch}
    if outcome.conflated:
        told["conflated"] = outcome.conflated
    if event.snapshot:
        told["snapshot"] = True
    return told
