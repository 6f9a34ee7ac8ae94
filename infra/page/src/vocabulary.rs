//! What the fields of documents mean, from the contracts' schemas.

use std::collections::BTreeMap;

use serde_json::Value;
use spillway_contracts::schema::contracts;

/// For each contract the descriptions of its fields by their paths, such as `plan.cycles[].number`; the contract's own has
/// the empty path.
pub(crate) fn vocabulary() -> BTreeMap<String, BTreeMap<String, String>> {
    let describe = |contract: spillway_contracts::schema::Contract| {
        let schema = contract.schema.to_value();
        let mut fields = BTreeMap::new();
        describe(&schema, &schema, String::new(), &mut fields, 0);
        (contract.name.to_owned(), fields)
    };
    contracts().into_iter().map(describe).collect()
}

/// No contract is nested deeper; a schema that refers to itself would be without an end.
const DEEPEST: usize = 8;

fn describe(root: &Value, schema: &Value, path: String, fields: &mut BTreeMap<String, String>, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    if let Some(text) = schema["description"].as_str() {
        // Paragraphs after the first are for whoever reads the contract itself.
        let first = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        fields.entry(path.clone()).or_insert(first);
    }
    let reference = schema["$ref"].as_str().and_then(|it| root.pointer(it.strip_prefix('#')?));
    let alternatives = ["anyOf", "allOf"].iter().flat_map(|&word| schema[word].as_array().into_iter().flatten());
    for part in reference.into_iter().chain(alternatives) {
        describe(root, part, path.clone(), fields, depth + 1);
    }
    if schema["items"].is_object() {
        describe(root, &schema["items"], format!("{path}[]"), fields, depth + 1);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        describe(root, property, path, fields, depth + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(contract: &str, path: &str, expect: &str) {
        assert_eq!(vocabulary()[contract].get(path).map(String::as_str), Some(expect));
    }

    #[test]
    fn fields_are_described_wherever_they_stand() {
        check("history-record", "size_delta", "What the event changed the total by, in bytes.");
        check("cleaner-decision-line", "chosen[].size", "The object's size, in bytes.");
        check("cleaner-decision-line", "", "The line in which the cleaner says what it decided, and why.");
    }

    #[test]
    fn every_contract_describes_something() {
        let silent: Vec<_> = vocabulary().into_iter().filter(|(_, fields)| fields.is_empty()).collect();
        assert_eq!(silent, []);
    }
}
