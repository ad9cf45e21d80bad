"""What NFStream needs for captures.

It runs in an environment of its own, with NFStream and nothing of this project:

python nfstream_peer.py DISSECTIONS FILE

prints JSON: processor time in seconds, the packets it counted and the flows it told. With DISSECTIONS 0 nDPI looks at
no payload.
"""

import json
import os
import sys

from nfstream import NFStreamer  # type: ignore[import-not-found]  # not in this environment


def main() -> None:
    """One capture, one worker, no statistics beside packets and octets."""
    dissections, file = sys.argv[1:]
    before = os.times()
    packets = flows = 0
    for flow in NFStreamer(source=file, n_dissections=int(dissections), n_meters=1, statistical_analysis=False):
        packets += flow.bidirectional_packets
        flows += 1
    after = os.times()
    print(json.dumps({"seconds": sum(after[:4]) - sum(before[:4]), "packets": packets, "flows": flows}))


if __name__ == "__main__":
    main()
