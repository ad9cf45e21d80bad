//! In which order rules are taken up.

use std::collections::HashSet;

use super::form::RuleForm;

/// Places of rules, sorted by name and so that each comes after what it refines.
pub(super) fn in_order(forms: &[RuleForm]) -> Result<Vec<usize>, String> {
    let mut waiting: Vec<usize> = (0..forms.len()).collect();
    let name = |place: &usize| forms.get(*place).map_or("", |form| form.name.as_str());
    waiting.sort_by_key(name);
    if let Some(pair) = waiting.windows(2).find(|pair| match pair {
        [a, b] => name(a) == name(b),
        _ => false,
    }) {
        return Err(format!(
            "rule {} is there twice",
            pair.first().map_or("", name)
        ));
    }
    let mut done: HashSet<&str> = HashSet::new();
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let free = |place: &usize| {
            forms.get(*place).is_some_and(|form| {
                form.refines
                    .iter()
                    .all(|parent| done.contains(parent.as_str()))
            })
        };
        let (now, later): (Vec<_>, Vec<_>) = waiting.iter().partition(|place| free(place));
        if now.is_empty() {
            let stuck: Vec<_> = later.iter().take(5).map(name).collect();
            return Err(format!(
                "rules that refine one another, or what is not there: {}",
                stuck.join(", ")
            ));
        }
        done.extend(now.iter().map(name));
        order.extend(now);
        waiting = later;
    }
    Ok(order)
}
