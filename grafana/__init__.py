"""Grafana dashboards as code, with the rules and the provisioning files that they need."""
