from __future__ import annotations

from pathlib import Path

from probes.flows.language import cases
from probes.flows.language.rule import Case, Payload
from tests.probes.flows.language.made import loaded

RULES = r"""rules:
  base:
    summary: b
    transport: [tcp, 'ip/89', ether/0x88CC, rdma]
    confidence: 0.9
    client: {match: '^ab'}
    cases:
      - {name: over tcp, client: abc}
      - {name: over ip, transport: ip/89, client: [abc]}
      - {name: over ethernet, transport: ether/0x88cc, client: {hex: '61 62'}}
      - {name: over rdma, transport: rdma, client: ab}
      - {name: not at all, client: ba, expect: not}
      - {name: nothing, client: ba, expect: }
      - {name: finer, client: ab, server: cd, expect: finer}
  finer:
    summary: f
    refines: base
    confidence: 0.8
    server: '^cd'
    cases:
      - {name: by turns, client: ab, server: cd}
      - {name: the server first, client: ab, server: cd, begins: server}
      - {name: wrong, client: ab, server: xy}
      - {name: no field, client: ab, server: cd, fields: {sni: x}}
      - {name: wrong refusal, client: ab, server: cd, expect: not}
"""


def test_cases_go_through_the_engine(tmp_path: Path) -> None:
    count, failures = cases.run(loaded(tmp_path, RULES))
    assert count == 12
    assert [(each.line, each.message.partition(", by")[0]) for each in failures] == [
        (23, "finer: case 'wrong': expected finer, came out as base (base, 0.90)"),
        (24, "finer: case 'no field': expected the field sni to be 'x'; fields: none"),
        (25, "finer: case 'wrong refusal': expected anything but finer, came out as finer (finer, 0.80)"),
    ]


def test_payloads_by_turns() -> None:
    case = Case(name="n", client=(Payload(text="1"), Payload(text="3")), server=(Payload(hex="32"),))
    assert list(cases.packets(case)) == [(True, b"1"), (False, b"2"), (True, b"3")]
    case = Case(name="n", client=(Payload(text="2"),), server=(Payload(text="1"), Payload(text="3")), begins="server")
    assert list(cases.packets(case)) == [(False, b"1"), (True, b"2"), (False, b"3")]
