"""A BMC by Redfish (DMTF DSP0266): what of its tree is read, and what the resources in it say.

`client.py` is the connection, `walk.py` decides which links are followed and how far, the other modules are pure
functions from decoded JSON to facts. Nothing here trusts the BMC: a link leads below /redfish/v1 or nowhere, and
bodies, resources and depth are bounded.
"""
