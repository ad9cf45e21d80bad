"""The provisioning files fit what is shipped beside them."""

from __future__ import annotations

import re

import yaml

from tests.grafana import shipped

PROVISIONING = shipped.GRAFANA / "provisioning"


def test_the_data_source_is_a_prometheus_with_its_scrape_interval() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "fabricscope.yaml").read_text("utf-8"))["datasources"]
    assert source["type"] == "prometheus"
    # $__rate_interval is four of these.
    assert source["jsonData"]["timeInterval"] == "15s"


def test_dashboards_come_from_a_folder_of_files() -> None:
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "fabricscope.yaml").read_text("utf-8"))["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"] in (shipped.GRAFANA / "README.md").read_text("utf-8")


def test_samples_of_scrape_configurations_name_the_jobs_that_rules_know() -> None:
    readme = (shipped.GRAFANA / "README.md").read_text("utf-8")
    samples = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)]
    jobs = {job["job_name"] for sample in samples for job in sample.get("scrape_configs", ())}
    known = {found for rule in shipped.rules() for found in re.findall(r'\bjob="([\w-]+)"', rule["expr"])}
    assert jobs == known == {"fabricscope-collector", "fabricscope-probe"}
