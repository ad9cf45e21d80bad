from __future__ import annotations

import json

from fabricscope.flow_document import document
from tests.fixtures.flows import flow, rdma


def test_a_flow_is_json_with_names() -> None:
    shown = json.loads(json.dumps(document(flow(rdma=rdma()))))
    assert shown["key"]["source"] == "10.0.0.1"
    assert shown["key"]["tunnel"] == "vxlan"
    assert shown["end_reason"] == "idle"
    assert shown["payload"]["label"] == "tls"
    assert shown["payload"]["alternatives"] == [{"label": "http", "confidence": 0.25}]
    assert shown["payload"]["fields"] == [{"name": "sni", "value": "a.example"}]
    assert shown["behaviour"]["label"] == "elephant"
    assert shown["rdma"]["joined_by"] == "sequence-numbers"
    assert shown["rdma"]["forward"]["naks"] == [{"code": 0, "count": 2}, {"code": 1, "count": 3}]
    assert shown["tcp"]["forward"]["round_trips"]["sum_ns"] == 9000
    assert (shown["observer"], shown["visibility"], shown["labels"]) == ("mirror0", 0.5, {"team": "a"})


def test_what_there_is_not_is_null() -> None:
    shown = document(flow(tcp=None))
    assert (shown["tcp"], shown["rdma"]) == (None, None)
