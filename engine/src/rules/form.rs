//! The normal form of rules, as `probes/flows/language/normal_form.py` writes it. Everything that may be left out in YAML
//! stands here, names are resolved, and expressions are trees.

use serde::Deserialize;
use serde_json::Value;

/// All rules in force.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// 1.
    pub version: u32,
    pub rules: Vec<RuleForm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleForm {
    pub name: String,
    pub label: String,
    /// `tcp`, `udp`, `sctp`, `dccp`, `rdma`, `ip/N`, `ether/N`, the numbers decimal.
    pub transports: Vec<String>,
    /// First and last.
    pub ports: Vec<(u16, u16)>,
    /// Names of rules.
    pub refines: Vec<String>,
    pub extract: Option<String>,
    /// Name and patterns.
    pub fields: Vec<(String, Vec<String>)>,
    /// Packets to look at after the match.
    pub listen: u16,
    pub alternatives: Vec<AlternativeForm>,
}

/// One way in which a rule matches.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlternativeForm {
    pub name: String,
    pub confidence: f32,
    pub packets: u16,
    pub ports_required: bool,
    pub tests: Vec<TestForm>,
    pub not: Vec<Vec<TestForm>>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Side {
    Client,
    Server,
    Either,
    Both,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Which {
    First,
    Any,
    Every,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestForm {
    pub side: Side,
    /// One must match; none stands for anything.
    pub patterns: Vec<String>,
    pub within: Option<usize>,
    pub checks: Vec<CheckForm>,
    pub message: Which,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckForm {
    /// As somebody wrote it, for the evidence.
    pub text: String,
    pub tree: Value,
}
